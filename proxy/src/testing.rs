//! What tests of a whole proxy share: a runtime, proxies on a network in memory, sockets, targets.

use std::cell::RefCell;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::certificates::Certificates;
use crate::context::Context;
use crate::domain::backlog::Backlog;
use crate::domain::budget::Budget;
use crate::domain::config::ProxyConfig;
use crate::http2;
use crate::limits::Limits;
use crate::link::memory::MemoryNetwork;
use crate::supervisor::Supervisor;

pub(crate) type TestProxy = Supervisor<MemoryNetwork>;

/// Runs a test on one thread with a guard against hanging.
pub(crate) fn run<F: Future<Output = ()> + 'static>(test: F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let guarded = async { tokio::time::timeout(Duration::from_secs(300), test).await };
    tokio::task::LocalSet::new().block_on(&runtime, guarded).expect("test hangs");
}

pub(crate) fn limits() -> Limits {
    let mut limits = Limits::device();
    limits.timings.credit = Duration::from_millis(300);
    limits.probe = Duration::from_millis(50);
    limits.silence = Duration::from_millis(100);
    limits
}

pub(crate) fn proxy(network: &MemoryNetwork, limits: Limits) -> TestProxy {
    proxy_with(network, limits, None)
}

/// As [`proxy`], with a folder of certificates.
pub(crate) fn proxy_with(
    network: &MemoryNetwork,
    limits: Limits,
    certificates: Option<&Path>,
) -> TestProxy {
    let context = Context {
        network: RefCell::new(Rc::new(network.clone())),
        listen_host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        target_host: "127.0.0.1".to_owned(),
        certificates: certificates.map(Certificates::new),
        budget: Budget::new(limits.buffered),
        backlog: Backlog::new(limits.backlog),
        start: tokio::time::Instant::now(),
        limits,
        compat: false,
        http2: Some(http2::starters()),
    };
    Supervisor::new(context, ProxyConfig::default())
}

pub(crate) fn config(mappings: &[String]) -> ProxyConfig {
    ProxyConfig { mappings: mappings.to_vec(), ..ProxyConfig::default() }
}

pub(crate) use iofog_test_ports::free as free_port;

/// Opens a connection, waiting until someone listens.
pub(crate) async fn connect(port: u16) -> TcpStream {
    loop {
        match TcpStream::connect(("127.0.0.1", port)).await {
            Ok(stream) => return stream,
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// Sends bytes, then reads until the server closes.
pub(crate) async fn talk(port: u16, request: &[u8]) -> String {
    let mut stream = connect(port).await;
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is as good as a close.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// A target that answers every connection with `answer` to whatever arrives first, and records it.
pub(crate) async fn target(answer: &'static str) -> (u16, Rc<RefCell<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let record = Rc::clone(&seen);
    tokio::task::spawn_local(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let record = Rc::clone(&record);
            tokio::task::spawn_local(async move {
                let mut buffer = vec![0; 65_536];
                while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                    record.borrow_mut().push(text);
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    (port, seen)
}

pub(crate) fn local(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}
