//! Which engine a node has: the one it used before, else Docker where it is installed, else the native one.

use std::path::Path;

#[cfg(feature = "docker")]
use super::DockerEngine;
use super::{Engine, NativeEngine, NativeOptions};
use crate::domain::{Container, ContainerId, Done, Failure, Step};

/// The setting that names the native engine.
pub(super) const NATIVE_URL: &str = "native://";

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineChoice {
    /// Docker or Podman over their API.
    Docker,
    /// None but the Agent and an OCI runtime.
    Native,
}

/// The engine of a node.
pub enum AnyEngine {
    /// Docker or Podman.
    #[cfg(feature = "docker")]
    Docker(DockerEngine),
    /// Native.
    Native(NativeEngine),
}

// === impl EngineChoice ===

impl EngineChoice {
    /// Decides by what is installed, not by what answers: an engine that starts late must not be replaced.
    pub fn decide(url: &str, options: &NativeOptions) -> Self {
        let socket = url.strip_prefix("unix://").map(|path| path.trim_end_matches('/'));
        let known =
            socket.is_some_and(|path| Path::new(path).exists() || path != "/var/run/docker.sock");
        let facts = Facts {
            named: url == NATIVE_URL,
            in_use: options.in_use(),
            other: socket.is_none()
                || known
                || program_exists("dockerd")
                || program_exists("podman"),
            runtime: NativeOptions::runtime_exists(),
        };
        facts.choice()
    }
}

struct Facts {
    named: bool,
    in_use: bool,
    other: bool,
    runtime: bool,
}

impl Facts {
    fn choice(&self) -> EngineChoice {
        if !cfg!(feature = "docker") || self.named || self.in_use && self.runtime {
            return EngineChoice::Native;
        }
        if self.runtime && !self.other { EngineChoice::Native } else { EngineChoice::Docker }
    }
}

fn program_exists(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/bin", "/usr/sbin", "/usr/local/bin"].map(Into::into);
    std::env::split_paths(&path).chain(usual).any(|folder| folder.join(name).is_file())
}

// === impl AnyEngine ===

impl AnyEngine {
    /// The engine for this setting. Must be called on the local task set.
    pub fn open(url: &str, options: NativeOptions) -> Self {
        match EngineChoice::decide(url, &options) {
            #[cfg(feature = "docker")]
            EngineChoice::Docker => Self::Docker(DockerEngine::new(url)),
            _ => {
                log::info!(target: "engine", "native engine in {}", options.library.display());
                Self::Native(NativeEngine::new(options))
            }
        }
    }

    /// Follows a changed setting; going over to another kind of engine takes a restart.
    pub fn set_url(&self, url: &str) {
        match self {
            #[cfg(feature = "docker")]
            Self::Docker(_) if url == NATIVE_URL => {
                log::warn!(target: "engine", "docker_url: the native engine begins with the next start of the agent");
            }
            #[cfg(feature = "docker")]
            Self::Docker(engine) => engine.set_url(url),
            // Only Docker has an address.
            Self::Native(_) => _ = url,
        }
    }
}

impl Engine for AnyEngine {
    async fn list(&self) -> Result<Vec<Container>, Failure> {
        match self {
            #[cfg(feature = "docker")]
            Self::Docker(engine) => engine.list().await,
            Self::Native(engine) => engine.list().await,
        }
    }

    async fn perform(&self, step: &Step, progress: &dyn Fn(u8)) -> Result<Done, Failure> {
        match self {
            #[cfg(feature = "docker")]
            Self::Docker(engine) => engine.perform(step, progress).await,
            Self::Native(engine) => engine.perform(step, progress).await,
        }
    }

    async fn changed(&self) {
        match self {
            #[cfg(feature = "docker")]
            Self::Docker(engine) => engine.changed().await,
            Self::Native(engine) => engine.changed().await,
        }
    }

    async fn save(&self, container: &ContainerId, to: &Path, most: u64) -> Result<(), Failure> {
        match self {
            #[cfg(feature = "docker")]
            Self::Docker(engine) => engine.save(container, to, most).await,
            Self::Native(engine) => engine.save(container, to, most).await,
        }
    }

    async fn prune(&self, images: &[String]) -> Result<u64, Failure> {
        match self {
            #[cfg(feature = "docker")]
            Self::Docker(engine) => engine.prune(images).await,
            Self::Native(engine) => engine.prune(images).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "docker")]
    fn what_was_used_before_is_kept_and_docker_comes_next() {
        let choice =
            |named, in_use, other, runtime| Facts { named, in_use, other, runtime }.choice();
        assert_eq!(choice(false, false, true, true), EngineChoice::Docker);
        assert_eq!(choice(false, false, false, true), EngineChoice::Native);
        assert_eq!(choice(false, true, true, true), EngineChoice::Native);
        assert_eq!(choice(true, false, true, false), EngineChoice::Native);
        assert_eq!(
            choice(false, false, false, false),
            EngineChoice::Docker,
            "its error says what is missing"
        );
    }
}
