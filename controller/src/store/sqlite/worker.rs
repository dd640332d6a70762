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
        let batch = std::iter::once(first).chain(jobs.try_iter().take(BATCH - 1));
        if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
            // Each job is dropped with its answer, so each caller learns that nothing happened.
            log::error!("cannot begin a transaction: {error}");
            batch.for_each(drop);
            continue;
        }
        let kept: Vec<Done> = batch.filter_map(|job| run_one(connection, job)).collect();
        let result = connection.execute_batch("COMMIT").map_err(|error| error.to_string());
        if let Err(error) = &result {
            log::error!("cannot commit: {error}");
            let _ = connection.execute_batch("ROLLBACK");
        }
        for done in kept {
            (done.answer)(result.clone());
        }
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
