//! Real routers and proxies on loopback, all on one thread.
#![allow(clippy::unwrap_used, reason = "test code outside of test functions")]
#![allow(dead_code, reason = "each test file uses its own part")]

use std::future::Future;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::rc::Rc;
use std::time::Duration;

use iofog_amqp_client::{BoxStream, Dial, DialFuture};
use iofog_proxy::{Http2, Limits, NetworkRouter, ProxyConfig, ProxyHandle, ProxyOptions};
use iofog_router::{RouterConfig, RouterHandle, RuntimeOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Runs a test on one thread with a guard against hanging.
pub(crate) fn run<F: Future<Output = ()> + 'static>(test: F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let guarded = async { tokio::time::timeout(Duration::from_secs(900), test).await };
    tokio::task::LocalSet::new().block_on(&runtime, guarded).expect("test hangs");
}

pub(crate) use iofog_test_ports::free as free_port;

/// An interior router with a normal and an edge port, as a system fog has it.
pub(crate) async fn interior(port: u16, edge: u16, inter: u16) -> RouterHandle {
    let config = format!(
        r#"{{"mode":"interior","id":"interior","listeners":[
            {{"role":"normal","host":"127.0.0.1","port":{port}}},
            {{"role":"edge","host":"127.0.0.1","port":{edge}}},
            {{"role":"inter-router","host":"127.0.0.1","port":{inter}}}]}}"#
    );
    router(&config).await
}

/// A second interior router, linked to the first by its inter-router port.
pub(crate) async fn interior_linked(
    id: &str,
    [port, edge, inter]: [u16; 3],
    first: u16,
) -> RouterHandle {
    let config = format!(
        r#"{{"mode":"interior","id":"{id}","listeners":[
            {{"role":"normal","host":"127.0.0.1","port":{port}}},
            {{"role":"edge","host":"127.0.0.1","port":{edge}}},
            {{"role":"inter-router","host":"127.0.0.1","port":{inter}}}],"connectors":[
            {{"name":"first","role":"inter-router","host":"127.0.0.1","port":{first}}}]}}"#
    );
    router(&config).await
}

/// An edge router below it.
pub(crate) async fn edge(id: &str, port: u16, upstream: u16) -> RouterHandle {
    let config = format!(
        r#"{{"mode":"edge","id":"{id}","listeners":[
            {{"role":"normal","host":"127.0.0.1","port":{port}}}],"connectors":[
            {{"name":"interior","role":"edge","host":"127.0.0.1","port":{upstream}}}]}}"#
    );
    router(&config).await
}

pub(crate) async fn router(config: &str) -> RouterHandle {
    let config = RouterConfig::from_controller_json(config).unwrap();
    iofog_router::start(config, RuntimeOptions::default()).await.unwrap()
}

/// A proxy of the router at `port`, with targets on loopback.
pub(crate) fn proxy(port: u16, mappings: &[String]) -> ProxyHandle {
    proxy_at("127.0.0.1", port, mappings)
}

/// A proxy of the router at `host:port`, with targets on loopback.
pub(crate) fn proxy_at(host: &str, port: u16, mappings: &[String]) -> ProxyHandle {
    let config = ProxyConfig {
        mappings: mappings.to_vec(),
        network_router: NetworkRouter { host: host.to_owned(), port },
    };
    iofog_proxy::start(config, options())
}

/// A proxy in the process of its router, as in the Agent.
pub(crate) fn embedded(router: &RouterHandle, mappings: &[String]) -> ProxyHandle {
    struct Local(RouterHandle);
    impl Dial for Local {
        fn dial(&self) -> DialFuture<'_> {
            let stream: BoxStream = Box::new(self.0.connect_local());
            Box::pin(std::future::ready(Ok(stream)))
        }
    }
    let config = ProxyConfig { mappings: mappings.to_vec(), ..ProxyConfig::default() };
    let dial: Option<Rc<dyn Dial>> = Some(Rc::new(Local(router.clone())));
    iofog_proxy::start(config, ProxyOptions { dial, ..options() })
}

/// Options of all proxies here.
pub(crate) fn options() -> ProxyOptions {
    ProxyOptions {
        listen_host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        target_host: "127.0.0.1".to_owned(),
        limits: Limits::server(),
        http2: Some(Http2::support()),
        ..ProxyOptions::default()
    }
}

/// A request after which the server closes.
pub(crate) const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";

/// Waits until every mapping has its links.
pub(crate) async fn connected(proxy: &ProxyHandle) {
    while !proxy.status().mappings.iter().all(|m| m.router_connected) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

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
pub(crate) async fn talk(port: u16, request: &[u8]) -> Vec<u8> {
    let mut stream = connect(port).await;
    let mut answer = Vec::new();
    let (mut reader, mut writer) = stream.split();
    let send = async {
        let _ = writer.write_all(request).await;
    };
    let _ = tokio::join!(send, reader.read_to_end(&mut answer));
    answer
}

/// A target that sends back what it gets.
pub(crate) async fn tcp_echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::task::spawn_local(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::task::spawn_local(async move {
                let (mut reader, mut writer) = socket.split();
                let _ = tokio::io::copy(&mut reader, &mut writer).await;
            });
        }
    });
    port
}

/// An HTTP target: answers each request, read to its end by content-length, with its own body.
pub(crate) async fn http_echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::task::spawn_local(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::task::spawn_local(async move {
                let mut input = Vec::new();
                while let Some(body) = request_body(&mut stream, &mut input).await {
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                    stream.write_all(head.as_bytes()).await.unwrap();
                    stream.write_all(&body).await.unwrap();
                }
            });
        }
    });
    port
}

async fn request_body(stream: &mut TcpStream, input: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = loop {
        if let Some(at) = input.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(input).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&input[..end]).to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    while input.len() < end + length {
        if stream.read_buf(input).await.ok()? == 0 {
            return None;
        }
    }
    let rest = input.split_off(end + length);
    let whole = std::mem::replace(input, rest);
    Some(whole[end..].to_vec())
}

/// The body of a response.
pub(crate) fn body(response: &[u8]) -> &[u8] {
    let at = response.windows(4).position(|bytes| bytes == b"\r\n\r\n").map_or(0, |at| at + 4);
    &response[at..]
}

/// The status of a response; 0 when there is none.
pub(crate) fn status(response: &[u8]) -> u16 {
    let text = response.get(9..12).and_then(|bytes| std::str::from_utf8(bytes).ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Runs a program beside the proxies, which share this thread; what it says must fit into a pipe.
pub(crate) async fn output(mut command: Command) -> Output {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    while child.try_wait().unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    child.wait_with_output().unwrap()
}

/// Node with the HTTP/2 programs that know nothing of proxies.
pub(crate) fn http2_script() -> Command {
    let mut command = Command::new("node");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/http2.js"));
    command
}

/// Node's HTTP/2 server; ends with the value.
pub(crate) struct Http2Server {
    process: Child,
    pub(crate) port: u16,
}

impl Http2Server {
    pub(crate) fn start() -> Self {
        let mut process = http2_script().arg("server").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { port: line.trim().parse().unwrap(), process }
    }
}

impl Drop for Http2Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
