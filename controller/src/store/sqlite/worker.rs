//! The store's threads. The writer takes what waits, runs each job in a savepoint of one transaction, commits
//! once, and only then lets the jobs answer.

use std::sync::mpsc::Receiver;

use rusqlite::Connection;

use super::connection::SqliteTx;
use crate::store::{Done, Job};

/// Jobs that share one commit at most.
const BATCH: usize = 256;

pub(super) fn run_writes(connection: &Connection, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut batch = std::iter::once(first).chain(jobs.try_iter().take(BATCH - 1));
        while let Some(first) = batch.next() {
            run_together(connection, first, &mut batch);
        }
    }
}

/// Runs jobs in one transaction: all of the batch, unless the transaction is lost on the way.
fn run_together(connection: &Connection, first: Job, rest: &mut impl Iterator<Item = Job>) {
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        // Each job is dropped with its answer, so each caller learns that nothing happened.
        log::error!("cannot begin a transaction: {error}");
        rest.for_each(drop);
        return;
    }
    let mut kept: Vec<Done> = Vec::new();
    for job in std::iter::once(first).chain(rest) {
        kept.extend(run_one(connection, job));
        if connection.is_autocommit() {
            // A full disk or failed I/O: SQLite took everything back, not only this job. The next one must not run
            // outside of a transaction.
            log::error!("a transaction was rolled back by the database");
            let lost = || Err("rolled back by the database".to_owned());
            kept.into_iter().for_each(|done| (done.answer)(lost()));
            return;
        }
    }
    let result = connection.execute_batch("COMMIT").map_err(|error| error.to_string());
    if let Err(error) = &result {
        log::error!("cannot commit: {error}");
        let _ = connection.execute_batch("ROLLBACK");
    }
    for done in kept {
        (done.answer)(result.clone());
    }
}

/// Runs a job in a savepoint; gives it back when its answer waits for the commit.
fn run_one(connection: &Connection, job: Job) -> Option<Done> {
    if let Err(error) = connection.execute_batch("SAVEPOINT job") {
        log::error!("cannot open a savepoint: {error}");
        return None;
    }
    let done = job(&mut SqliteTx(connection));
    if done.keep {
        return match connection.execute_batch("RELEASE job") {
            Ok(()) => Some(done),
            Err(error) => {
                (done.answer)(Err(error.to_string()));
                None
            }
        };
    }
    let undone = connection.execute_batch("ROLLBACK TO job; RELEASE job");
    (done.answer)(undone.map_err(|error| error.to_string()));
    None
}

pub(super) fn run_reads(connection: &Connection, jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        if let Err(error) = connection.execute_batch("BEGIN") {
            log::error!("cannot begin a read: {error}");
            continue;
        }
        let done = job(&mut SqliteTx(connection));
        let ended = connection.execute_batch("COMMIT");
        (done.answer)(ended.map_err(|error| error.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::store::SqlValue;

    /// A job that runs `sql` and tells what became of it.
    fn job(sql: &'static str, heard: &mpsc::Sender<(&'static str, bool)>) -> Job {
        let heard = heard.clone();
        Box::new(move |tx| {
            let keep = tx.execute(sql, &[] as &[SqlValue]).is_ok();
            let answer = Box::new(move |stored: Result<(), String>| {
                let _ = heard.send((sql, keep && stored.is_ok()));
            });
            Done { keep, answer }
        })
    }

    #[test]
    fn a_lost_transaction_fails_the_jobs_before_it_and_none_after_it() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY)").unwrap();
        let (sender, jobs) = mpsc::channel();
        let (heard, answers) = mpsc::channel();
        // `OR ROLLBACK` stands for what SQLite does by itself when the disk is full.
        let texts = [
            "INSERT INTO t VALUES (1)",
            "INSERT OR ROLLBACK INTO t VALUES (1)",
            "INSERT INTO t VALUES (2)",
            "INSERT INTO t VALUES (3)",
        ];
        for text in texts {
            sender.send(job(text, &heard)).unwrap();
        }
        drop((sender, heard));
        run_writes(&connection, &jobs);
        let mut answers: Vec<_> = answers.iter().collect();
        answers.sort_unstable();
        let mut expected =
            [(texts[0], false), (texts[1], false), (texts[2], true), (texts[3], true)];
        expected.sort_unstable();
        assert_eq!(answers, expected);
        let kept: i64 = connection.query_row("SELECT sum(n) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, 5);
    }
}
