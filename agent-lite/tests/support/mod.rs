//! A scripted Controller on loopback and a daemon under test.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod controller;
pub(crate) mod daemon;
pub(crate) mod docker;
pub(crate) mod engine;
pub(crate) mod network;
pub(crate) mod relay;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A fresh folder for one test.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder =
        std::env::temp_dir().join(format!("iofog-agent-test-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Waits until `check` gives a value; the guard is generous and only there to end a hanging test.
pub(crate) fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let guard = Instant::now() + Duration::from_secs(180);
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < guard, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A daemon on a fresh folder, bound to loopback, that knows the Controller.
pub(crate) fn start(name: &str, controller: &controller::Controller) -> (PathBuf, daemon::Daemon) {
    let folder = folder(name);
    let elements = [
        ("controller_url", controller.url.as_str()),
        ("bind_address", "127.0.0.1"),
        ("status_update_freq", "2"),
    ];
    let daemon = daemon::Daemon::start(&folder, &elements);
    (folder, daemon)
}

/// A name that no other run of the tests uses.
pub(crate) fn uuid(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

pub(crate) use iofog_test_ports::free as free_port;

/// Answers every request with `hello`.
pub(crate) fn answer_http(listener: &TcpListener) {
    for mut stream in listener.incoming().flatten() {
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|count| count > 0) {
                if line.ends_with("\r\n\r\n") {
                    line.clear();
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
                }
            }
        });
    }
}

/// The answer to a request on loopback; `None` when it fails.
pub(crate) fn http_get(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.starts_with("HTTP/1.1 200").then_some(text)
}
