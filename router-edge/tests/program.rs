//! The program as the Router system microservice: configured by the Agent's Local API, changed while it runs.

#![allow(clippy::unwrap_used, reason = "helpers of tests: failures are their purpose")]

mod support;

use std::cell::{Cell, RefCell};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;

use fastwebsockets::{Frame, Role as SocketRole, WebSocket};
use iofog_amqp_client::{Connection, ConnectionOptions, Outcome};
use iofog_router::config::Role;
use support::{client, interior, port, receiver, run, sender, text, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// The program: as cargo built it, or the one that `IOFOG_ROUTER` names, such as one for a device.
fn program() -> String {
    std::env::var("IOFOG_ROUTER").unwrap_or_else(|_| env!("CARGO_BIN_EXE_iofog-router").to_owned())
}

/// A running program; ends with the value.
struct Program(Child);

impl Program {
    fn start(local_api: u16) -> Self {
        let mut command = Command::new(program());
        command.args(["--local-api", &format!("127.0.0.1:{local_api}"), "--log", "error"]);
        command.env_clear().env("SELFNAME", "uuid-1");
        Self(command.stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The Agent's side: the configuration on request, a signal for each new one.
#[derive(Default)]
struct Agent {
    config: RefCell<String>,
    signal: Notify,
    acknowledged: Notify,
    /// How often the configuration was read.
    reads: Cell<u32>,
}

impl Agent {
    async fn serve(self: Rc<Self>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::task::spawn_local(Rc::clone(&self).answer(stream));
        }
    }

    async fn answer(self: Rc<Self>, mut stream: TcpStream) {
        let mut input = Vec::new();
        while !input.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            if stream.read_buf(&mut input).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let head = String::from_utf8_lossy(&input).into_owned();
        if head.starts_with("POST /v2/config/get ") {
            let config = serde_json::Value::String(self.config.borrow().clone());
            let text = format!(r#"{{"status":"okay","config":{config}}}"#);
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
            self.reads.set(self.reads.get() + 1);
            return;
        }
        assert!(head.starts_with("GET /v2/control/socket/id/uuid-1 "), "{head}");
        let answer = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\
            upgrade: websocket\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        let mut socket = WebSocket::after_handshake(stream, SocketRole::Server);
        loop {
            self.signal.notified().await;
            socket.write_frame(Frame::binary(vec![0x0C].into())).await.unwrap();
            let Ok(frame) = socket.read_frame().await else { return };
            assert_eq!(frame.payload.to_vec(), [0x0B]);
            self.acknowledged.notify_one();
        }
    }

    async fn change(&self, config: String) {
        let reads = self.reads.get();
        self.config.replace(config);
        self.signal.notify_one();
        self.acknowledged.notified().await;
        // The program acknowledges before it reads: the next change must not overtake this one.
        until(|| self.reads.get() > reads).await;
    }
}

async fn client_at(port: u16) -> Connection {
    let stream = loop {
        match TcpStream::connect(("127.0.0.1", port)).await {
            Ok(stream) => break stream,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    };
    let options = ConnectionOptions { container_id: "c".to_owned(), ..Default::default() };
    Connection::open(Box::new(stream), options).await.unwrap()
}

/// The object that a Controller writes.
fn config(mode: &str, listeners: &[u16], uplink: Option<u16>) -> String {
    let listener = |port: &u16| format!(r#"{{"role":"normal","host":"127.0.0.1","port":{port}}}"#);
    let listeners: Vec<String> = listeners.iter().map(listener).collect();
    let connectors = uplink.map_or(String::new(), |port| {
        format!(
            r#","connectors":[{{"name":"default-router","role":"edge","host":"127.0.0.1","port":{port}}}]"#
        )
    });
    format!(
        r#"{{"mode":"{mode}","id":"edge-1","listeners":[{}]{connectors}}}"#,
        listeners.join(",")
    )
}

#[test]
fn the_agents_configuration_is_followed_without_touching_what_stays() {
    run(async {
        let top = interior("top").await;
        let uplink = port(&top, Role::Edge).port();
        let (first, second) = (iofog_test_ports::free(), iofog_test_ports::free());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let local_api = listener.local_addr().unwrap().port();
        let agent = Rc::new(Agent::default());
        agent.config.replace(config("edge", &[first], None));
        let serving = tokio::task::spawn_local(Rc::clone(&agent).serve(listener));
        let _program = Program::start(local_api);
        let here = client_at(first).await;
        let mut near = receiver(&here, "near").await;
        let to_near = sender(&here, "near").await;
        // An uplink and a second port come: what was there goes on.
        agent.change(config("edge", &[first, second], Some(uplink))).await;
        let there = client(&top).await;
        let mut far = receiver(&there, "far").await;
        let to_far = sender(&here, "far").await;
        let other = client_at(second).await;
        let pending = to_far.send_start(text("up"), false).await.unwrap();
        far.recv().await.unwrap().accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        // The first port goes; connections over it stay.
        agent.change(config("edge", &[second], Some(uplink))).await;
        while TcpStream::connect(("127.0.0.1", first)).await.is_ok() {}
        // What needs a new router, or makes no sense, changes nothing.
        agent.change(config("interior", &[first], None)).await;
        agent.change("nonsense".to_owned()).await;
        // The Agent goes away.
        serving.abort();
        for (sender, receiver) in [(&to_near, &mut near), (&to_far, &mut far)] {
            let pending = sender.send_start(text("still"), false).await.unwrap();
            receiver.recv().await.unwrap().accept();
            assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        }
        assert!(TcpStream::connect(("127.0.0.1", first)).await.is_err());
        drop(other);
    });
}

#[test]
fn without_configuration_the_program_says_what_it_wants() {
    let mut command = Command::new(program());
    let output = command.env_clear().output().unwrap();
    assert!(!output.status.success());
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    for word in ["--config", "QDROUTERD_CONF", "SELFNAME"] {
        assert!(text.contains(word), "{word} in {text}");
    }
}

/// One listener may take a quarter of the open files: the others, connectors and the Agent keep their share.
#[test]
fn a_flooded_listener_does_not_take_all_open_files() {
    const FILES: usize = 128;
    run(async {
        let ports = [iofog_test_ports::free(), iofog_test_ports::free()];
        let file = std::env::temp_dir().join(format!("router-files-{}", std::process::id()));
        let listeners =
            ports.map(|port| format!("listener {{\n host: 127.0.0.1\n port: {port}\n}}\n"));
        let config = format!("router {{\n mode: interior\n id: A\n}}\n{}", listeners.concat());
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {FILES}; exec \"$0\" \"$@\"")]);
        command.args([program().as_str(), "--log", "error", "-c"]).arg(&file);
        let program = Program(command.stdout(Stdio::null()).spawn().unwrap());
        let open = async |port: u16| {
            let stream = TcpStream::connect(("127.0.0.1", port)).await?;
            let options = ConnectionOptions { container_id: "c".to_owned(), ..Default::default() };
            Connection::open(Box::new(stream), options).await.map_err(std::io::Error::other)
        };
        while open(ports[0]).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        // Twice as many as there are files, none of which says anything.
        let mut flood = Vec::new();
        for _ in 0..2 * FILES {
            // The kernel's queue is full after some.
            let wait = std::time::Duration::from_millis(50);
            if let Ok(Ok(one)) =
                tokio::time::timeout(wait, TcpStream::connect(("127.0.0.1", ports[0]))).await
            {
                flood.push(one);
            }
        }
        let folder = format!("/proc/{}/fd", program.0.id());
        let files = || std::fs::read_dir(&folder).unwrap().count();
        until(|| files() >= FILES / 4).await;
        support::settle().await;
        println!("{} of {FILES} files are open for {} connections", files(), flood.len());
        assert!(files() < FILES / 2, "{}", files());
        assert!(flood.len() > FILES / 4, "more came than were taken");
        // Elsewhere clients are served as ever.
        let other = open(ports[1]).await.unwrap();
        let (mut receiver, sender) = (receiver(&other, "q").await, sender(&other, "q").await);
        let pending = sender.send_start(text("x"), false).await.unwrap();
        receiver.recv().await.unwrap().accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        // When the flood goes, those who come are served here too.
        drop(flood);
        open(ports[0]).await.unwrap();
        std::fs::remove_file(&file).unwrap();
    });
}
