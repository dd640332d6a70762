//! Client to server of this crate over TCP on loopback, both on one thread:
//! `cargo bench -p iofog-amqp-client --bench loopback [messages] [bytes]`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::time::Instant;

use bytes::Bytes;
use iofog_amqp_client::*;
use tokio::net::TcpListener;
use tokio::task::spawn_local;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|arg| arg.parse().ok());
    let messages: u32 = numbers.next().unwrap_or(200_000);
    let size = usize::try_from(numbers.next().unwrap_or(100)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        for settled in [true, false] {
            run(messages, size, settled).await;
        }
        round_trips(messages / 20).await;
    });
}

async fn pair() -> (Connection, Connection) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dial = TcpDial::new("127.0.0.1", listener.local_addr().unwrap().port());
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        Connection::serve(Box::new(stream), ServerOptions::default()).await.unwrap()
    };
    let client = async {
        Connection::open(dial.dial().await.unwrap(), ConnectionOptions::default()).await.unwrap()
    };
    tokio::join!(client, server)
}

async fn link(credit: u32) -> (Sender, Receiver, Connection) {
    let (client, server) = pair().await;
    let (sender, receiver) = tokio::join!(client.sender(SenderOptions::to("q")), async {
        server.accept_link().await.unwrap().accept_receiver(credit, true).unwrap()
    });
    (sender.unwrap(), receiver, server)
}

async fn run(messages: u32, size: usize, settled: bool) {
    let (sender, mut receiver, _server) = link(250).await;
    let start = Instant::now();
    let producer = spawn_local(async move {
        let payload = Bytes::from(vec![7; size]);
        let mut last = None;
        for _ in 0..messages {
            last = Some(sender.send_start(payload.clone(), settled).await.unwrap());
        }
        last.unwrap().await.unwrap();
    });
    for _ in 0..messages {
        receiver.recv().await.unwrap().accept();
    }
    producer.await.unwrap();
    let each = start.elapsed() / messages;
    println!("{messages} messages of {size} B, settled {settled}: {each:?} each, both sides");
}

async fn round_trips(count: u32) {
    let (sender, mut receiver, _server) = link(10).await;
    let consumer = spawn_local(async move {
        for _ in 0..count {
            receiver.recv().await.unwrap().accept();
        }
        receiver
    });
    let start = Instant::now();
    for _ in 0..count {
        sender.send(Bytes::from_static(b"ping")).await.unwrap();
    }
    println!("{count} sends with outcome, one by one: {:?} each", start.elapsed() / count);
    drop(consumer.await.unwrap());
}
