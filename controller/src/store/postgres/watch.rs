//! Hears what other Controllers commit, and keeps the lock of the one that runs the jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use postgres::Client;
use postgres::fallible_iterator::FallibleIterator as _;

use super::Server;
use crate::store::{Heard, News};

/// Key of the lock that the Controller holds which runs the jobs for all. It goes with the connection.
const LEAD: &str = "SELECT pg_try_advisory_lock(7310028)";
/// Looked at this often also without a call: a call may be lost with a connection.
const LOOK: Duration = Duration::from_millis(1_000);

/// What the watching thread knows.
pub(super) struct Watch {
    pub(super) server: Server,
    pub(super) origin: String,
    pub(super) leads: Arc<AtomicBool>,
    /// Set by the writer when nobody knows whether its commit happened.
    pub(super) doubt: Arc<AtomicBool>,
    pub(super) news: News,
    /// The last effect that was passed on.
    pub(super) last: i64,
}

impl Watch {
    /// Runs as long as the process.
    pub(super) fn run(mut self) {
        loop {
            let ended = self
                .server
                .connect()
                .map_err(|error| error.to_string())
                .and_then(|client| self.listen(client).map_err(|error| error.to_string()));
            self.leads.store(false, Ordering::Relaxed);
            if let Err(error) = ended {
                log::warn!("news of other Controllers: {error}");
            }
            std::thread::sleep(LOOK);
        }
    }

    fn listen(&mut self, mut client: Client) -> Result<(), postgres::Error> {
        client.batch_execute("LISTEN iofog_effects")?;
        loop {
            if !self.leads.load(Ordering::Relaxed) {
                let leads = client.query_one(LEAD, &[])?.try_get(0)?;
                if leads {
                    log::info!("this Controller runs the jobs");
                }
                self.leads.store(leads, Ordering::Relaxed);
            }
            self.catch_up(&mut client)?;
            let mut notifications = client.notifications();
            // One call stands for all that follow it within the same look.
            notifications.timeout_iter(LOOK).next()?;
            while notifications.iter().next()?.is_some() {}
        }
    }

    fn catch_up(&mut self, client: &mut Client) -> Result<(), postgres::Error> {
        let sql = "SELECT id, origin, document FROM effects WHERE id >= $1 ORDER BY id";
        let rows = client.query(sql, &[&self.last])?;
        let known = |row: &postgres::Row| -> Result<i64, postgres::Error> { row.try_get(0) };
        let first = rows.first().map(known).transpose()?;
        // The last one heard is still there, unless it was cleared away: then others may have been too.
        if self.last > 0 && first.is_some_and(|first| first != self.last) {
            (self.news)(Heard::Missed);
        }
        // What such a commit left behind is read with everything else; its own effects are not heard.
        if self.doubt.swap(false, Ordering::Relaxed) {
            (self.news)(Heard::Missed);
        }
        for row in rows {
            let (id, origin): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
            if id > self.last {
                if origin != self.origin {
                    (self.news)(Heard::Effects(row.try_get(2)?));
                }
                self.last = id;
            }
        }
        Ok(())
    }
}
