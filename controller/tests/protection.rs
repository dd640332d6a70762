//! What protects the server: limits on guesses and connections, HTTPS; and what watches it.

#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use common::Controller;
use serde_json::{Value, json};

#[test]
fn guesses_are_slowed_down_and_agents_are_not() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let uuid = controller.system_agent(&user);
    let agent = controller.provision(&user, &uuid);
    let guess = || {
        let body = json!({ "type": 1, "key": "wrongkey" });
        controller.call("POST", "/agent/provision", None, &body)
    };
    let statuses: Vec<u16> = (0..40).map(|_| guess().status).collect();
    assert!(statuses.iter().take(20).all(|status| *status == 404), "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
    let refused = guess();
    assert_eq!(refused.status, 429);
    assert_eq!(refused.body["name"], "TooManyRequestsError");
    assert!(refused.headers.contains_key("retry-after"));
    // Who has a token, and other accounts, notice nothing.
    assert!(controller.flags(&agent).1.ends_with('Z'));
    let login = json!({ "email": "a@b.co", "password": "password1" });
    assert_eq!(controller.call("POST", "/user/login", None, &login).status, 200);
}

/// An answer to a request without a client library.
fn raw(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text
}

#[test]
fn health_and_metrics() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    controller.call("GET", "/iofog-list", Some(&user), &Value::Null);
    let get = |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        raw(controller.address(), &request)
    };
    assert!(get("/health").starts_with("HTTP/1.1 200"), "{}", get("/health"));
    let page = get("/metrics");
    assert!(page.contains("_count{route=\"fog.list\",status=\"200\"} 1\n"), "{page}");
    assert!(page.contains("process_resident_memory_bytes "), "{page}");
    assert!(!page.contains(&user), "a token");
}

#[test]
fn connections_beyond_the_bound_wait_for_a_place() {
    let controller = Controller::start_with(vec![("Server_Connections", "2".to_owned())]);
    let address = controller.address();
    let held = [TcpStream::connect(address).unwrap(), TcpStream::connect(address).unwrap()];
    let mut third = TcpStream::connect(address).unwrap();
    let request = "GET /api/v3/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    third.write_all(request.as_bytes()).unwrap();
    third.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut first = [0; 1];
    assert!(third.read(&mut first).is_err(), "both places are taken");
    drop(held);
    third.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut text = String::new();
    third.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
}

#[test]
fn https_with_an_own_certificate() {
    let environment = vec![
        ("Server_DevMode", "false".to_owned()),
        ("Server_SslNames", "localhost,127.0.0.1".to_owned()),
    ];
    let mut controller = Controller::start_with(environment);
    if common::on_postgres() {
        // The certificate lies in the folder all the same.
        assert!(controller.folder().join("controller-cert.pem").exists());
    }
    let certificate = std::fs::read(controller.folder().join("controller-cert.pem")).unwrap();
    assert_eq!(status(&controller, &certificate), "HTTP/1.1 200 OK");
    controller.kill_and_restart();
    let again = std::fs::read(controller.folder().join("controller-cert.pem")).unwrap();
    assert!(again == certificate, "made once");
    assert_eq!(status(&controller, &certificate), "HTTP/1.1 200 OK");
    // Plain HTTP on the same port is no way in.
    let plain = raw(controller.address(), "GET /api/v3/status HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(!plain.contains("200"), "{plain}");
    let key = std::fs::metadata(controller.folder().join("controller-key.pem")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&key.permissions());
    assert_eq!(mode & 0o077, 0, "the key is ours alone");
}

/// First line of an answer over TLS that trusts only this certificate.
fn status(controller: &Controller, certificate: &[u8]) -> String {
    use iofog_tls::rustls::{ClientConnection, Stream};
    let trust = iofog_tls::Trust::from_pem(certificate).unwrap();
    let config = iofog_tls::ClientOptions::new(trust).build().unwrap();
    let name = "localhost".try_into().unwrap();
    let mut connection = ClientConnection::new(config, name).unwrap();
    let mut socket = TcpStream::connect(controller.address()).unwrap();
    let mut stream = Stream::new(&mut connection, &mut socket);
    let request = "GET /api/v3/status HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text.lines().next().unwrap_or_default().to_owned()
}
