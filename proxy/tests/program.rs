//! The program itself: with the Port Manager's arguments, as system microservice of an Agent, with
//! `connect.json`.
#![allow(clippy::unwrap_used, reason = "test code outside of test functions")]

mod common;

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use common::*;
use fastwebsockets::{Frame, Role, WebSocket};
use iofog_tls::{Authority, ClientCheck, Identity, ServerOptions, Trust};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The program: as cargo built it, or the one that `IOFOG_PROXY` names, such as one for a device.
fn program() -> String {
    std::env::var("IOFOG_PROXY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_iofog-proxy").to_owned())
}

/// A running program; ends with the value.
struct Program(Child);

impl Program {
    fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program());
        command.args(arguments).env_clear().envs(environment.iter().copied());
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("iofog-proxy-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn served(port: u16) {
    while status(&talk(port, GET).await) != 200 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "tells that the test did not run")]
fn program_with_the_arguments_of_port_manager() {
    run(async {
        // The port is fixed; an address of our own keeps it apart from other routers of this machine.
        const HOST: &str = "127.83.0.1";
        if TcpListener::bind((HOST, 5672)).await.is_err() {
            return println!("skipped: {HOST}:5672 is in use");
        }
        let config = format!(
            r#"{{"mode":"interior","id":"router","listeners":[
                {{"role":"normal","host":"{HOST}","port":5672}}]}}"#
        );
        let router = router(&config).await;
        let (target, public) = (http_echo().await, free_port());
        let (tcp, http2) = (free_port(), free_port());
        let near = proxy_at(HOST, 5672, &[format!("amqp:Q1=>http:{target}")]);
        let list =
            format!("http:{public}=>amqp:Q1,tcp:{tcp}=>amqp:Q2,http2:{http2}=>amqp:Q3,nonsense");
        let _program = Program::start(
            &["node", "/opt/app-root/bin/simple.js", &list],
            &[("ICPROXY_BRIDGE_HOST", HOST), ("HOSTNAME", "http-proxy-1")],
        );
        served(public).await;
        drop(connect(tcp).await);
        drop(connect(http2).await);
        drop(near);
        router.shutdown().await;
    });
}

/// The Agent's side of the contract: configuration on request, signals on the control socket.
async fn agent(config: Rc<RefCell<String>>, signals: Rc<tokio::sync::Notify>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (config, signals) = (Rc::clone(&config), Rc::clone(&signals));
            tokio::task::spawn_local(async move { agent_answer(stream, &config, &signals).await });
        }
    });
    port
}

async fn agent_answer(
    mut stream: TcpStream,
    config: &RefCell<String>,
    signals: &tokio::sync::Notify,
) {
    let mut input = Vec::new();
    while !input.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut input).await.unwrap(), 0);
    }
    let head = String::from_utf8_lossy(&input).into_owned();
    if head.starts_with("POST /v2/config/get ") {
        let inner = serde_json::Value::String(config.borrow().clone());
        let text = format!(r#"{{"status":"okay","config":{inner}}}"#);
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        return;
    }
    assert!(head.starts_with("GET /v2/control/socket/id/uuid-1 "), "{head}");
    let answer =
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    stream.write_all(answer).await.unwrap();
    let mut socket = WebSocket::after_handshake(stream, Role::Server);
    loop {
        signals.notified().await;
        // New configuration; the other side acknowledges.
        socket.write_frame(Frame::binary(vec![0x0C].into())).await.unwrap();
        assert_eq!(socket.read_frame().await.unwrap().payload.to_vec(), [0x0B]);
    }
}

async fn echoes(socket: &mut TcpStream) -> bool {
    let mut answer = [0; 4];
    socket.write_all(b"ping").await.is_ok()
        && socket.read_exact(&mut answer).await.is_ok()
        && answer == *b"ping"
}

