//! Time from a message on one message socket to the same message on another, and to its receipt: one node,
//! Local API, bus and edge Router on one thread, the microservices on another. Run with `cargo bench -p iofog-agent --bench bus_latency`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark: failures end it, figures are printed"
)]

#[path = "../tests/bus_support/mod.rs"]
mod bus_support;
#[path = "../tests/bus_support/nobody.rs"]
mod nobody;

use std::rc::Rc;
use std::time::{Duration, Instant};

use bus_support::{Node, content, message, router, run};
use bytes::Bytes;
use fastwebsockets::{Frame, Payload, WebSocket, handshake};
use http_body_util::Empty;
use hyper::Request;
use hyper::header::{CONNECTION, HOST, UPGRADE};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use iofog_agent::local_api::{LocalApi, LocalApiOptions};
use iofog_router::config::Mode;
use tokio::net::{TcpListener, TcpStream};

const MESSAGES: u32 = 5000;
const BURST: u32 = 40_000;
/// Messages that the sender leaves without a receipt.
const WINDOW: u32 = 64;
const GAP: Duration = Duration::from_millis(1);

struct Spawn;

impl<F: Future + 'static> hyper::rt::Executor<F> for Spawn {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move { drop(future.await) });
    }
}

fn main() {
    run(async {
        let edge = router(Mode::Edge, "edge", &[]).await;
        let node = Node::new("latency");
        node.host_pair("a", "b");
        node.use_router(&edge);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let options = LocalApiOptions::default();
        let administration = Rc::new(nobody::Nobody);
        let api = LocalApi::new(node.context.clone(), node.bus.clone(), administration, options);
        tokio::task::spawn_local(api.serve(listener));
        let (done, finished) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            run(microservices(port));
            done.send(())
        });
        finished.await.unwrap();
        println!("{:?}", node.bus.status().ledger);
    });
}

/// Both microservices, on a thread of their own: the Agent's does nothing for them.
async fn microservices(port: u16) {
    let mut sender = socket(port, "a").await;
    let mut receiver = socket(port, "b").await;
    let (mut arrivals, mut receipts) = (Vec::new(), Vec::new());
    for n in 0..MESSAGES {
        let start = Instant::now();
        sender.write_frame(frame(n)).await.unwrap();
        receiver.read_frame().await.unwrap();
        arrivals.push(start.elapsed());
        receiver.write_frame(acknowledgement()).await.unwrap();
        sender.read_frame().await.unwrap();
        receipts.push(start.elapsed());
        tokio::time::sleep(GAP).await;
    }
    report("message", &mut arrivals);
    report("receipt", &mut receipts);
    let (own, start) = (thread_time(), Instant::now());
    tokio::join!(send(&mut sender), receive(&mut receiver));
    let (took, own) = (start.elapsed(), thread_time() - own);
    let rate = f64::from(BURST) / took.as_secs_f64();
    println!(
        "burst: {rate:.0} messages/s, acknowledged and receipted, {WINDOW} without a receipt at most; \
         the microservices' thread worked {:.0} % of the time",
        100.0 * own.as_secs_f64() / took.as_secs_f64()
    );
}

/// As fast as the socket takes them and receipts come back.
async fn send(sender: &mut Socket) {
    let mut sent = 0;
    for receipted in 0..BURST {
        while sent < BURST && sent - receipted < WINDOW {
            sender.write_frame(frame(sent)).await.unwrap();
            sent += 1;
        }
        sender.read_frame().await.unwrap();
    }
}

async fn receive(receiver: &mut Socket) {
    for expected in 0..BURST {
        let frame = receiver.read_frame().await.unwrap();
        let message = Bytes::copy_from_slice(&frame.payload[5..]);
        assert_eq!(content(&message), expected);
        receiver.write_frame(acknowledgement()).await.unwrap();
    }
}

fn acknowledgement() -> Frame<'static> {
    Frame::binary(Payload::Borrowed(&[0x0B]))
}

/// Processor time of the calling thread.
fn thread_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

type Socket = WebSocket<TokioIo<Upgraded>>;

async fn socket(port: u16, id: &str) -> Socket {
    let request = Request::builder()
        .uri(format!("/v2/message/socket/id/{id}"))
        .header(HOST, "iofog")
        .header(UPGRADE, "websocket")
        .header(CONNECTION, "Upgrade")
        .header("Sec-WebSocket-Key", handshake::generate_key())
        .header("Sec-WebSocket-Version", "13")
        .body(Empty::<Bytes>::new())
        .unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    handshake::client(&Spawn, request, stream).await.unwrap().0
}

fn frame(number: u32) -> Frame<'static> {
    let payload = message("a", number).encode().unwrap();
    let mut bytes = vec![0x0D];
    bytes.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
    bytes.extend(payload);
    Frame::binary(Payload::Owned(bytes))
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: usize| times[times.len() * share / 100];
    println!("{what}: p50 {:?}, p90 {:?}, p99 {:?}", at(50), at(90), at(99));
}
