//! Faults around a running Controller: a full disk, a database that others hold, a server that stops, a clock that jumps.
//! None loses what was answered, leaves something half done, or needs a hand afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail here, and says when it cannot run"
)]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::Controller;
use common::postgres::Server;
use serde_json::{Value, json};

/// A guard against hangs, not a promise.
const LONG: Duration = Duration::from_secs(60);

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LONG, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A file system in memory, of a few megabytes; unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = std::env::temp_dir().join(format!("iofog-full-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let disk = Self(folder);
        disk.run("mount", &["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).then_some(disk)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        let status = Command::new(program).args(arguments).arg(&self.0).status();
        status.is_ok_and(|status| status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        self.run("umount", &[]);
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// Writes `count` values of 40 kB; gives the numbers of those that were answered with success.
fn fill(controller: &Controller, user: &str, numbers: std::ops::Range<u32>) -> Vec<u32> {
    let value = "x".repeat(40_000);
    let accepted = numbers.filter(|number| {
        let body = json!({ "key": format!("k{number}"), "value": value });
        let answer = controller.call("PUT", "/config", Some(user), &body);
        let failed = answer.status == 500 && answer.body["message"].is_string();
        assert!(answer.status == 200 || failed, "{} {}", answer.status, answer.text);
        assert!(answer.body.get("stack").is_none(), "{}", answer.text);
        answer.status == 200
    });
    accepted.collect()
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    if common::on_postgres() {
        println!("skipped: the disk of the embedded database is what fills up");
        return;
    }
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: this user may not mount a file system");
        return;
    };
    let mut controller = Controller::start_at(disk.0.join("data"));
    let user = controller.user("a@b.co");
    let mut kept = fill(&controller, &user, 0..100);
    assert!(!kept.is_empty() && kept.len() < 100, "{} of 100 fit on 2 MB", kept.len());
    // What is there can be read, and small things do no harm either way.
    let read = controller.call("GET", &format!("/config/k{}", kept[0]), Some(&user), &Value::Null);
    assert_eq!(read.status, 200);
    kept.extend(fill(&controller, &user, 100..120));
    assert!(disk.run("mount", &["-o", "remount,size=64m"]));
    let room = fill(&controller, &user, 200..210);
    assert_eq!(room, (200..210).collect::<Vec<_>>(), "there is room again");
    kept.extend(room);
    controller.kill_and_restart();
    for number in 0..210 {
        let path = format!("/config/k{number}");
        let answer = controller.call("GET", &path, Some(&user), &Value::Null);
        assert_eq!(answer.status, if kept.contains(&number) { 200 } else { 404 }, "k{number}");
    }
    let file = controller.folder().join("controller.sqlite");
    let database = rusqlite::Connection::open(file).unwrap();
    let sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    drop(controller);
}

/// Whoever removes the file of a running Controller hears of it, and nobody's change is taken to be lost later.
#[test]
fn a_database_file_that_is_gone() {
    if common::on_postgres() {
        println!("skipped: the file of the embedded database is what goes");
        return;
    }
    let mut controller = Controller::start();
    let user = controller.user("a@b.co");
    let put = |controller: &Controller, value: &str| {
        let body = json!({ "key": "k", "value": value });
        controller.call("PUT", "/config", Some(&user), &body).status
    };
    let health = |controller: &Controller| {
        let mut stream = TcpStream::connect(controller.address()).unwrap();
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    let said = |controller: &Controller, text: &str| {
        controller.log().iter().filter(|line| line.contains(text)).count()
    };
    assert_eq!(put(&controller, "before"), 200);
    for (name, times) in [("controller.sqlite", 1), ("controller.sqlite-wal", 2)] {
        let (file, aside) = (controller.folder().join(name), controller.folder().join("aside"));
        std::fs::rename(&file, &aside).unwrap();
        assert_eq!(put(&controller, "lost"), 500, "{name}");
        let ill = health(&controller);
        assert!(ill.starts_with("HTTP/1.1 503 "), "{name}: {ill}");
        assert!(ill.ends_with("the database file was removed or replaced: nothing is written\n"));
        until("no word of it in the log", || {
            said(&controller, "writes are refused until the database is put back") == times
        });
        // Another file in its place is not it.
        std::fs::write(&file, "").unwrap();
        assert_eq!(put(&controller, "lost"), 500, "{name}");
        assert!(health(&controller).starts_with("HTTP/1.1 503 "), "{name}");
        // What was answered is still told.
        let told = controller.call("GET", "/config/k", Some(&user), &Value::Null);
        assert_eq!((told.status, &told.body["value"]), (200, &json!("before")));
        std::fs::rename(&aside, &file).unwrap();
        assert_eq!(put(&controller, "before"), 200, "{name} is back");
        assert!(health(&controller).starts_with("HTTP/1.1 200 "), "{name}");
        until("no word of its return", || {
            said(&controller, "the database file is back in its place") == times
        });
    }
    assert_eq!(put(&controller, "after"), 200);
    controller.kill_and_restart();
    let told = controller.call("GET", "/config/k", Some(&user), &Value::Null);
    assert_eq!(told.body["value"], "after");
}

#[test]
fn a_database_that_others_hold() {
    if common::on_postgres() {
        println!("skipped: only the embedded database is locked as a whole");
        return;
    }
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let system = controller.system_agent(&user);
    let agent = controller.provision(&user, &system);
    let file = controller.folder().join("controller.sqlite");
    let put = |key: &str| {
        let body = json!({ "key": key, "value": "v" });
        controller.call("PUT", "/config", Some(&user), &body).status
    };
    // A reader, for as long as it likes, keeps nobody waiting.
    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute_batch("BEGIN; SELECT count(*) FROM config").unwrap();
    assert!((0..20).all(|number| put(&format!("r{number}")) == 200));
    other.execute_batch("COMMIT").unwrap();
    // A writer for a moment: ours waits.
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| put("w"));
        std::thread::sleep(Duration::from_secs(1));
        other.execute_batch("COMMIT").unwrap();
        assert_eq!(waiting.join().unwrap(), 200);
    });
    // A writer that does not end: ours is refused in the end; reads and agents go on meanwhile.
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let refused = scope.spawn(|| put("late"));
        let mut reads = 0;
        while !refused.is_finished() {
            let read = controller.call("GET", "/config/w", Some(&user), &Value::Null);
            assert_eq!(read.status, 200, "{}", read.text);
            let report = json!({ "daemonStatus": "RUNNING" });
            let told = controller.call("PUT", "/agent/status", Some(&agent), &report);
            assert_eq!(told.status, 204, "{}", told.text);
            controller.flags(&agent);
            reads += 1;
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(refused.join().unwrap(), 500);
        assert!(reads > 10, "{reads} reads in ten seconds");
    });
    let gone = controller.call("GET", "/config/late", Some(&user), &Value::Null);
    assert_eq!(gone.status, 404, "refused and done all the same");
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(put("after"), 200);
}

#[test]
fn a_database_server_that_stops_and_starts_again() {
    let Some(server) = Server::start() else {
        println!("skipped: PostgreSQL is not installed, or this user may not run it");
        return;
    };
    let database = Arc::new(server.database());
    let controller = Controller::start_on(&database);
    let user = controller.user("a@b.co");
    controller.system_agent(&user);
    let before = fill(&controller, &user, 0..5);
    assert_eq!(before.len(), 5);
    for how in ["immediate", "fast"] {
        server.stop(how);
        let body = json!({ "name": "lost", "fogType": 1, "host": "10.0.0.1" });
        let answer = controller.call("POST", "/iofog", Some(&user), &body);
        assert_eq!(answer.status, 500, "{}", answer.text);
        let health = controller.base.replace("/api/v3", "/health");
        let request = ureq::http::Request::get(health).body(String::new()).unwrap();
        assert_eq!(controller.send(request).status, 503);
        server.resume();
        until("writes work again", || {
            let body = json!({ "key": how, "value": "v" });
            controller.call("PUT", "/config", Some(&user), &body).status == 200
        });
        until("reads work again", || {
            controller.call("GET", "/config/k4", Some(&user), &Value::Null).status == 200
        });
    }
    let listed = controller.call("GET", "/iofog-list", Some(&user), &Value::Null);
    assert_eq!(listed.body["fogs"], json!([]), "refused and done all the same");
    let all = controller.call("GET", "/config", Some(&user), &Value::Null);
    assert_eq!(all.body["config"].as_array().unwrap().len(), 7, "five values and two more");
}

/// Where Debian keeps the library that moves the clock of a program.
fn clock_library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.filter_map(Result::ok);
    folders.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1")).find(|path| path.exists())
}

