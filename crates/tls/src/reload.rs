//! Something made from files, made again when they change. Connections that are open keep what they began
//! with; the next one gets the newest.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::TlsError;

type Build<T> = Box<dyn Fn() -> Result<Arc<T>, TlsError> + Send + Sync>;

/// A value and the files behind it. Nothing runs in the background: whoever holds it calls
/// [`Reloading::refresh`] now and then, or before each use.
pub struct Reloading<T> {
    files: Vec<PathBuf>,
    build: Build<T>,
    state: Mutex<State<T>>,
}

struct State<T> {
    current: Arc<T>,
    seen: Vec<Option<Stamp>>,
}

/// What tells one version of a file from the next, also when it was replaced within a second.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl<T> Reloading<T> {
    /// Builds the first version.
    ///
    /// # Errors
    /// What `build` says.
    pub fn new(
        files: Vec<PathBuf>,
        build: impl Fn() -> Result<Arc<T>, TlsError> + Send + Sync + 'static,
    ) -> Result<Self, TlsError> {
        let seen = stamps(&files);
        let state = Mutex::new(State { current: build()?, seen });
        Ok(Self { files, build: Box::new(build), state })
    }

    /// The newest version that could be built.
    pub fn current(&self) -> Arc<T> {
        Arc::clone(&self.state().current)
    }

    /// Looks at the files, and builds again when one changed. Returns whether there is a new version.
    ///
    /// # Errors
    /// What `build` says; the version before stays, and the next change is tried again.
    pub fn refresh(&self) -> Result<bool, TlsError> {
        let mut state = self.state();
        let stamps = stamps(&self.files);
        if stamps == state.seen {
            return Ok(false);
        }
        // Stamps were taken before the files are read: a change in between is seen next time.
        state.seen = stamps;
        state.current = (self.build)()?;
        Ok(true)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Reloading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloading").field("files", &self.files).finish_non_exhaustive()
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Option<Stamp>> {
    let stamp = |path: &PathBuf| {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Stamp {
            inode: metadata.ino(),
            length: metadata.size(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
        })
    };
    files.iter().map(stamp).collect()
}
