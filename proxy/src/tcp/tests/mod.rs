//! Tunnels against a router network in memory, with real sockets on loopback.

mod gone;
mod pressure;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::counters::MappingState;
use crate::domain::tunnel::Piece;
use crate::link::memory::MemoryNetwork;
use crate::testing::{TestProxy, config, connect, free_port, limits, local, proxy, run};

/// Two proxies on one network, and the target's listener.
async fn pair() -> (MemoryNetwork, TestProxy, u16, TcpListener) {
    let network = MemoryNetwork::default();
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target_port = target.local_addr().unwrap().port();
    let port = free_port();
    let proxy = proxy(&network, limits());
    let mappings = [format!("tcp:{port}=>amqp:q"), format!("amqp:q=>tcp:{target_port}")];
    proxy.apply(config(&mappings), None);
    network.served("q").await;
    (network, proxy, port, target)
}

async fn ended(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    rest
}

#[test]
fn tunnel_carries_bytes_and_half_closes() {
    run(async {
        let (_network, proxy, port, target) = pair().await;
        let mut client = connect(port).await;
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        let (mut server, _) = target.accept().await.unwrap();
        assert_eq!(ended(&mut server).await, b"question");
        server.write_all(b"answer").await.unwrap();
        drop(server);
        assert_eq!(ended(&mut client).await, b"answer");
        while proxy.status().mappings.iter().any(|m| m.active > 0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let status = proxy.status();
        assert!(status.mappings.iter().all(|m| m.failures.is_empty() && m.uses == 1), "{status:?}");
    });
}

#[test]
fn tunnel_carries_megabytes_both_ways_in_order() {
    run(async {
        let (_network, _proxy, port, target) = pair().await;
        let bytes: Vec<u8> = (0..5_000_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
        let mut client = connect(port).await;
        let (mut server, _) = target.accept().await.unwrap();
        let expected = bytes.clone();
        let echo = tokio::task::spawn_local(async move {
            let (mut reader, mut writer) = server.split();
            tokio::io::copy(&mut reader, &mut writer).await.unwrap();
            writer.shutdown().await.unwrap();
        });
        let (mut reader, mut writer) = client.split();
        let send = async {
            writer.write_all(&bytes).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        let mut received = Vec::new();
        let (_, read) = tokio::join!(send, reader.read_to_end(&mut received));
        read.unwrap();
        assert!(received == expected);
        echo.await.unwrap();
    });
}

#[test]
fn tunnel_that_is_not_read_holds_a_bounded_window() {
    run(async {
        let (network, _proxy, port, target) = pair().await;
        let mut client = connect(port).await;
        let (server, _) = target.accept().await.unwrap();
        let mut written = 0_usize;
        let chunk = vec![0; 1 << 16];
        while let Ok(Ok(())) =
            tokio::time::timeout(Duration::from_millis(300), client.write_all(&chunk)).await
        {
            written += chunk.len();
            assert!(written < 64 << 20, "grows without bound");
        }
        let sent: usize = network.sent().iter().map(|message| message.body.len()).sum();
        assert!(sent < written + chunk.len());
        drop(server);
        ended(&mut client).await;
    });
}

#[test]
fn tunnel_failures_close_the_socket() {
    run(async {
        let (network, proxy, port, target) = pair().await;
        let mut client = connect(port).await;
        let (mut server, _) = target.accept().await.unwrap();
        network.break_all(true);
        assert!(ended(&mut client).await.is_empty());
        assert!(ended(&mut server).await.is_empty());
        while TcpStream::connect(local(port)).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let listening = &proxy.status().mappings[1];
        assert_eq!(listening.state, MappingState::Starting, "{listening:?}");
        network.up();
        network.served("q").await;
        let mut client = connect(port).await;
        drop(target);
        let _ = client.write_all(b"x").await;
        ended(&mut client).await;
        let mut refused = connect(port).await;
        assert!(ended(&mut refused).await.is_empty());
        let failures = proxy.status().mappings[0].failures.clone();
        assert!(failures.iter().any(|(name, _)| *name == "target-failed"), "{failures:?}");
    });
}

#[test]
fn tunnel_port_is_closed_until_the_router_is_there() {
    run(async {
        let network = MemoryNetwork::default();
        network.break_all(true);
        let port = free_port();
        let proxy = proxy(&network, limits());
        proxy.apply(config(&[format!("tcp:{port}=>amqp:q")]), None);
        while network.connects() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(TcpStream::connect(local(port)).await.is_err());
        network.up();
        connect(port).await;
        assert_eq!(proxy.status().mappings[0].state, MappingState::Running);
    });
}

#[test]
fn tunnel_without_egress_is_closed_after_a_bounded_wait() {
    run(async {
        let network = MemoryNetwork::default();
        let port = free_port();
        let proxy = proxy(&network, limits());
        proxy.apply(config(&[format!("tcp:{port}=>amqp:q")]), None);
        let mut client = connect(port).await;
        assert!(ended(&mut client).await.is_empty());
        assert_eq!(proxy.status().mappings[0].failures, [("no-egress", 1)]);
    });
}

#[test]
fn tunnel_target_reset_ends_the_client() {
    run(async {
        let (_network, _proxy, port, target) = pair().await;
        let mut client = connect(port).await;
        let (server, _) = target.accept().await.unwrap();
        client.write_all(b"unread").await.unwrap();
        while server.readable().await.is_err() {}
        // Closing with unread bytes resets the connection.
        drop(server);
        ended(&mut client).await;
    });
}

#[test]
fn tunnel_target_that_closes_while_bytes_are_under_way_is_no_failure_of_the_network() {
    run(async {
        let (_network, proxy, port, target) = pair().await;
        let mut client = connect(port).await;
        let (mut server, _) = target.accept().await.unwrap();
        server.write_all(b"enough").await.unwrap();
        let mut answer = [0; 6];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"enough");
        // Fills the sockets, so that messages wait unwritten when the target goes.
        let chunk = vec![0; 1 << 16];
        while let Ok(Ok(())) =
            tokio::time::timeout(Duration::from_millis(300), client.write_all(&chunk)).await
        {
        }
        drop(server);
        ended(&mut client).await;
        while proxy.status().mappings.iter().any(|m| m.active > 0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let status = proxy.status();
        assert!(status.mappings.iter().all(|m| m.failures.is_empty()), "{status:?}");
    });
}