fn set_clock(file: &Path, to: &str) {
    let next = file.with_extension("next");
    std::fs::write(&next, to).unwrap();
    std::fs::rename(&next, file).unwrap();
}

#[test]
fn a_clock_that_jumps() {
    let Some(library) = clock_library() else {
        println!("skipped: libfaketime is not installed");
        return;
    };
    let file = std::env::temp_dir().join(format!("iofog-clock-{}", std::process::id()));
    set_clock(&file, "+0");
    let mut controller = Controller::start_with(vec![
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("Settings_FogStatusUpdateIntervalSeconds", "1".to_owned()),
    ]);
    let user = controller.user("a@b.co");
    let system = controller.system_agent(&user);
    let hasty = json!({ "name": "hasty", "fogType": 1, "host": "10.0.0.1", "statusFrequency": 1 });
    let created = controller.call("POST", "/iofog", Some(&user), &hasty);
    let hasty = created.body["uuid"].as_str().unwrap().to_owned();
    let (calm_token, hasty_token) =
        (controller.provision(&user, &system), controller.provision(&user, &hasty));
    let report = |token: &str| {
        let body = json!({ "daemonStatus": "RUNNING" });
        controller.call("PUT", "/agent/status", Some(token), &body).status
    };
    let shown = |uuid: &str| {
        let answer = controller.call("GET", &format!("/iofog/{uuid}"), Some(&user), &Value::Null);
        answer.body["daemonStatus"].as_str().unwrap_or_default().to_owned()
    };
    let works = |token: &str| {
        controller.call("GET", "/agent/config/changes", Some(token), &Value::Null).status == 200
    };
    assert_eq!(report(&calm_token), 204);
    let key = controller.key(&user, &system);

    set_clock(&file, "+30d");
    until("tokens last through a jump ahead", || {
        works(&calm_token)
            && works(&hasty_token)
            && controller.call("GET", "/user/profile", Some(&user), &Value::Null).status == 200
    });
    assert_eq!(shown(&system), "RUNNING", "it has not been silent for long");
    let late = controller.call("POST", "/agent/provision", None, &json!({ "type": 1, "key": key }));
    assert_eq!((late.status, &late.body["message"]), (401, &json!("Expired provision key")));
    let patch = json!({ "logLevel": "FINE" });
    let path = format!("/iofog/{system}");
    assert_eq!(controller.call("PATCH", &path, Some(&user), &patch).status, 204);
    let (_, stamp) = controller.flags(&calm_token);
    controller.acknowledge(&calm_token, &stamp);
    assert_eq!(report(&hasty_token), 204);
    let guess = || {
        let body = json!({ "email": "x@b.co", "password": "wrong" });
        controller.call("POST", "/user/login", None, &body).status
    };
    until("too many guesses are refused", || guess() == 429);

    set_clock(&file, "+0");
    assert_eq!(controller.call("PATCH", &path, Some(&user), &patch).status, 204);
    let (flags, newer) = controller.flags(&calm_token);
    assert!(flags.contains(&"config".to_owned()) && newer > stamp, "{flags:?} {newer}");
    controller.acknowledge(&calm_token, &stamp);
    assert_eq!(controller.flags(&calm_token).0, flags, "an old acknowledgement takes nothing new");
    until("silence is noticed although the last report lies ahead", || shown(&hasty) == "UNKNOWN");
    until("guesses are forgiven in seconds, not days", || guess() == 401);
    assert!(works(&hasty_token));

    // A start in the future, and the next one at the right time.
    set_clock(&file, "+1d");
    until("the clock has moved", || {
        assert_eq!(controller.call("PATCH", &path, Some(&user), &patch).status, 204);
        controller.flags(&calm_token).1 > newer
    });
    let (_, ahead) = controller.flags(&calm_token);
    set_clock(&file, "+0");
    controller.kill_and_restart();
    assert_eq!(controller.call("PATCH", &path, Some(&user), &patch).status, 204);
    let (_, last) = controller.flags(&calm_token);
    assert!(last > ahead, "{last} follows {ahead}");
    controller.acknowledge(&calm_token, &ahead);
    assert_eq!(controller.flags(&calm_token).0, flags, "acknowledged before it was heard");
    controller.acknowledge(&calm_token, &last);
    assert_eq!(controller.flags(&calm_token).0, Vec::<String>::new(), "told twice");
    let _ = std::fs::remove_file(file);
}
