//! The store of many Controllers: one PostgreSQL database, writers that take turns, and news of what others
//! committed.

mod connection;
mod server;
mod tls;
mod watch;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

pub use server::{Address, Server};

use super::worker::{run_read, run_writes};
use super::{Job, News, Store, StoreError, Stored, Tx, spawn};
use connection::{BEGIN_WRITE, PgSession};

/// Jobs that may wait before callers block.
const QUEUE: usize = 4096;
/// Connections that read.
const READERS: usize = 2;
/// A read sees one state of the database from its first statement to its last.
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// Numbered migrations; the database remembers how many it has seen.
const MIGRATIONS: [&str; 5] = [
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
];

/// A PostgreSQL database.
pub struct PgStore {
    server: Server,
    /// Tells the effects of this process from those of others.
    origin: String,
    writes: mpsc::SyncSender<Job>,
    reads: mpsc::SyncSender<Job>,
    leads: Arc<AtomicBool>,
    /// A commit may have happened that its caller was told nothing of.
    doubt: Arc<AtomicBool>,
}

impl PgStore {
    /// Connects and brings the schema up to date. `origin` names this process among the Controllers. Not to be called
    /// on a thread of an asynchronous runtime.
    ///
    /// # Errors
    /// When the database does not answer, or its schema is newer than this program.
    pub fn open(server: Server, origin: String) -> Stored<Self> {
        migrate(&server)?;
        let (writes, write_jobs) = mpsc::sync_channel(QUEUE);
        let (reads, read_jobs) = mpsc::sync_channel::<Job>(QUEUE);
        let doubt = Arc::default();
        let mut writer = PgSession::open(server.clone(), Arc::clone(&doubt))?;
        spawn("store-write", move || run_writes(&mut writer, BEGIN_WRITE, &write_jobs))?;
        let read_jobs = Arc::new(Mutex::new(read_jobs));
        for _ in 0..READERS {
            let mut reader = PgSession::open(server.clone(), Arc::default())?;
            let jobs = Arc::clone(&read_jobs);
            spawn("store-read", move || {
                loop {
                    // Whoever has the lock waits for the next job; the others wait for the lock.
                    let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(job) = job else { return };
                    run_read(&mut reader, BEGIN_READ, job);
                }
            })?;
        }
        Ok(Self { server, origin, writes, reads, leads: Arc::default(), doubt })
    }
}

fn migrate(server: &Server) -> Stored<()> {
    let mut client = server.connect_patiently()?;
    let mut run = || -> Result<i64, postgres::Error> {
        // Two Controllers may start at once.
        client.batch_execute("SELECT pg_advisory_lock(7310029)")?;
        client
            .batch_execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")?;
        let row = client.query_opt("SELECT max(version) FROM schema_version", &[])?;
        let seen = row.map(|row| row.try_get::<_, Option<i64>>(0)).transpose()?.flatten();
        let seen = seen.unwrap_or(0);
        for (migration, version) in MIGRATIONS.iter().zip(1_i64..) {
            if version > seen {
                client.batch_execute(&format!(
                    "BEGIN; {migration} INSERT INTO schema_version VALUES ({version}); COMMIT"
                ))?;
            }
        }
        Ok(seen)
    };
    let seen = run().map_err(|error| connection::failed(&error))?;
    if usize::try_from(seen).unwrap_or(usize::MAX) > MIGRATIONS.len() {
        return Err(StoreError::Database(format!(
            "schema version {seen} is newer than this program's {}",
            MIGRATIONS.len()
        )));
    }
    // The connection ends, and its lock with it.
    Ok(())
}

impl Store for PgStore {
    fn write(&self, job: Job) {
        // The receiver lives as long as the process; a dropped job drops its answer, which its caller sees.
        let _ = self.writes.send(job);
    }

    fn read(&self, job: Job) {
        let _ = self.reads.send(job);
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn leads(&self) -> bool {
        self.leads.load(Ordering::Relaxed)
    }

    fn ids_given(&self, tx: &mut dyn Tx) -> Stored<()> {
        // Never backwards: ids of removed rows are not given again.
        macro_rules! follow {
            ($($table:literal),*) => {
                [$(concat!(
                    "SELECT setval(pg_get_serial_sequence('", $table, "', 'id'), GREATEST(max(id),
                     pg_sequence_last_value(pg_get_serial_sequence('", $table, "', 'id')::regclass)))
                     FROM ", $table,
                )),*]
            };
        }
        for sql in follow![
            "users",
            "registries",
            "catalog_items",
            "config",
            "routers",
            "applications",
            "public_ports",
            "routes",
            "edge_resources",
            "application_templates"
        ] {
            tx.query(sql, &[])?;
        }
        Ok(())
    }

    fn watch(&self, since: i64, news: News) {
        let watch = watch::Watch {
            server: self.server.clone(),
            origin: self.origin.clone(),
            leads: Arc::clone(&self.leads),
            doubt: Arc::clone(&self.doubt),
            news,
            last: since,
        };
        if let Err(error) = spawn("store-watch", move || watch.run()) {
            log::error!("{error}");
        }
    }
}