/// A connection through the port that has been there and back.
async fn tunnelled(port: u16) -> TcpStream {
    loop {
        let mut socket = connect(port).await;
        if echoes(&mut socket).await {
            return socket;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn program_as_system_microservice_follows_the_agent() {
    run(async {
        let port = free_port();
        let router = interior(port, free_port(), free_port()).await;
        let (target, one, two) = (http_echo().await, free_port(), free_port());
        let text = |mappings: &[String]| {
            serde_json::json!({
                "mappings": mappings,
                "networkRouter": { "host": "127.0.0.1", "port": port },
            })
            .to_string()
        };
        let (echo, tunnel) = (tcp_echo().await, free_port());
        let first = vec![
            format!("http:{one}=>amqp:q"),
            format!("amqp:q=>http:{target}"),
            format!("tcp:{tunnel}=>amqp:t"),
            format!("amqp:t=>tcp:{echo}"),
        ];
        let config = Rc::new(RefCell::new(text(&first)));
        let signals = Rc::new(tokio::sync::Notify::new());
        let agent = agent(Rc::clone(&config), Rc::clone(&signals)).await;
        let metrics = free_port();
        let _program = Program::start(
            &["--local-api", &format!("127.0.0.1:{agent}"), "--metrics", &metrics.to_string()],
            &[("SELFNAME", "uuid-1")],
        );
        served(one).await;
        let mut open = tunnelled(tunnel).await;
        let mut second = first;
        second.push(format!("http:{two}=>amqp:q"));
        config.replace(text(&second));
        signals.notify_one();
        served(two).await;
        served(one).await;
        // What is in both configurations was not touched.
        assert!(echoes(&mut open).await);
        let shown = talk(metrics, b"GET /status HTTP/1.1\r\nhost: h\r\n\r\n").await;
        let shown: serde_json::Value = serde_json::from_slice(body(&shown)).unwrap();
        assert_eq!(shown["mappings"].as_array().unwrap().len(), 5, "{shown}");
        config.replace(text(&[]));
        signals.notify_one();
        assert!(matches!(open.read(&mut [0]).await, Ok(0) | Err(_)));
        while TcpStream::connect(("127.0.0.1", one)).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        router.shutdown().await;
    });
}

#[test]
fn program_reaches_the_router_of_connect_json_over_mutual_tls() {
    run(async {
        let folder = Folder::new("amqps");
        let authority = Authority::new("ca").unwrap();
        let [client, server] = ["client", "localhost"].map(|n| authority.issue(n, &[n]).unwrap());
        // In the place of the router, up to the first bytes.
        let identity =
            Identity::from_pem(server.certificate.as_bytes(), server.key.as_bytes()).unwrap();
        let trust = Trust::from_pem(authority.certificate().as_bytes()).unwrap();
        let options =
            ServerOptions { clients: ClientCheck::Required(trust), ..ServerOptions::new(identity) };
        let acceptor = TlsAcceptor::from(options.build().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let secure = listener.local_addr().unwrap().port();
        let first = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&first);
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = acceptor.accept(stream).await.unwrap();
                let mut header = [0; 8];
                stream.read_exact(&mut header).await.unwrap();
                seen.borrow_mut().push(header);
            }
        });
        let cert = folder.write("client.crt", &client.certificate);
        let key = folder.write("client.key", &client.key);
        let ca = folder.write("ca.crt", authority.certificate());
        let connect = serde_json::json!({
            "scheme": "amqps", "host": "localhost", "port": secure,
            "tls": { "cert": cert, "key": key, "ca": ca },
        });
        let file = folder.write("connect.json", &connect.to_string());
        let mapping = format!("http:{}=>amqp:q", free_port());
        let program = Program::start(&[&mapping], &[("MESSAGING_CONNECT_FILE", &file)]);
        while first.borrow().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // The SASL layer's header: who we are was shown by the certificate.
        assert_eq!(first.borrow()[0], *b"AMQP\x03\x01\x00\x00");
        drop(program);
    });
}
