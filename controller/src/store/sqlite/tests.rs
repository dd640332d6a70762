//! A transaction that SQLite takes back.

use std::sync::mpsc;

use rusqlite::Connection;

use super::connection::SqliteSession;
use crate::store::Tx as _;
use crate::store::worker::run_writes;
use crate::store::{Done, Job, SqlValue};

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
    let mut session = SqliteSession::reading(connection);
    run_writes(&mut session, super::BEGIN_WRITE, &jobs);
    let mut answers: Vec<_> = answers.iter().collect();
    answers.sort_unstable();
    let mut expected = [(texts[0], false), (texts[1], false), (texts[2], true), (texts[3], true)];
    expected.sort_unstable();
    assert_eq!(answers, expected);
    let kept = session.query("SELECT sum(n) FROM t", &[]).unwrap()[0].int(0).unwrap();
    assert_eq!(kept, 5);
}
