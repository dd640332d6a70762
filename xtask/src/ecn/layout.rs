//! Paths inside the state folder of an ECN.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The state folder; everything that an ECN keeps is below it.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// A state folder at this path, which is made absolute; nothing is created yet.
    ///
    /// # Errors
    /// When the current folder is unknown.
    pub fn at(root: &Path) -> Result<Self> {
        Ok(Self { root: std::path::absolute(root)? })
    }

    /// Creates the folder, readable by its owner only: tokens and passwords live in it.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(&self) -> Result<()> {
        fs::create_dir_all(&self.root)
            .and_then(|()| fs::set_permissions(&self.root, fs::Permissions::from_mode(0o700)))
            .with_context(|| format!("cannot create {}", self.root.display()))
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Identities and choices that stay: see [`super::EcnState`].
    pub fn state(&self) -> PathBuf {
        self.root.join("ecn.json")
    }

    /// Processes that were started.
    pub fn processes(&self) -> PathBuf {
        self.root.join("processes.json")
    }

    /// Held while one `up` or `down` works on this ECN.
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// E-mail address and password of the Controller's user.
    pub fn user(&self) -> PathBuf {
        self.root.join("user.json")
    }

    /// The Controller's data.
    pub fn controller(&self) -> PathBuf {
        self.root.join("controller")
    }

    /// State folder of an Agent, given to it as `--state-dir`.
    pub fn agent(&self, name: &str) -> PathBuf {
        self.root.join("agents").join(name)
    }

    /// Standard output and error of a process.
    pub fn log(&self, process: &str) -> PathBuf {
        self.root.join("logs").join(format!("{process}.log"))
    }
}
