//! Where things lie on disk: the upstream tree, or one folder given by `--state-dir`.

use std::path::{Path, PathBuf};

/// Folders of the Agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// `config.xml` and its relatives, `local-api`, caches.
    pub config: PathBuf,
    /// State snapshots, outbox, archive.
    pub library: PathBuf,
    /// Log files.
    pub log: PathBuf,
    /// Socket and lock.
    pub run: PathBuf,
}

impl Paths {
    /// The upstream tree, under `SNAP_COMMON` when that is given (agent contract 4.1).
    pub fn system(prefix: Option<&Path>) -> Self {
        let root = prefix.unwrap_or_else(|| Path::new("")).to_owned();
        let under = |path: &str| match root.as_os_str().is_empty() {
            true => PathBuf::from(path),
            false => root.join(path.trim_start_matches('/')),
        };
        Self {
            config: under("/etc/iofog-agent"),
            library: under("/var/lib/iofog-agent"),
            log: under("/var/log/iofog-agent"),
            run: under("/var/run/iofog-agent"),
        }
    }

    /// Everything under one folder.
    pub fn under(folder: &Path) -> Self {
        Self {
            config: folder.to_owned(),
            library: folder.join("lib"),
            log: folder.join("log"),
            run: folder.to_owned(),
        }
    }

    /// The Unix socket of the command line.
    pub fn socket(&self) -> PathBuf {
        self.run.join("agent.sock")
    }

    /// The lock that keeps a second daemon away.
    pub fn lock(&self) -> PathBuf {
        self.run.join("agent.lock")
    }

    /// The administration token of the Local API.
    pub fn local_api_token(&self) -> PathBuf {
        self.config.join("local-api")
    }
}
