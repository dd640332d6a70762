//! A node with a Local API on a free port, and a client for it.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use iofog_sorted::SortedMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::LocalSet;

use crate::bus::{Bus, BusOptions};
use crate::commandline::{Administration, CommandReply, Granted, LocalFuture, Refused};
use crate::context::{AgentContext, LocalMicroservice, Place, Position};
use crate::domain::EpochMillis;
use crate::domain::explain::{Explanation, Level};
use crate::local_api::{LocalApi, LocalApiOptions};

/// Loopback addresses stand for containers.
pub(super) const A: &str = "127.0.0.21";
pub(super) const B: &str = "127.0.0.22";
pub(super) const TOKEN: &str = "AbCdEf";

pub(super) struct Node {
    pub(super) context: AgentContext,
    pub(super) bus: Bus,
    pub(super) address: SocketAddr,
    /// The Bluetooth service: refuses until somebody listens.
    pub(super) bluetooth: Cell<Option<TcpSocket>>,
    folder: PathBuf,
}

pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

/// Runs a test against a node with the microservices `a` (sends to `b`) and `b`.
pub(super) fn with_node<F: Future<Output = ()>>(name: &str, test: impl FnOnce(Node) -> F) {
    let folder = std::env::temp_dir().join(format!("iofog-api-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let guarded = async {
        let node = Node::start(folder.clone()).await;
        tokio::time::timeout(Duration::from_secs(300), test(node)).await.expect("the test hangs");
    };
    LocalSet::new().block_on(&runtime, guarded);
    let _ = std::fs::remove_dir_all(&folder);
}

pub(super) fn microservice(uuid: &str, routes: &[&str], is_consumer: bool) -> LocalMicroservice {
    LocalMicroservice {
        uuid: uuid.into(),
        config: Rc::from("{\"rate\":\"5\"}"),
        routes: routes.iter().map(|to| (*to).into()).collect(),
        is_consumer,
        log_size_mb: 1,
        host_network: false,
    }
}

impl Node {
    async fn start(folder: PathBuf) -> Self {
        let context = AgentContext::new(Place {
            bind_address: Some(IpAddr::from([127, 0, 0, 1])),
            log_dir: folder.join("log"),
            message_dir: folder.join("messages"),
            local_api_token: Rc::from(TOKEN),
            ..Place::default()
        });
        let host = LocalMicroservice { host_network: true, ..microservice("host", &[], false) };
        context.set_microservices(vec![
            microservice("a", &["b"], false),
            microservice("b", &[], true),
            host,
        ]);
        let addresses = [(A, "a"), (B, "b")].map(|(ip, id)| (ip.parse().unwrap(), id.into()));
        context.set_addresses(SortedMap::from(addresses));
        let bus = Bus::start(context.clone(), BusOptions::default());
        let bluetooth = TcpSocket::new_v4().unwrap();
        bluetooth.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let options = LocalApiOptions {
            bluetooth_port: bluetooth.local_addr().unwrap().port(),
            identity_patience: Duration::from_millis(200),
            max_body_bytes: 64 * 1024,
            ..LocalApiOptions::default()
        };
        let administration = Rc::new(Fake { context: context.clone(), log: RefCell::default() });
        let api = LocalApi::new(context.clone(), bus.clone(), administration, options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::task::spawn_local(api.serve(listener));
        Self { context, bus, address, bluetooth: Cell::new(Some(bluetooth)), folder }
    }

    pub(super) fn log(&self, id: &str) -> String {
        let path = self.folder.join("log").join(format!("{id}.0.log"));
        std::fs::read_to_string(path).unwrap()
    }

    /// A connection that comes from `source`.
    pub(super) async fn connect(&self, source: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(source.parse().unwrap(), 0)).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// One request on its own connection.
    pub(super) async fn send(&self, source: &str, request: &str) -> Reply {
        let mut stream = self.connect(source).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        read_reply(&mut stream).await
    }

    pub(super) async fn post(&self, source: &str, path: &str, body: &str) -> Reply {
        self.send(source, &post(path, body)).await
    }

    pub(super) async fn administer(&self, method: &str, path: &str, body: &str) -> Reply {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: iofog\r\nAuthorization: abcdef\r\n");
        let rest = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        self.send("127.0.0.1", &format!("{head}{rest}\r\n{body}")).await
    }
}

pub(super) fn post(path: &str, body: &str) -> String {
    let kind = "Content-Type: application/json; charset=utf-8";
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: iofog\r\n{kind}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

pub(super) async fn read_reply(stream: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap();
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_ascii_lowercase();
            let length = lower.split("content-length: ").nth(1).expect("always a content length");
            let length: usize = length.lines().next().unwrap().parse().unwrap();
            if body.len() >= length {
                let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                return Reply { status, head: lower, body: body.to_owned() };
            }
        }
        assert!(count > 0, "closed without an answer: {text}");
    }
}

/// Records what it is asked for.
struct Fake {
    context: AgentContext,
    log: RefCell<Vec<String>>,
}

impl Administration for Fake {
    fn command<'a>(&'a self, line: &'a str) -> LocalFuture<'a, CommandReply> {
        self.log.borrow_mut().push(line.to_owned());
        let reply = CommandReply { text: format!("ran\n{line}"), succeeded: line != "fail" };
        Box::pin(std::future::ready(reply))
    }

    fn status(&self) -> Vec<(String, String)> {
        vec![("iofog-daemon".into(), "RUNNING".into())]
    }

    fn info(&self) -> Vec<(String, String)> {
        vec![("iofog-uuid".into(), String::new())]
    }

    fn provision<'a>(&'a self, key: &'a str) -> LocalFuture<'a, Result<Granted, String>> {
        let granted = Granted { uuid: "u-1".into() };
        let result = if key == "good" { Ok(granted) } else { Err("Invalid key".to_owned()) };
        Box::pin(std::future::ready(result))
    }

    fn deprovision(&self) -> LocalFuture<'_, Result<(), String>> {
        Box::pin(std::future::ready(Err("not provisioned".to_owned())))
    }

    fn configure<'a>(
        &'a self,
        settings: &'a [(String, String)],
    ) -> LocalFuture<'a, Option<Vec<Refused>>> {
        let known = settings.iter().any(|(key, _)| key == "disk-limit");
        let refused = Refused { setting: "disk-limit".into(), reason: "out of range".into() };
        Box::pin(std::future::ready(known.then(|| vec![refused])))
    }

    fn explain(&self, microservice: &str) -> Result<Explanation, String> {
        if microservice != "a" {
            return Err(format!("no microservice {microservice} on this node"));
        }
        Ok(Explanation {
            microservice: microservice.into(),
            at: EpochMillis(0).to_string(),
            state: None,
            level: Level::Good,
            next: None,
            findings: Vec::new(),
        })
    }

    fn set_position(&self, latitude: &str, longitude: &str) -> Result<(), String> {
        let position = Position {
            latitude: latitude.to_owned(),
            longitude: longitude.to_owned(),
            timestamp: 7,
        };
        latitude.parse::<f64>().map_err(|error| error.to_string())?;
        self.context.set_position(Some(position));
        Ok(())
    }
}
