//! Reads the users file, and again when it changed.

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::SystemTime;

use log::{info, warn};

use super::options::StartError;
use super::shared::Shared;
use crate::identity::Users;

/// The users file of a router, if it has one.
#[derive(Debug, Default)]
pub(super) struct UsersFile {
    path: Option<PathBuf>,
    seen: RefCell<Option<(SystemTime, u64)>>,
}

impl UsersFile {
    pub(super) fn new(path: Option<&str>) -> Self {
        Self { path: path.map(PathBuf::from), seen: RefCell::default() }
    }

    /// Reads it for the first time.
    pub(super) fn load(&self, shared: &Shared) -> Result<(), StartError> {
        self.read(shared).map_err(|rule| {
            let path = self.path.as_ref().map(|path| path.display().to_string());
            StartError::Users { path: path.unwrap_or_default(), rule }
        })
    }

    /// Looks whether it changed; the users before stay when it cannot be read.
    pub(super) fn refresh(&self, shared: &Shared) {
        if self.path.is_some() && self.stamp() != *self.seen.borrow() {
            match self.read(shared) {
                Ok(()) => info!("users were read again"),
                Err(rule) => warn!("the users before stay: {rule}"),
            }
        }
    }

    fn read(&self, shared: &Shared) -> Result<(), String> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        self.seen.replace(self.stamp());
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let users = Users::parse(&text).map_err(|error| error.to_string())?;
        shared.core.borrow_mut().set_users(users);
        Ok(())
    }

    fn stamp(&self) -> Option<(SystemTime, u64)> {
        let metadata = std::fs::metadata(self.path.as_ref()?).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    }
}
