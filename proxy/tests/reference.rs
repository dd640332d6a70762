//! A proxy on another AMQP library at the other end: `peers/proxy.js` on rhea from npm, which does what the
//! contract says of the reference. The reference itself is in no registry: when `IOFOG_REFERENCE_PROXY` names
//! a folder with it (`lib/proxy.js` and its `node_modules`), it takes the place.
#![allow(clippy::unwrap_used, reason = "test code outside of test functions")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use common::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const RHEA: &str = "rhea@3.0.5";

/// The other proxy, running one mapping; ends with the value.
struct Reference(Child);

/// What runs at the other end.
enum Peer {
    /// The reference itself, in this folder.
    Reference(PathBuf),
    /// Our script with rhea, which is installed in this folder.
    Rhea(PathBuf),
}

impl Reference {
    fn start(peer: &Peer, mapping: &str, router: u16) -> Self {
        let mut command = Command::new("node");
        match peer {
            Peer::Reference(folder) => {
                let script = format!(
                    "require('./lib/proxy').proxy('{mapping}', '127.0.0.1', \
                     {{routerHost: '127.0.0.1', routerPort: {router}}})"
                );
                command.args(["-e", &script, "reference"]).current_dir(folder);
            }
            Peer::Rhea(folder) => {
                let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/proxy.js");
                command.arg(script).args([mapping, &router.to_string()]);
                command.env("NODE_PATH", folder.join("node_modules"));
            }
        }
        command.env("HOSTNAME", "reference").stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("node runs"))
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Installed once for all tests of this file; what is there from an earlier run is used again.
#[allow(clippy::print_stdout, reason = "tells that the test did not run")]
fn peer() -> Option<&'static Peer> {
    static PEER: OnceLock<Result<Peer, String>> = OnceLock::new();
    let peer = PEER.get_or_init(|| match std::env::var_os("IOFOG_REFERENCE_PROXY") {
        Some(folder) => Ok(Peer::Reference(folder.into())),
        None => install().map(Peer::Rhea),
    });
    match peer {
        Ok(peer) => Some(peer),
        Err(why) => {
            println!("skipped: {why}");
            None
        }
    }
}

fn install() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rhea");
    if folder.join("node_modules/rhea/package.json").exists() {
        return Ok(folder);
    }
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let installed = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
        .arg(&folder)
        .arg(RHEA)
        .output()
        .map_err(|error| format!("npm does not run: {error}"))?;
    if installed.status.success() {
        return Ok(folder);
    }
    Err(format!("{RHEA} cannot be installed: {}", String::from_utf8_lossy(&installed.stderr)))
}

const POST: &str =
    "POST /p?x=1 HTTP/1.1\r\nhost: h:1\r\nconnection: close\r\ncontent-type: text/plain\r\n";

async fn exchange(public: u16) {
    let get = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
    while status(&talk(public, get).await) != 200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for length in [1_usize, 1000, 100_000, 3_000_000] {
        let sent: Vec<u8> = (0..length).map(|n| n.to_le_bytes()[0]).collect();
        let head = format!("{POST}content-length: {length}\r\n\r\n");
        let answer = talk(public, &[head.as_bytes(), &sent].concat()).await;
        assert_eq!(status(&answer), 200, "{length}: {}", String::from_utf8_lossy(&answer[..200]));
        assert!(body(&answer) == sent, "{length}");
    }
}

#[test]
fn reference_http_egress_serves_our_ingress() {
    let Some(peer) = peer() else { return };
    run(async move {
        let port = free_port();
        let router = interior(port, free_port(), free_port()).await;
        let (target, public) = (http_echo().await, free_port());
        let _reference = Reference::start(peer, &format!("amqp:q=>http:{target}"), port);
        let ours = proxy(port, &[format!("http:{public}=>amqp:q")]);
        exchange(public).await;
        drop(ours);
        router.shutdown().await;
    });
}

#[test]
fn reference_http_ingress_reaches_our_egress() {
    let Some(peer) = peer() else { return };
    run(async move {
        let port = free_port();
        let router = interior(port, free_port(), free_port()).await;
        let (target, public) = (http_echo().await, free_port());
        let _reference = Reference::start(peer, &format!("http:{public}=>amqp:q"), port);
        let ours = proxy(port, &[format!("amqp:q=>http:{target}")]);
        exchange(public).await;
        drop(ours);
        router.shutdown().await;
    });
}

async fn echo(public: u16) {
    // The reference gives credit before its target is connected, and may lose what comes then.
    let mut probe = [0; 1];
    loop {
        let mut socket = connect(public).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let sent = socket.write_all(b"?").await;
        let read =
            tokio::time::timeout(Duration::from_secs(1), socket.read_exact(&mut probe)).await;
        if sent.is_ok() && matches!(read, Ok(Ok(_))) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut socket = connect(public).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let (mut reader, mut writer) = socket.split();
    let mut received = vec![0; sent.len()];
    let (write, read) = tokio::join!(writer.write_all(&sent), reader.read_exact(&mut received));
    write.unwrap();
    read.unwrap();
    assert!(received == sent);
}

#[test]
fn reference_tcp_egress_serves_our_ingress() {
    let Some(peer) = peer() else { return };
    run(async move {
        let port = free_port();
        let router = interior(port, free_port(), free_port()).await;
        let (target, public) = (tcp_echo().await, free_port());
        let _reference = Reference::start(peer, &format!("amqp:q=>tcp:{target}"), port);
        let ours = proxy(port, &[format!("tcp:{public}=>amqp:q")]);
        echo(public).await;
        drop(ours);
        router.shutdown().await;
    });
}

#[test]
fn reference_tcp_ingress_reaches_our_egress() {
    let Some(peer) = peer() else { return };
    run(async move {
        let port = free_port();
        let router = interior(port, free_port(), free_port()).await;
        let (target, public) = (tcp_echo().await, free_port());
        let ours = proxy(port, &[format!("amqp:q=>tcp:{target}")]);
        connected(&ours).await;
        let _reference = Reference::start(peer, &format!("tcp:{public}=>amqp:q"), port);
        echo(public).await;
        drop(ours);
        router.shutdown().await;
    });
}

/// Node's server and client of HTTP/2 with a proxy of each kind between them.
async fn contract_of_http2(ours_listens: bool, peer: &'static Peer) {
    let port = free_port();
    let router = interior(port, free_port(), free_port()).await;
    let (target, public) = (Http2Server::start(), free_port());
    let ends = [format!("http2:{public}=>amqp:q"), format!("amqp:q=>http2:{}", target.port)];
    let [ours, theirs] = if ours_listens { [&ends[0], &ends[1]] } else { [&ends[1], &ends[0]] };
    let ours = proxy(port, std::slice::from_ref(ours));
    connected(&ours).await;
    let _reference = Reference::start(peer, theirs, port);
    drop(connect(public).await);
    let mut client = http2_script();
    // The reference never ends a response without trailers, not even between two of its own.
    let case = match peer {
        Peer::Reference(_) if !ours_listens => "grpc",
        _ => "contract",
    };
    client.args(["client", &format!("http://127.0.0.1:{public}"), case]);
    let said = output(client).await;
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    drop(ours);
    router.shutdown().await;
}

#[test]
fn reference_http2_egress_serves_our_ingress() {
    let Some(peer) = peer() else { return };
    run(async move { contract_of_http2(true, peer).await });
}

#[test]
fn reference_http2_ingress_reaches_our_egress() {
    let Some(peer) = peer() else { return };
    run(async move { contract_of_http2(false, peer).await });
}
