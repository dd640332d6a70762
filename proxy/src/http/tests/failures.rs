//! What fails, and what clients are told (proxy.md section 7).

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::counters::MappingState;
use crate::domain::envelope::{CorrelationId, Envelope};
use crate::domain::exchange::Settled;
use crate::limits::Limits;
use crate::link::memory::MemoryNetwork;
use crate::link::memory::{send_once, take};
use crate::link::{Connection, Delivery, Network, ReceiveFrom, Receiver};
use crate::testing::{TestProxy, config, connect, free_port, limits, local, proxy, run, talk};

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";

fn from(queue: &str) -> ReceiveFrom<()> {
    let source = Some(queue.to_owned());
    ReceiveFrom { source, credit: 10, renew: true, most: 1 << 20, session: None }
}

async fn ingress(network: &MemoryNetwork, limits: Limits) -> (TestProxy, u16) {
    let port = free_port();
    let proxy = proxy(network, limits);
    proxy.apply(config(&[format!("http:{port}=>amqp:q")]), None);
    connected(&proxy).await;
    (proxy, port)
}

async fn connected(proxy: &TestProxy) {
    while !proxy.status().mappings[0].router_connected {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn assert_status(response: &str, status: u16, hop: &str) {
    assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{response}");
    assert!(response.contains(hop), "{response}");
}

#[test]
fn failure_router_down_at_start_is_503_and_recovers() {
    run(async {
        let network = MemoryNetwork::default();
        network.break_all(true);
        let port = free_port();
        let proxy = proxy(&network, limits());
        proxy.apply(config(&[format!("http:{port}=>amqp:q")]), None);
        let response = talk(port, GET).await;
        assert_status(&response, 503, "proxy -> router");
        assert!(response.contains("retry-after: 1\r\n"), "{response}");
        network.up();
        connected(&proxy).await;
        assert!(network.connects() >= 2);
        assert_status(&talk(port, GET).await, 503, "router -> far proxy");
        let failures = proxy.status().mappings[0].failures.clone();
        assert_eq!(failures, [("router-down", 1), ("no-egress", 1)]);
    });
}

#[test]
fn failure_router_lost_with_a_request_in_flight_is_502() {
    run(async {
        let network = MemoryNetwork::default();
        let (proxy, port) = ingress(&network, limits()).await;
        let connection = network.connect("test").await.unwrap();
        let mut queue = connection.receiver(from("q")).await.unwrap();
        let client = tokio::task::spawn_local(talk(port, GET));
        let _unsettled = queue.recv().await.unwrap();
        network.break_all(false);
        assert_status(&client.await.unwrap(), 502, "proxy -> router");
        connected(&proxy).await;
        assert_status(&talk(port, GET).await, 503, "router -> far proxy");
    });
}

#[test]
fn failure_outcomes_of_the_far_proxy() {
    run(async {
        for (outcome, status, hop) in [
            (Settled::Modified, 502, "far proxy -> target"),
            (Settled::Rejected, 502, "far proxy: refused"),
        ] {
            let network = MemoryNetwork::default();
            let (_proxy, port) = ingress(&network, limits()).await;
            let connection = network.connect("test").await.unwrap();
            let mut queue = connection.receiver(from("q")).await.unwrap();
            let client = tokio::task::spawn_local(talk(port, GET));
            queue.recv().await.unwrap().settle(outcome);
            assert_status(&client.await.unwrap(), status, hop);
        }
    });
}

#[test]
fn failure_released_is_sent_again_and_then_given_up() {
    run(async {
        let network = MemoryNetwork::default();
        let (_proxy, port) = ingress(&network, limits()).await;
        let connection = network.connect("test").await.unwrap();
        let mut queue = connection.receiver(from("q")).await.unwrap();
        let client = tokio::task::spawn_local(talk(port, GET));
        for _ in 0..11 {
            queue.recv().await.unwrap().settle(Settled::Released);
        }
        assert_status(&client.await.unwrap(), 503, "could not be delivered");
    });
}

#[test]
fn failure_accepted_without_an_answer_is_504() {
    run(async {
        let network = MemoryNetwork::default();
        let mut short = limits();
        short.timings.target = Duration::from_millis(100);
        short.timings.margin = Duration::from_millis(10);
        let (proxy, port) = ingress(&network, short).await;
        let connection = network.connect("test").await.unwrap();
        let mut queue = connection.receiver(from("q")).await.unwrap();
        let client = tokio::task::spawn_local(talk(port, GET));
        let late = take(&mut queue, 1).await.remove(0).unwrap();
        assert_status(&client.await.unwrap(), 504, "no answer in time");
        // The answer that comes too late is taken and dropped, like one that no one asked for.
        let reply_to = late.reply_to.clone().unwrap();
        for correlation_id in [late.correlation_id, None, Some(CorrelationId::Text("x".into()))] {
            let reply =
                Envelope { subject: Some("200".into()), correlation_id, ..Envelope::default() };
            assert_eq!(send_once(&network, &reply_to, reply).await, Settled::Accepted);
        }
        assert!(proxy.status().mappings[0].router_connected);
    });
}

#[test]
fn failure_reply_that_is_no_response_is_502() {
    run(async {
        let network = MemoryNetwork::default();
        let (_proxy, port) = ingress(&network, limits()).await;
        let connection = network.connect("test").await.unwrap();
        let mut queue = connection.receiver(from("q")).await.unwrap();
        let client = tokio::task::spawn_local(talk(port, GET));
        let request = take(&mut queue, 1).await.remove(0).unwrap();
        let reply = Envelope {
            subject: Some("101".into()),
            correlation_id: request.correlation_id,
            ..Envelope::default()
        };
        send_once(&network, &request.reply_to.unwrap(), reply).await;
        assert_status(&client.await.unwrap(), 502, "not a valid HTTP response");
    });
}

#[test]
fn failure_target_port_closed_settles_modified() {
    run(async {
        let network = MemoryNetwork::default();
        let closed = free_port();
        let port = free_port();
        let proxy = proxy(&network, limits());
        let mappings = [format!("http:{port}=>amqp:q"), format!("amqp:q=>http:{closed}")];
        proxy.apply(config(&mappings), None);
        network.served("q").await;
        let response = talk(port, GET).await;
        assert_status(&response, 502, "far proxy -> target");
        let message = Envelope {
            subject: Some("GE T".into()),
            reply_to: Some("r".into()),
            ..Envelope::default()
        };
        assert_eq!(send_once(&network, "q", message).await, Settled::Rejected);
    });
}

#[test]
fn failure_bodies_beyond_the_bounds() {
    run(async {
        let network = MemoryNetwork::default();
        let small = Limits { body: 10, buffered: 15, ..limits() };
        let (_proxy, port) = ingress(&network, small).await;
        let long = b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 11\r\n\r\n12345678901";
        assert_status(&talk(port, long).await, 413, "larger than 10 bytes");
        let chunked =
            b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n";
        assert_status(&talk(port, chunked).await, 413, "larger than 10 bytes");
        let connection = network.connect("test").await.unwrap();
        let mut queue = connection.receiver(from("q")).await.unwrap();
        let fits = b"POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 10\r\n\r\n1234567890";
        let first = tokio::task::spawn_local(talk(port, fits));
        let held = queue.recv().await.unwrap();
        let second = talk(port, fits).await;
        assert_status(&second, 503, "no buffer space");
        held.settle(Settled::Modified);
        assert_status(&first.await.unwrap(), 502, "target");
    });
}

#[test]
fn failure_heads_beyond_the_bounds() {
    run(async {
        let network = MemoryNetwork::default();
        let (_proxy, port) = ingress(&network, limits()).await;
        let many = "x: y\r\n".repeat(100);
        let long = format!("x: {}\r\n", "y".repeat(100_000));
        for headers in [many, long] {
            let answer =
                talk(port, format!("GET / HTTP/1.1\r\nhost: h\r\n{headers}\r\n").as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
        }
        assert!(network.sent().is_empty());
    });
}

#[test]
fn failure_too_many_waiting_is_503_at_once() {
    run(async {
        let network = MemoryNetwork::default();
        let (_proxy, port) = ingress(&network, Limits { waiting: 1, ..limits() }).await;
        let connection = network.connect("test").await.unwrap();
        let mut queue = connection.receiver(from("q")).await.unwrap();
        let first = tokio::task::spawn_local(talk(port, GET));
        let held = queue.recv().await.unwrap();
        assert_status(&talk(port, GET).await, 503, "too many requests");
        held.settle(Settled::Modified);
        first.await.unwrap();
    });
}

#[test]
fn failure_client_that_leaves_frees_its_place() {
    run(async {
        let network = MemoryNetwork::default();
        let (proxy, port) = ingress(&network, Limits { waiting: 1, ..limits() }).await;
        let connection = network.connect("test").await.unwrap();
        let mut queue = connection.receiver(from("q")).await.unwrap();
        let mut client = connect(port).await;
        client.write_all(GET).await.unwrap();
        let _held = queue.recv().await.unwrap();
        drop(client);
        while proxy.status().mappings[0].active > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let second = tokio::task::spawn_local(talk(port, GET));
        queue.recv().await.unwrap().settle(Settled::Modified);
        assert_status(&second.await.unwrap(), 502, "target");
    });
}

#[test]
fn failure_port_in_use_leaves_other_mappings_alone() {
    run(async {
        let network = MemoryNetwork::default();
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let used = taken.local_addr().unwrap().port();
        let port = free_port();
        let proxy = proxy(&network, limits());
        let mappings =
            [format!("http:{used}=>amqp:q"), format!("http:{port}=>amqp:q"), "nonsense".to_owned()];
        proxy.apply(config(&mappings), None);
        assert_status(&talk(port, GET).await, 503, "proxy");
        let status = proxy.status();
        let failed: Vec<_> = status.mappings.iter().map(|m| &m.state).collect();
        assert_eq!(failed.iter().filter(|s| matches!(s, MappingState::Failed(_))).count(), 2);
        proxy.shutdown().await;
        assert!(TcpListener::bind(local(port)).await.is_ok());
    });
}

#[test]
fn apply_keeps_what_stays_and_closes_what_goes() {
    run(async {
        let network = MemoryNetwork::default();
        let (stays, goes) = (free_port(), free_port());
        let proxy = proxy(&network, limits());
        let both = [format!("http:{stays}=>amqp:q"), format!("http:{goes}=>amqp:r")];
        proxy.apply(config(&both), None);
        connect(goes).await;
        let mut open = connect(stays).await;
        connected(&proxy).await;
        let connects = network.connects();
        proxy.apply(config(&[both[0].clone(), both[0].clone()]), None);
        while TcpStream::connect(local(goes)).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        open.write_all(GET).await.unwrap();
        let mut answer = String::new();
        open.read_to_string(&mut answer).await.unwrap();
        assert_status(&answer, 503, "far proxy");
        assert_eq!(network.connects(), connects);
        proxy.apply(config(&[]), None);
        assert!(proxy.status().mappings.is_empty());
        proxy.apply(config(&both), None);
        assert_eq!(proxy.status().mappings.len(), 2);
        connect(goes).await;
    });
}

#[test]
fn apply_another_router_connects_there() {
    run(async {
        let (first, second) = (MemoryNetwork::default(), MemoryNetwork::default());
        let (proxy, port) = ingress(&first, limits()).await;
        let mut moved = config(&[format!("http:{port}=>amqp:q")]);
        moved.network_router.host = "elsewhere".to_owned();
        let connection = first.connect("test").await.unwrap();
        let mut queue = connection.receiver(from("q")).await.unwrap();
        let client = tokio::task::spawn_local(talk(port, GET));
        let _held = queue.recv().await.unwrap();
        proxy.apply(moved, Some(second.clone()));
        assert_status(&client.await.unwrap(), 502, "proxy -> router");
        while second.connects() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        connected(&proxy).await;
        assert_status(&talk(port, GET).await, 503, "far proxy");
    });
}
