//! Tunnels over routers that route no links, where neither end sees the links of the other one (decision 0102): ours
//! by policy, and skupper-router, which never does, where `IOFOG_SKROUTERD` names the program. The same over Qpid
//! Dispatch, which routes them, where `IOFOG_QDROUTERD` names it.
#![allow(clippy::unwrap_used, reason = "test code outside of test functions")]

mod common;

use std::process::{Child, Command};
use std::time::Duration;

use common::*;
use iofog_proxy::{Limits, NetworkRouter, ProxyConfig, ProxyHandle, ProxyOptions};
use iofog_router::{RouterConfig, RouterHandle, RuntimeOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const POLICY: &str = r#"policy {
    enableVhostPolicy: true
    defaultVhost: $default
}
vhost {
    hostname: $default
    allowUnknownUser: true
    groups: { "$default": { "remoteHosts": "*", "allowDynamicSource": true, "allowAnonymousSender": true,
        "allowDynamicLinkRoutes": false, "sources": "*", "targets": "*" } }
}
"#;

/// Whose the two routers are.
#[derive(Clone, Copy)]
enum Makes<'a> {
    /// Ours, told to route no links.
    Plain,
    /// Both of this program.
    Given(&'a str),
    /// Our edge below an interior of this program.
    Below(&'a str),
}

/// Ends with the value.
struct Router {
    _ours: Option<RouterHandle>,
    given: Option<Child>,
}

impl Router {
    async fn ours(config: &str) -> Self {
        let config = RouterConfig::from_text(config).unwrap();
        let ours = iofog_router::start(config, RuntimeOptions::default()).await.unwrap();
        Self { _ours: Some(ours), given: None }
    }

    fn given(program: &str, config: &str) -> Self {
        let file = std::env::temp_dir().join(format!("iofog-plain-{}.conf", free_port()));
        std::fs::write(&file, config).unwrap();
        let given = Command::new(program).arg("-c").arg(&file).spawn().unwrap();
        Self { _ours: None, given: Some(given) }
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        if let Some(process) = &mut self.given {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Interior router with the public port, edge router with the target.
struct Path {
    _routers: [Router; 2],
    near: ProxyHandle,
    far: ProxyHandle,
    public: u16,
    target: TcpListener,
}

impl Path {
    async fn start(makes: Makes<'_>, silence: Duration) -> Self {
        let [normal, edge_listener, edge] = [free_port(), free_port(), free_port()];
        let interior = format!(
            "router {{\n mode: interior\n id: interior\n}}\n\
             listener {{\n host: 127.0.0.1\n port: {normal}\n}}\n\
             listener {{\n role: edge\n host: 127.0.0.1\n port: {edge_listener}\n}}\n"
        );
        let below = format!(
            "router {{\n mode: edge\n id: edge\n}}\nlistener {{\n host: 127.0.0.1\n port: {edge}\n}}\n\
             connector {{\n name: up\n role: edge\n host: 127.0.0.1\n port: {edge_listener}\n}}\n"
        );
        let routers = match makes {
            Makes::Plain => [
                Router::ours(&format!("{interior}{POLICY}")).await,
                Router::ours(&format!("{below}{POLICY}")).await,
            ],
            Makes::Given(program) => {
                [Router::given(program, &interior), Router::given(program, &below)]
            }
            Makes::Below(program) => {
                [Router::given(program, &interior), Router::ours(&below).await]
            }
        };
        let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (target_port, public) = (target.local_addr().unwrap().port(), free_port());
        let far = proxy(edge, format!("amqp:q=>tcp:{target_port}"), silence);
        let near = proxy(normal, format!("tcp:{public}=>amqp:q"), silence);
        connected(&far).await;
        let path = Self { _routers: routers, near, far, public, target };
        // Routers tell each other what is where: until they have, a connection waits in vain.
        loop {
            let _probe = connect(public).await;
            let met = tokio::time::timeout(Duration::from_secs(1), path.target.accept()).await;
            if met.is_ok() {
                return path;
            }
        }
    }

    /// A client and its server, greeted.
    async fn tunnel(&self) -> (TcpStream, TcpStream) {
        let mut client = connect(self.public).await;
        client.write_all(b"x").await.unwrap();
        loop {
            // A connection of a client that has gone meanwhile says nothing.
            let (mut server, _) = self.target.accept().await.unwrap();
            if server.read_exact(&mut [0]).await.is_ok() {
                return (client, server);
            }
        }
    }
}

/// A short silence after which ends ask each other.
const SHORT: Duration = Duration::from_millis(300);

/// A proxy that asks after so much silence.
fn proxy(router: u16, mapping: String, silence: Duration) -> ProxyHandle {
    let limits = Limits { silence, ..Limits::server() };
    let network_router = NetworkRouter { host: "127.0.0.1".to_owned(), port: router };
    let config = ProxyConfig { mappings: vec![mapping], network_router };
    iofog_proxy::start(config, ProxyOptions { limits, ..options() })
}

async fn ended(socket: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = socket.read_to_end(&mut rest).await;
    rest
}

/// Bytes both ways with half-closes, silence, and many at once.
async fn carries(makes: Makes<'_>) {
    let path = Path::start(makes, SHORT).await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(path.tunnel().await);
    }
    let (mut client, mut server) = path.tunnel().await;
    let sent: Vec<u8> = (0..4_000_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
    let expected = sent.clone();
    let upload = tokio::task::spawn_local(async move {
        client.write_all(&sent).await.unwrap();
        client.shutdown().await.unwrap();
        ended(&mut client).await
    });
    let came = ended(&mut server).await;
    let wrong = came.iter().zip(&expected).position(|(one, other)| one != other);
    assert_eq!((came.len(), wrong), (expected.len(), None), "bytes that came, the first wrong one");
    // Longer than many questions.
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.write_all(b"got it").await.unwrap();
    drop(server);
    assert_eq!(upload.await.unwrap(), b"got it");
    for (client, server) in &mut idle {
        server.write_all(b"!").await.unwrap();
        client.read_exact(&mut [0]).await.unwrap();
    }
    let failures: Vec<_> =
        [&path.near, &path.far].map(|end| end.status().mappings[0].failures.clone()).concat();
    // While the routers did not know of the egress, tunnels found none.
    assert!(failures.iter().all(|(name, _)| *name == "no-egress"), "{failures:?}");
}

/// Whichever end goes, the other one frees the socket that it holds, also of someone who says nothing.
async fn notices(makes: Makes<'_>) {
    let path = Path::start(makes, SHORT).await;
    let (_client, mut server) = path.tunnel().await;
    let (mut half, mut waiting) = path.tunnel().await;
    half.shutdown().await.unwrap();
    assert!(ended(&mut waiting).await.is_empty());
    // Without a word: nothing is told by who is dropped.
    drop(path.near);
    assert!(ended(&mut server).await.is_empty());
    while path.far.status().mappings[0].active > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let path = Path::start(makes, SHORT).await;
    let (mut client, _server) = path.tunnel().await;
    drop(path.far);
    assert!(ended(&mut client).await.is_empty());
}

/// A mapping that is removed, or a proxy that is shut down, tells the other end: no one asks here.
async fn tells(makes: Makes<'_>) {
    let path = Path::start(makes, Duration::from_secs(3_600)).await;
    let mut tunnels = Vec::new();
    for _ in 0..20 {
        tunnels.push(path.tunnel().await);
    }
    path.near.apply(ProxyConfig::default());
    for (_client, server) in &mut tunnels {
        assert!(ended(server).await.is_empty());
    }
    let path = Path::start(makes, Duration::from_secs(3_600)).await;
    let (mut client, _server) = path.tunnel().await;
    path.far.shutdown().await;
    assert!(ended(&mut client).await.is_empty());
}

#[test]
fn plain_tunnels_carry_bytes_and_stay_while_both_are_silent() {
    run(carries(Makes::Plain));
}

#[test]
fn plain_tunnels_end_when_the_other_proxy_has_gone() {
    run(notices(Makes::Plain));
}

#[test]
fn plain_tunnels_end_with_their_mapping() {
    run(tells(Makes::Plain));
}

async fn everything(makes: Makes<'_>) {
    carries(makes).await;
    notices(makes).await;
    tells(makes).await;
}

#[allow(clippy::print_stdout, reason = "tells that the test did not run")]
fn given(variable: &str) -> Option<String> {
    let program = std::env::var(variable).ok();
    if program.is_none() {
        println!("skipped: {variable} names no router");
    }
    program
}

#[test]
fn plain_tunnels_over_skupper_router() {
    let Some(program) = given("IOFOG_SKROUTERD") else { return };
    run(async move { everything(Makes::Given(&program)).await });
}

#[test]
fn routed_tunnels_over_dispatch() {
    let Some(program) = given("IOFOG_QDROUTERD") else { return };
    run(async move { everything(Makes::Given(&program)).await });
}

#[test]
fn routed_tunnels_over_our_edge_below_dispatch() {
    let Some(program) = given("IOFOG_QDROUTERD") else { return };
    run(async move { everything(Makes::Below(&program)).await });
}

/// Our edge leads links, the interior above it does not: what both Proxies do has to be the same.
#[test]
fn plain_tunnels_over_our_edge_below_skupper_router() {
    let Some(program) = given("IOFOG_SKROUTERD") else { return };
    run(async move { everything(Makes::Below(&program)).await });
}
