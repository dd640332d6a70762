//! Moving in from a Controller 3.0.4: what is no database of one is refused and leaves nothing behind; a database made
//! by one (`IOFOG_PEER_DATABASE`) is taken over, once.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail here, and says when it cannot run"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of the test's own.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("iofog-import-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn import(file: &Path, into: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_iofog-controller"))
        .arg("import")
        .arg(file)
        .arg("--data-dir")
        .arg(into)
        .output()
        .unwrap()
}

fn rows(into: &Path, table: &str) -> i64 {
    let database = rusqlite::Connection::open(into.join("controller.sqlite")).unwrap();
    database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn what_is_no_database_of_a_controller_is_refused() {
    let into = folder("refused");
    let text = into.join("text");
    std::fs::write(&text, "no database").unwrap();
    let other = into.join("other.sqlite");
    rusqlite::Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE t (n INTEGER)")
        .unwrap();
    let older = into.join("older.sqlite");
    let sql = "CREATE TABLE SequelizeMeta (name TEXT); INSERT INTO SequelizeMeta VALUES ('20180928110125-x.js')";
    rusqlite::Connection::open(&older).unwrap().execute_batch(sql).unwrap();
    for (file, why) in [
        (&into.join("nowhere"), "cannot read"),
        (&text, "this is no database of a Controller"),
        (&other, "this is no database of a Controller"),
        (&older, "not of Controller 3.0.4"),
    ] {
        let output = import(file, &into);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{}: {said}", file.display());
        assert_eq!(rows(&into, "users"), 0);
    }
    std::fs::remove_dir_all(&into).unwrap();
}

#[test]
fn a_database_made_by_the_other_controller_is_taken_over_once() {
    let Some(file) = std::env::var_os("IOFOG_PEER_DATABASE").map(PathBuf::from) else {
        println!("skipped: IOFOG_PEER_DATABASE names no database of a Controller 3.0.4");
        return;
    };
    let into = folder("taken");
    let output = import(&file, &into);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let source = rusqlite::Connection::open(&file).unwrap();
    for (theirs, ours) in [
        ("Users", "users"),
        ("Fogs", "fogs"),
        ("Microservices", "microservices"),
        ("Routings", "routes"),
        ("EdgeResources", "edge_resources"),
    ] {
        let sql = format!("SELECT count(*) FROM {theirs}");
        let count: i64 = source.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(rows(&into, ours), count, "{theirs}");
    }
    let again = import(&file, &into);
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success() && said.contains("import into a new one"), "{said}");
    std::fs::remove_dir_all(&into).unwrap();
}
