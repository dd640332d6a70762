//! What works: requests through two proxies and back.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::counters::MappingState;
use crate::domain::envelope::Envelope;
use crate::domain::exchange::Settled;
use crate::link::memory::MemoryNetwork;
use crate::link::{Connection, Delivery, Network, ReceiveFrom, Receiver, SendTo, Sender};
use crate::testing::{TestProxy, config, connect, free_port, limits, proxy, run, talk, target};

async fn pair(answer: &'static str) -> (TestProxy, u16, Rc<RefCell<Vec<String>>>) {
    let network = MemoryNetwork::default();
    let (target_port, seen) = target(answer).await;
    let port = free_port();
    let proxy = proxy(&network, limits());
    let mappings = [format!("http:{port}=>amqp:q"), format!("amqp:q=>http:{target_port}")];
    proxy.apply(config(&mappings), None);
    network.served("q").await;
    while !proxy.status().mappings.iter().all(|m| m.router_connected) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (proxy, port, seen)
}

#[test]
fn flow_get_through_both_proxies() {
    run(async {
        let answer =
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: a\r\nset-cookie: b\r\n\r\nhi";
        let (proxy, port, seen) = pair(answer).await;
        let request = b"GET /p?x=1 HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nConnection: close, x-hop\r\nx-hop: 1\r\n\r\n";
        let response = talk(port, request).await;
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(response.contains("set-cookie: a\r\nset-cookie: b\r\n"), "{response}");
        assert!(response.ends_with("\r\n\r\nhi"), "{response}");
        let request = seen.borrow()[0].clone();
        assert!(request.starts_with("GET /p?x=1 HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("x-a: 1\r\n") && request.contains("host: h\r\n"), "{request}");
        assert!(!request.contains("connection") && !request.contains("x-hop"), "{request}");
        // The acceptance of the answer may wait a little for another request.
        while proxy.status().mappings.iter().any(|mapping| mapping.active > 0) {
            tokio::task::yield_now().await;
        }
        for mapping in proxy.status().mappings {
            assert_eq!(mapping.uses, 1, "{mapping:?}");
            assert_eq!(mapping.state, MappingState::Running);
        }
    });
}

#[test]
fn flow_request_is_accepted_while_its_answer_is_on_its_way() {
    run(async {
        let network = MemoryNetwork::default();
        let (target_port, _seen) = target("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
        let proxy = proxy(&network, limits());
        proxy.apply(config(&[format!("amqp:q=>http:{target_port}")]), None);
        network.served("q").await;
        let connection = network.connect("test").await.unwrap();
        let from =
            ReceiveFrom { source: None, credit: 1, renew: false, most: 1 << 20, session: None };
        let mut answers = connection.receiver(from).await.unwrap();
        let sender = connection.sender(SendTo::target("q")).await.unwrap();
        let request = Envelope {
            to: Some("h/".to_owned()),
            subject: Some("GET".to_owned()),
            reply_to: answers.address().map(str::to_owned),
            ..Envelope::default()
        };
        let pending = sender.send(request).await.unwrap();
        let answer = answers.recv().await.unwrap();
        assert_eq!(pending.await.unwrap(), Settled::Accepted);
        let active = || proxy.status().mappings[0].active;
        assert_eq!(active(), 1, "its place is kept until the answer was taken");
        answer.settle(Settled::Accepted);
        while active() > 0 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn flow_post_with_expect_and_chunks() {
    run(async {
        let (_proxy, port, seen) = pair("HTTP/1.1 204 No Content\r\n\r\n").await;
        let mut client = connect(port).await;
        let head = b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n";
        client.write_all(head).await.unwrap();
        let mut interim = [0; 25];
        client.read_exact(&mut interim).await.unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        client.write_all(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").await.unwrap();
        let mut answer = [0; 12];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 204");
        let request = seen.borrow().concat();
        assert!(request.contains("content-length: 5\r\n"), "{request}");
        assert!(!request.contains("expect") && !request.contains("chunked"), "{request}");
        assert!(request.ends_with("\r\n\r\nabcde"), "{request}");
    });
}

#[test]
fn flow_answers_without_a_body() {
    run(async {
        // The HTTP library leaves the length out of a 304, as the standard allows.
        for (status, method, length) in
            [(200, "HEAD", true), (304, "GET", false), (304, "HEAD", true)]
        {
            let answer = match status {
                200 => "HTTP/1.1 200 OK\r\ncontent-length: 42\r\n\r\n",
                _ => "HTTP/1.1 304 Not Modified\r\ncontent-length: 42\r\n\r\n",
            };
            let (_proxy, port, _) = pair(answer).await;
            let request = format!("{method} / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
            let response = talk(port, request.as_bytes()).await;
            assert!(response.starts_with(&format!("HTTP/1.1 {status}")), "{response}");
            assert_eq!(response.contains("content-length: 42\r\n"), length, "{response}");
            assert!(response.ends_with("\r\n\r\n"), "{response}");
        }
    });
}

#[test]
fn flow_many_requests_on_one_connection_use_one_target_connection() {
    run(async {
        let (_proxy, port, seen) = pair("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx").await;
        let mut client = connect(port).await;
        for _ in 0..50 {
            client.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"\r\n\r\nx") {
                let byte = client.read_u8().await.unwrap();
                answer.push(byte);
            }
            assert!(answer.starts_with(b"HTTP/1.1 200"));
        }
        assert_eq!(seen.borrow().len(), 50);
    });
}

#[test]
fn flow_target_that_closes_each_time_is_asked_again() {
    run(async {
        let network = MemoryNetwork::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target_port = listener.local_addr().unwrap().port();
        tokio::task::spawn_local(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            }
        });
        let port = free_port();
        let proxy = proxy(&network, limits());
        let mappings = [format!("http:{port}=>amqp:q"), format!("amqp:q=>http:{target_port}")];
        proxy.apply(config(&mappings), None);
        network.served("q").await;
        for _ in 0..10 {
            let request =
                b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\nconnection: close\r\n\r\nx";
            let response = talk(port, request).await;
            assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        }
    });
}

#[test]
fn flow_body_of_three_million_bytes() {
    run(async {
        let network = MemoryNetwork::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target_port = listener.local_addr().unwrap().port();
        let body = vec![b'x'; 3_000_000];
        let expected = body.clone();
        tokio::task::spawn_local(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(&expected) {
                stream.read_buf(&mut seen).await.unwrap();
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n").await.unwrap();
            stream.write_all(&expected).await.unwrap();
        });
        let port = free_port();
        let proxy = proxy(&network, limits());
        let mappings = [format!("http:{port}=>amqp:q"), format!("amqp:q=>http:{target_port}")];
        proxy.apply(config(&mappings), None);
        network.served("q").await;
        let head =
            "POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 3000000\r\n\r\n";
        let request = [head.as_bytes(), &body].concat();
        let response = talk(port, &request).await;
        assert!(response.contains("content-length: 3000000\r\n"));
        assert!(response.as_bytes().ends_with(&body));
    });
}
