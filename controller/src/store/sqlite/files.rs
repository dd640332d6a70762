//! The files of the database, watched: one that was removed or put in another's place still takes writes, which nobody finds again.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Which file it is: file system and number there.
type Identity = (u64, u64);

/// The files as they were opened.
#[derive(Debug)]
pub(super) struct Files {
    path: PathBuf,
    database: Identity,
    log_path: PathBuf,
    /// Of the write-ahead log, from the first time that there is one.
    log: OnceLock<Identity>,
}

impl Files {
    /// Of a database that is open.
    ///
    /// # Errors
    /// When its file cannot be looked at.
    pub(super) fn of(path: &Path) -> std::io::Result<Self> {
        let mut log_path = path.as_os_str().to_owned();
        log_path.push("-wal");
        let database = identity(path)?;
        let log_path = PathBuf::from(log_path);
        Ok(Self { path: path.to_owned(), database, log_path, log: OnceLock::new() })
    }

    /// The files are where they were.
    ///
    /// # Errors
    /// Which is not.
    pub(super) fn check(&self) -> Result<(), String> {
        same(&self.path, self.database)?;
        match self.log.get() {
            Some(log) => same(&self.log_path, *log),
            None => {
                if let Ok(found) = identity(&self.log_path) {
                    let _ = self.log.set(found);
                }
                Ok(())
            }
        }
    }
}

fn same(path: &Path, known: Identity) -> Result<(), String> {
    match identity(path) {
        Ok(found) if found == known => Ok(()),
        Ok(_) => Err(format!("{} was replaced while it was open", path.display())),
        Err(error) => Err(format!("{} is gone: {error}", path.display())),
    }
}

fn identity(path: &Path) -> std::io::Result<Identity> {
    let found = std::fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}
