//! Answers that flow while they arrive.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::domain::envelope::{Envelope, Form, Part, Then};
use crate::domain::exchange::Settled;
use crate::limits::Limits;
use crate::link::memory::{MemoryNetwork, send_once, take};
use crate::link::{Connection, Network, ReceiveFrom};
use crate::testing::{TestProxy, config, connect, free_port, limits, proxy, run};

const GET: &[u8] = b"GET /events HTTP/1.1\r\nhost: h\r\n\r\n";
const OPEN_HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// A pair of proxies with the target's listener.
async fn pair(network: &MemoryNetwork) -> (TestProxy, u16, TcpListener) {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free_port();
    let proxy = proxy(network, limits());
    let target_port = target.local_addr().unwrap().port();
    let mappings = [format!("http:{port}=>amqp:q"), format!("amqp:q=>http:{target_port}")];
    proxy.apply(config(&mappings), None);
    network.served("q").await;
    while !proxy.status().mappings.iter().all(|m| m.router_connected) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (proxy, port, target)
}

/// Accepts a connection and reads the request's head.
async fn asked(target: &TcpListener) -> TcpStream {
    let (mut stream, _) = target.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_buf(&mut head).await.unwrap();
    }
    stream
}

async fn read_until(stream: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let mut seen = Vec::new();
    while !seen.ends_with(end) {
        assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0, "ended before {end:?}: {seen:?}");
    }
    seen
}

#[test]
fn streaming_events_arrive_while_the_answer_is_open() {
    run(async {
        let network = MemoryNetwork::default();
        let (_proxy, port, target) = pair(&network).await;
        let mut client = connect(port).await;
        client.write_all(GET).await.unwrap();
        let mut server = asked(&target).await;
        server.write_all(OPEN_HEAD).await.unwrap();
        let head = read_until(&mut client, b"\r\n\r\n").await;
        let head = String::from_utf8(head).unwrap();
        assert!(head.contains("content-type: text/event-stream\r\n"), "{head}");
        assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
        for event in ["one", "two"] {
            server.write_all(format!("3\r\n{event}\r\n").as_bytes()).await.unwrap();
            read_until(&mut client, format!("{event}\r\n").as_bytes()).await;
        }
        server.write_all(b"0\r\n\r\n").await.unwrap();
        read_until(&mut client, b"0\r\n\r\n").await;
    });
}

#[test]
fn streaming_open_answers_do_not_hold_up_others() {
    run(async {
        let network = MemoryNetwork::default();
        let (_proxy, port, target) = pair(&network).await;
        let mut open = Vec::new();
        for _ in 0..20 {
            let mut client = connect(port).await;
            client.write_all(GET).await.unwrap();
            let mut server = asked(&target).await;
            server.write_all(OPEN_HEAD).await.unwrap();
            read_until(&mut client, b"\r\n\r\n").await;
            open.push((client, server));
        }
        let mut client = connect(port).await;
        client.write_all(GET).await.unwrap();
        let mut server = asked(&target).await;
        server.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        read_until(&mut client, b"ok").await;
    });
}

#[test]
fn streaming_slow_client_holds_the_target_back() {
    run(async {
        let network = MemoryNetwork::default();
        let (_proxy, port, target) = pair(&network).await;
        let mut client = connect(port).await;
        let request = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
        client.write_all(request).await.unwrap();
        let mut server = asked(&target).await;
        server.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let chunk = vec![b'x'; 1 << 16];
        let mut written = 0_usize;
        while let Ok(Ok(())) =
            tokio::time::timeout(Duration::from_millis(300), server.write_all(&chunk)).await
        {
            written += chunk.len();
            assert!(written < 64 << 20, "grows without bound");
        }
        drop(server);
        // What was under way is not lost: at least all whole chunks arrive once the client reads.
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        assert!(received.len() > written);
        assert!(received.ends_with(b"0\r\n\r\n"));
    });
}

#[test]
fn streaming_client_that_leaves_ends_the_targets_connection() {
    run(async {
        let network = MemoryNetwork::default();
        let (proxy, port, target) = pair(&network).await;
        let mut client = connect(port).await;
        client.write_all(GET).await.unwrap();
        let mut server = asked(&target).await;
        server.write_all(OPEN_HEAD).await.unwrap();
        read_until(&mut client, b"\r\n\r\n").await;
        drop(client);
        let ended = Rc::new(Cell::new(false));
        let mut byte = [0];
        while !ended.get() {
            let _ = server.write_all(b"1\r\nx\r\n").await;
            let read =
                tokio::time::timeout(Duration::from_millis(20), server.read(&mut byte)).await;
            ended.set(matches!(read, Ok(Ok(0) | Err(_))));
        }
        while proxy.status().mappings.iter().any(|m| m.active > 0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn streaming_target_that_breaks_off_is_not_taken_for_the_end() {
    run(async {
        let network = MemoryNetwork::default();
        let (_proxy, port, target) = pair(&network).await;
        let mut client = connect(port).await;
        client.write_all(GET).await.unwrap();
        let mut server = asked(&target).await;
        server.write_all(OPEN_HEAD).await.unwrap();
        server.write_all(b"3\r\none\r\n").await.unwrap();
        read_until(&mut client, b"one\r\n").await;
        drop(server);
        let mut rest = Vec::new();
        let _ = client.read_to_end(&mut rest).await;
        assert!(rest.is_empty(), "{rest:?}");
    });
}

#[test]
fn streaming_parts_out_of_place_are_rejected() {
    run(async {
        let network = MemoryNetwork::default();
        let port = free_port();
        let proxy = proxy(&network, Limits { waiting: 4, ..limits() });
        proxy.apply(config(&[format!("http:{port}=>amqp:q")]), None);
        let connection = network.connect("test").await.unwrap();
        let source = Some("q".to_owned());
        let from = ReceiveFrom { source, credit: 10, renew: true, most: 1 << 20, session: None };
        let mut queue = connection.receiver(from).await.unwrap();
        while !proxy.status().mappings[0].router_connected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut client = connect(port).await;
        let request = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
        client.write_all(request).await.unwrap();
        let message = take(&mut queue, 1).await.remove(0).unwrap();
        assert_eq!(message.form, Form::PartsWelcome);
        let reply_to = message.reply_to.clone().unwrap();
        let part = |number, then| Envelope {
            subject: Some("200".to_owned()),
            correlation_id: message.correlation_id.clone(),
            form: Form::Part(Part { number, then }),
            ..Envelope::default()
        };
        let send = |message| send_once(&network, &reply_to, message);
        assert_eq!(send(part(1, Then::More)).await, Settled::Rejected);
        let mut answer = String::new();
        let _ = client.read_to_string(&mut answer).await;
        assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
        assert_eq!(send(part(0, Then::More)).await, Settled::Rejected);
    });
}
