//! Memory for what strangers send and for what nobody takes is bounded over all connections, comes back when they go, and whoever holds
//! a token is served meanwhile (decision 0088).
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail here, and says when it cannot run"
)]

mod common;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use common::Controller;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

/// What a connection costs beside the budget: its task, what was read of it and not looked at, and what is too small to count.
const CONNECTION_KIB: u64 = 64;

fn resident_kib(controller: &Controller) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", controller.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn page(controller: &Controller) -> String {
    let mut stream = TcpStream::connect(controller.address()).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

/// A number of the metrics' page.
fn metric(controller: &Controller, name: &str) -> u64 {
    let page = page(controller);
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}

fn buffered(controller: &Controller) -> u64 {
    metric(controller, "iofog_controller_buffered_bytes")
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        // A guard against hangs, not a promise.
        assert!(begun.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// As many connections as this process may open, up to `count`.
fn affordable(count: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).unwrap();
    let files = limit.maximum.map_or(usize::MAX, |files| usize::try_from(files).unwrap());
    count.min(files / 2)
}

#[test]
fn slow_bodies_of_strangers() {
    let environment = vec![("Server_BufferMiB", "8".to_owned())];
    let controller = Controller::start_with(environment);
    let (user, _, agent, _) = controller.network();
    let idle = resident_kib(&controller);
    let count = affordable(1500);
    let body = format!("{{\"email\":\"{}", "x".repeat(90_000));
    let head = format!(
        "POST /api/v3/user/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len() + 2
    );
    let mut slow: Vec<TcpStream> =
        (0..count).map(|_| TcpStream::connect(controller.address()).unwrap()).collect();
    for stream in &mut slow {
        // Refused ones are closed in the end.
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    }
    let refused =
        "iofog_controller_request_duration_seconds_count{route=\"user.login\",status=\"503\"}";
    let mut held = 0;
    until("nobody was refused", || {
        held = held.max(buffered(&controller));
        metric(&controller, refused) > u64::try_from(count).unwrap() / 2
    });
    held = held.max(buffered(&controller));
    assert!((1 << 20..=4 << 20).contains(&held), "{held} bytes are held for strangers");
    let resident = resident_kib(&controller);
    let most = idle + 8 * 1024 + u64::try_from(count).unwrap() * CONNECTION_KIB;
    assert!(resident < most, "{resident} KiB with {count} slow bodies, {idle} without");
    // One may have found the place of another that was given up.
    let mut heard = slow.iter().rev().map(|mut stream| {
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        text
    });
    let text = heard.find(|text| text.starts_with("HTTP/1.1 503 ")).unwrap();
    drop(heard);
    assert!(text.contains("\r\nretry-after: 5\r\n") && text.contains("OverloadedError"), "{text}");
    // Larger bodies than the free ones, of those who hold tokens.
    let status = json!({ "daemonStatus": "RUNNING", "repositoryStatus": "r".repeat(80_000) });
    assert_eq!(controller.call("PUT", "/agent/status", Some(&agent), &status).status, 204);
    let value = json!({ "key": "k", "value": "v".repeat(80_000) });
    assert_eq!(controller.call("PUT", "/config", Some(&user), &value).status, 200);
    // Who logs in, as everybody does.
    let login = json!({ "email": "a@b.co", "password": "password1" });
    assert_eq!(controller.call("POST", "/user/login", None, &login).status, 200);
    drop(slow);
    until("the budget stays taken", || buffered(&controller) == 0);
    let after = resident_kib(&controller);
    let most = idle + u64::try_from(count).unwrap() * CONNECTION_KIB;
    assert!(after < most, "{after} KiB afterwards, {idle} before, {resident} meanwhile");
}

/// Text that is small, but large once it is parsed and waits for its turn.
#[test]
fn bodies_that_grow_when_they_are_parsed() {
    let environment = vec![("Server_BufferMiB", "8".to_owned())];
    let controller = Controller::start_with(environment);
    controller.user("a@b.co");
    let idle = resident_kib(&controller);
    let filler = "[],".repeat(30_000);
    let body = format!("{{\"email\":\"a@b.co\",\"password\":\"password2\",\"x\":[{filler}0]}}");
    let request = format!(
        "POST /api/v3/user/login HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut all: Vec<TcpStream> = (0..60)
        .map(|_| {
            let mut stream = TcpStream::connect(controller.address()).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    let mut statuses: Vec<String> = all.iter_mut().map(first_line).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let known = ["HTTP/1.1 401 Unauthorized", "HTTP/1.1 429 Too Many Requests"];
    assert!(statuses.contains(&"HTTP/1.1 503 Service Unavailable".to_owned()), "{statuses:?}");
    assert!(statuses.iter().any(|status| known.contains(&status.as_str())), "{statuses:?}");
    let resident = resident_kib(&controller);
    // Two passwords are hashed at a time, 19 MiB each.
    assert!(resident < idle + (64 << 10), "{resident} KiB, {idle} before");
}

fn first_line(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn lists_that_nobody_takes() {
    let environment = vec![("Server_BufferMiB", "16".to_owned())];
    let controller = Controller::start_with(environment);
    let (user, _, agent, _) = controller.network();
    // More than what the system takes over for a connection.
    for number in 0..60 {
        let value = json!({ "key": format!("k{number}"), "value": "v".repeat(98_000) });
        assert_eq!(controller.call("PUT", "/config", Some(&user), &value).status, 200);
    }
    let idle = resident_kib(&controller);
    let users = ["b@b.co", "c@b.co", "d@b.co"].map(|email| controller.user(email));
    let requests = users.map(|user| {
        format!("GET /api/v3/config HTTP/1.1\r\nhost: x\r\nauthorization: {user}\r\n\r\n")
    });
    let refused =
        "iofog_controller_request_duration_seconds_count{route=\"config.list\",status=\"503\"}";
    let silent: Vec<TcpStream> = (0..24)
        .map(|number| {
            let mut stream = TcpStream::connect(controller.address()).unwrap();
            stream.write_all(requests[number % 3].as_bytes()).unwrap();
            stream
        })
        .collect();
    until("nobody was refused", || metric(&controller, refused) >= 20);
    let held = buffered(&controller);
    assert!((6 << 20..=12 << 20).contains(&held), "{held} bytes wait for users");
    let resident = resident_kib(&controller);
    // Few lists are written at a time, each as values first.
    assert!(resident < idle + (90 << 10), "{resident} KiB, {idle} before");
    // Agents find room, and what is small needs none.
    let status = json!({ "daemonStatus": "RUNNING", "repositoryStatus": "r".repeat(80_000) });
    assert_eq!(controller.call("PUT", "/agent/status", Some(&agent), &status).status, 204);
    assert_eq!(controller.call("GET", "/iofog-list", Some(&user), &Value::Null).status, 200);
    drop(silent);
    until("the budget stays taken", || buffered(&controller) == 0);
    let list = controller.call("GET", "/config", Some(&user), &Value::Null);
    assert_eq!(list.body["config"].as_array().map(Vec::len), Some(60));
}

/// Connections that tell a length and send nothing of it.
fn idle(
    controller: &Controller,
    count: usize,
    line: &str,
    token: &str,
    length: usize,
) -> Vec<TcpStream> {
    let request = format!(
        "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {token}\r\ncontent-type: multipart/form-data; boundary=B\r\ncontent-length: {length}\r\n\r\n"
    );
    let mut all = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(controller.address()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        all.push(stream);
    }
    // Their heads are read.
    std::thread::sleep(Duration::from_secs(1));
    all
}

#[test]
fn one_account_leaves_room_to_others() {
    let environment = vec![("Server_BufferMiB", "16".to_owned())];
    let controller = Controller::start_with(environment);
    let (user, _, agent, _) = controller.network();
    let other = controller.user("b@b.co");
    let second = controller.gateway(&user, "second", "10.0.1.2");
    let second = controller.provision(&user, &second);
    let mut silent = idle(&controller, 12, "POST /api/v3/application/yaml", &other, 4 << 20);
    let value = json!({ "key": "k", "value": "v".repeat(80_000) });
    assert_eq!(controller.call("PUT", "/config", Some(&user), &value).status, 200);
    let mut statuses: Vec<String> = silent.iter_mut().map(first_line).collect();
    statuses.sort_unstable();
    let mut expected = vec!["HTTP/1.1 503 Service Unavailable"; 12];
    // The one that found room, and sent nothing.
    expected[0] = "HTTP/1.1 408 Request Timeout";
    assert_eq!(statuses, expected);
    let silent = idle(&controller, 200, "PUT /api/v3/agent/status", &second, 100_000);
    let status = json!({ "daemonStatus": "RUNNING", "repositoryStatus": "r".repeat(80_000) });
    assert_eq!(controller.call("PUT", "/agent/status", Some(&agent), &status).status, 204);
    drop(silent);
    until("the budget stays taken", || buffered(&controller) == 0);
    assert_eq!(controller.call("PUT", "/agent/status", Some(&second), &status).status, 204);
}

/// Set where the test runs again in a network of its own.
const APART: &str = "IOFOG_TEST_APART";

#[test]
fn one_address_leaves_places_to_others() {
    if common::on_postgres() {
        println!("skipped: the database is not in the test's own network");
        return;
    }
    if std::env::var_os(APART).is_none() {
        let script = "ip link set lo up && ip addr add 192.0.2.1/32 dev lo && exec \"$0\" --exact one_address_leaves_places_to_others --nocapture";
        let own = std::env::current_exe().unwrap();
        let made = Command::new("unshare").args(["-n", "true"]).status();
        if !made.is_ok_and(|status| status.success()) {
            println!("skipped: a network of its own may not be made");
            return;
        }
        let mut child = Command::new("unshare");
        let child = child.args(["-n", "sh", "-c", script]).arg(own).env(APART, "1");
        assert!(child.status().unwrap().success());
        return;
    }
    let controller = Controller::start_with(vec![
        ("Server_Host", "0.0.0.0".to_owned()),
        ("Server_Connections", "20".to_owned()),
        ("Server_ConnectionsPerAddress", "5".to_owned()),
    ]);
    let port = controller.address().rsplit_once(':').unwrap().1;
    // The kernel takes the address that is asked for as its own, too.
    let far: SocketAddr = format!("192.0.2.1:{port}").parse().unwrap();
    let near: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
    let mut held: Vec<TcpStream> = (0..5).map(|_| TcpStream::connect(far).unwrap()).collect();
    let mut more = TcpStream::connect(far).unwrap();
    assert_eq!(first_line(&mut more), "HTTP/1.1 503 Service Unavailable");
    let request = b"GET /api/v3/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    // Those of this machine have all that are left.
    let mut others: Vec<TcpStream> = (0..15).map(|_| TcpStream::connect(near).unwrap()).collect();
    for stream in held.iter_mut().take(1).chain(&mut others) {
        stream.write_all(request).unwrap();
        assert_eq!(first_line(stream), "HTTP/1.1 200 OK");
    }
    drop(others);
    drop(held);
    until("places come back", || {
        let mut stream = TcpStream::connect(far).unwrap();
        stream.write_all(request).is_ok() && first_line(&mut stream) == "HTTP/1.1 200 OK"
    });
}
