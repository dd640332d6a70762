//! The embedded store: one writer thread with group commit, one reader thread, both on a WAL database.

mod connection;
mod files;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, mpsc};

use super::worker::{run_read, run_writes};
use super::{Job, Store, StoreError, Stored, spawn};
use connection::SqliteSession;
use files::Files;

/// Jobs that may wait per thread before callers block.
const QUEUE: usize = 4096;

/// Takes the write lock at once, so that no statement finds it taken half-way.
const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

/// An SQLite database.
#[derive(Debug)]
pub struct SqliteStore {
    writes: mpsc::SyncSender<Job>,
    reads: mpsc::SyncSender<Job>,
    files: Arc<Files>,
}

impl SqliteStore {
    /// Opens or creates the database and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be opened or its schema is newer than this program.
    pub fn open(path: &Path) -> Stored<Self> {
        let writer = connection::open(path)?;
        connection::migrate(&writer)?;
        let reader = connection::open(path)?;
        let files = Files::of(path).map_err(|error| StoreError::Database(error.to_string()))?;
        let files = Arc::new(files);
        let watched = Arc::clone(&files);
        let (writes, write_jobs) = mpsc::sync_channel(QUEUE);
        let (reads, read_jobs) = mpsc::sync_channel(QUEUE);
        spawn("store-write", move || {
            let mut session = SqliteSession::writing(writer, watched);
            run_writes(&mut session, BEGIN_WRITE, &write_jobs);
        })?;
        spawn("store-read", move || {
            let mut session = SqliteSession::reading(reader);
            read_jobs.iter().for_each(|job| run_read(&mut session, "BEGIN", job));
        })?;
        Ok(Self { writes, reads, files })
    }
}

impl Store for SqliteStore {
    fn write(&self, job: Job) {
        // The receiver lives as long as the process; a dropped job drops its answer, which its caller sees.
        let _ = self.writes.send(job);
    }

    fn read(&self, job: Job) {
        let _ = self.reads.send(job);
    }

    fn check(&self) -> Result<(), String> {
        self.files.check()
    }
}
