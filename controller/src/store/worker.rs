//! What a store's writer thread does, on any database: it takes what waits, runs each job in a savepoint of one
//! transaction, commits once, and only then lets the jobs answer.

use std::sync::mpsc::Receiver;

use super::{Done, Job, Tx};

/// Jobs that share one commit at most.
const BATCH: usize = 256;

/// A connection that one thread writes on.
pub(super) trait Session: Tx {
    /// Begins a transaction with this statement, on a new connection if the last one broke.
    fn begin(&mut self, sql: &'static str) -> Result<(), String>;
    /// Runs a statement that controls the transaction.
    fn control(&mut self, sql: &'static str) -> Result<(), String>;
    /// Ends the transaction and keeps what it did.
    fn commit(&mut self) -> Result<(), String> {
        self.control("COMMIT")
    }
    /// The transaction is no more, though no one ended it.
    fn lost(&mut self) -> bool;
    /// A commit failed. If it may have happened all the same, what it left behind has to be looked up.
    fn doubt(&mut self) {}
}

/// Runs jobs until nobody can send any more. `begin` opens a transaction that no other writer runs beside.
pub(super) fn run_writes(session: &mut dyn Session, begin: &'static str, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut batch = std::iter::once(first).chain(jobs.try_iter().take(BATCH - 1));
        while let Some(first) = batch.next() {
            run_together(session, begin, first, &mut batch);
        }
    }
}

/// Runs jobs in one transaction: all of the batch, unless the transaction is lost on the way.
fn run_together(
    session: &mut dyn Session,
    begin: &'static str,
    first: Job,
    rest: &mut dyn Iterator<Item = Job>,
) {
    if let Err(error) = session.begin(begin) {
        // Each job is dropped with its answer, so each caller learns that nothing happened.
        log::error!("cannot begin a transaction: {error}");
        rest.for_each(drop);
        return;
    }
    let mut kept: Vec<Done> = Vec::new();
    for job in std::iter::once(first).chain(rest) {
        kept.extend(run_one(session, job));
        if session.lost() {
            // A full disk, failed I/O or a cut connection: everything was taken back, not only this job. The next one
            // must not run outside of a transaction.
            log::error!("a transaction was rolled back by the database");
            let lost = || Err("rolled back by the database".to_owned());
            kept.into_iter().for_each(|done| (done.answer)(lost()));
            return;
        }
    }
    let result = session.commit();
    if let Err(error) = &result {
        log::error!("cannot commit: {error}");
        session.doubt();
        let _ = session.control("ROLLBACK");
    }
    for done in kept {
        (done.answer)(result.clone());
    }
}

/// Runs a job in a savepoint; gives it back when its answer waits for the commit.
fn run_one(session: &mut dyn Session, job: Job) -> Option<Done> {
    if let Err(error) = session.control("SAVEPOINT job") {
        log::error!("cannot open a savepoint: {error}");
        return None;
    }
    let done = job(as_tx(session));
    if done.keep {
        return match session.control("RELEASE SAVEPOINT job") {
            Ok(()) => Some(done),
            Err(error) => {
                // One of its statements failed and it went on: the database does not.
                let _ = session.control("ROLLBACK TO SAVEPOINT job");
                (done.answer)(Err(error));
                None
            }
        };
    }
    let undone = session
        .control("ROLLBACK TO SAVEPOINT job")
        .and_then(|()| session.control("RELEASE SAVEPOINT job"));
    (done.answer)(undone);
    None
}

fn as_tx(session: &mut dyn Session) -> &mut dyn Tx {
    session
}

/// Runs a job that only reads, in a transaction of its own that `begin` opens.
pub(super) fn run_read(session: &mut dyn Session, begin: &'static str, job: Job) {
    if let Err(error) = session.begin(begin) {
        log::error!("cannot begin a read: {error}");
        return;
    }
    let done = job(as_tx(session));
    let ended = session.control("COMMIT");
    (done.answer)(ended);
}
