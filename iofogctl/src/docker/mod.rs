//! The container engine of this machine, used from a plain thread: images, containers, programs in them.

mod archive;
mod container;
mod exec;
mod image;
mod libraries;

use bollard::Docker;
use tokio::runtime::Runtime;

use crate::output::trace;
use crate::text::{Error, Result};

pub use archive::{ProgramImage, VOLUME_LABEL};
pub use container::{Container, Plan};
pub use image::Image;

/// Where engines listen unless `DOCKER_HOST` says otherwise.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// Seconds until a call counts as unanswered: loading an image is one call.
const CALL_SECONDS: u64 = 600;

/// A container engine that answers.
pub struct Engine {
    runtime: Runtime,
    client: Docker,
    /// Path of its socket; none for one that is reached over TCP.
    socket: Option<String>,
}

// === impl Engine ===

impl Engine {
    /// The engine of `DOCKER_HOST`, or the usual one, with the newest version of the API that both sides know.
    ///
    /// # Errors
    /// [`Error::Plain`] naming the address: nothing answers there, or its form is none that is known.
    pub fn open() -> Result<Self> {
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        let host = if host.is_empty() { format!("unix://{DEFAULT_SOCKET}") } else { host };
        trace(|| format!("[engine]: {host}"));
        let failed = |reason: String| {
            Error::Plain(format!("The container engine at {host} cannot be used: {reason}"))
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        if std::env::var_os("DOCKER_TLS_VERIFY").is_some_and(|value| !value.is_empty()) {
            return Err(failed("TLS to an engine is not supported, use its socket".to_owned()));
        }
        let client = runtime.block_on(connect(&host)).map_err(failed)?;
        let socket = host.strip_prefix("unix://").map(str::to_owned);
        Ok(Self { runtime, client, socket })
    }

    /// Path of the engine's socket on its own machine.
    pub fn socket(&self) -> &str {
        self.socket.as_deref().unwrap_or(DEFAULT_SOCKET)
    }

    /// The processor of the engine's machine in the words of `uname -m`.
    ///
    /// # Errors
    /// The engine does not answer.
    pub fn machine(&self) -> Result<String> {
        let info = self.runtime.block_on(self.client.info()).map_err(failure)?;
        Ok(info.architecture.unwrap_or_default())
    }
}

async fn connect(host: &str) -> std::result::Result<Docker, String> {
    let version = bollard::API_DEFAULT_VERSION;
    let opened = match host.split_once("://") {
        Some(("unix", path)) => Docker::connect_with_unix(path, CALL_SECONDS, version),
        Some(("tcp" | "http", _)) => Docker::connect_with_http(host, CALL_SECONDS, version),
        _ => return Err("its address must begin with unix:// or tcp://".to_owned()),
    };
    let client = opened.map_err(|error| reason(&error))?;
    client.negotiate_version().await.map_err(|error| reason(&error))
}

/// What went wrong, with the innermost cause: the outer ones say little.
fn reason(error: &bollard::errors::Error) -> String {
    use bollard::errors::Error as Api;
    match error {
        Api::DockerResponseServerError { message, .. } => return message.clone(),
        Api::DockerStreamError { error } => return error.clone(),
        _ => {}
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// An engine's answer as a failure; what it does not have is [`Error::NotFound`].
fn failure(error: bollard::errors::Error) -> Error {
    let text = format!("The container engine: {}", reason(&error));
    match error {
        bollard::errors::Error::DockerResponseServerError { status_code: 404, .. } => {
            Error::NotFound(text)
        }
        _ => Error::Plain(text),
    }
}
