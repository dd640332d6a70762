//! The embedded store: one writer thread with group commit, one reader thread, both on a WAL database.

mod connection;
mod worker;

use std::path::Path;
use std::sync::mpsc;
use std::thread;

use super::{Job, Store, Stored};

/// Jobs that may wait per thread before callers block.
const QUEUE: usize = 4096;

/// An SQLite database.
#[derive(Debug)]
pub struct SqliteStore {
    writes: mpsc::SyncSender<Job>,
    reads: mpsc::SyncSender<Job>,
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
        let (writes, write_jobs) = mpsc::sync_channel(QUEUE);
        let (reads, read_jobs) = mpsc::sync_channel(QUEUE);
        spawn("store-write", move || worker::run_writes(&writer, &write_jobs))?;
        spawn("store-read", move || worker::run_reads(&reader, &read_jobs))?;
        Ok(Self { writes, reads })
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Stored<()> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map(drop)
        .map_err(|error| super::StoreError::Database(format!("cannot start {name}: {error}")))
}

impl Store for SqliteStore {
    fn write(&self, job: Job) {
        // The receiver lives as long as the process; a dropped job drops its answer, which its caller sees.
        let _ = self.writes.send(job);
    }

    fn read(&self, job: Job) {
        let _ = self.reads.send(job);
    }
}
