//! TLS towards the Controller: the machine's trust anchors and the configured certificate, the host's name checked, the
//! time never before what is known to have passed (agent contract 3.1).

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use iofog_tls::rustls::pki_types::ServerName;
use iofog_tls::rustls::{self, ClientConfig};
use iofog_tls::{ClientOptions, FloorClock, Reloading, TlsError, Trust};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::ControllerError;

/// TLS state of one client; made at the first https connection.
#[derive(Default)]
pub(super) struct Tls {
    clock: FloorClock,
    config: RefCell<Option<(PathBuf, Reloading<ClientConfig>)>>,
}

// === impl Tls ===

impl Tls {
    /// Another Controller: no session of the last one is resumed.
    pub(super) fn forget(&self) {
        *self.config.borrow_mut() = None;
    }

    /// A moment that a trusted Controller says has passed, seconds since 1970.
    pub(super) fn passed(&self, seconds: u32) {
        self.clock.passed(seconds);
    }

    /// Encrypts a connection to `host`.
    pub(super) async fn secure(
        &self,
        stream: TcpStream,
        host: &str,
        certificate: &Path,
    ) -> Result<TlsStream<TcpStream>, ControllerError> {
        let config = self.config(certificate).map_err(refused)?;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| ControllerError::Url(format!("'{host}' is no host name")))?;
        TlsConnector::from(config).connect(name, stream).await.map_err(|error| {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            match inner {
                Some(cause) => ControllerError::Certificate(cause.to_string()),
                None => ControllerError::Connect(error),
            }
        })
    }

    fn config(&self, certificate: &Path) -> Result<Arc<ClientConfig>, TlsError> {
        let mut kept = self.config.borrow_mut();
        if let Some((path, config)) = kept.as_ref()
            && path == certificate
        {
            // A file that became unusable leaves the last good one in force.
            if let Err(error) = config.refresh() {
                log::warn!(target: "controller", "{}: {error}", certificate.display());
            }
            return Ok(config.current());
        }
        let (path, clock) = (certificate.to_owned(), self.clock.clone());
        let build = move || build(&path, clock.clone());
        let config = Reloading::new(vec![certificate.to_owned()], build)?;
        let current = config.current();
        *kept = Some((certificate.to_owned(), config));
        Ok(current)
    }
}

fn build(certificate: &Path, clock: FloorClock) -> Result<Arc<ClientConfig>, TlsError> {
    let own = certificate.exists().then(|| Trust::from_file(certificate)).transpose()?;
    let trust = match (own, Trust::system()) {
        (Some(own), Ok(system)) => system.with(&own),
        // Small devices have no list of authorities.
        (Some(own), Err(_)) => own,
        (None, system) => system?,
    };
    ClientOptions { clock, ..ClientOptions::new(trust) }.build()
}

fn refused(error: TlsError) -> ControllerError {
    ControllerError::Certificate(error.to_string())
}
