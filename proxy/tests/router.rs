//! Two proxies and real routers: http and tcp ports carried from one to the other.
#![allow(clippy::unwrap_used, reason = "test code outside of test functions")]

mod common;

use std::time::Duration;

use common::*;
use iofog_proxy::ProxyHandle;
use iofog_router::RouterHandle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Interior router with the public proxy, edge router with the proxy of the microservice.
struct Network {
    interior: RouterHandle,
    interior_ports: [u16; 3],
    edge: RouterHandle,
    edge_port: u16,
}

impl Network {
    async fn start() -> Self {
        let interior_ports = [free_port(), free_port(), free_port()];
        let edge_port = free_port();
        let [port, edge_listener, inter] = interior_ports;
        let interior = interior(port, edge_listener, inter).await;
        let edge = edge("edge", edge_port, edge_listener).await;
        Self { interior, interior_ports, edge, edge_port }
    }

    /// The proxy of the microservice with its mapping, and the public one with its own, both connected.
    async fn proxies(&self, near: &str, far: &str) -> [ProxyHandle; 2] {
        let near = proxy(self.edge_port, &[near.to_owned()]);
        let far = proxy(self.interior_ports[0], &[far.to_owned()]);
        connected(&near).await;
        connected(&far).await;
        [near, far]
    }

    async fn stop(self) {
        self.edge.shutdown().await;
        self.interior.shutdown().await;
    }
}

/// A listener on a port of its own.
async fn listening() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Asks until the answer is not the one for "no one there": addresses take a moment to spread.
async fn settled(port: u16) {
    while status(&talk(port, GET).await) != 200 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn router_http_get_and_three_million_bytes() {
    run(async {
        let network = Network::start().await;
        let (target, public) = (http_echo().await, free_port());
        let [near, far] = network
            .proxies(&format!("amqp:q=>http:{target}"), &format!("http:{public}=>amqp:q"))
            .await;
        settled(public).await;
        let body_sent: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let head = "POST /upload HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 3000000\r\n\r\n";
        let answer = talk(public, &[head.as_bytes(), &body_sent].concat()).await;
        assert_eq!(status(&answer), 200);
        assert!(body(&answer) == body_sent);
        far.shutdown().await;
        near.shutdown().await;
        network.stop().await;
    });
}

#[test]
fn router_http_many_at_once_on_a_local_stream() {
    run(async {
        let network = Network::start().await;
        let (target, public) = (http_echo().await, free_port());
        let near = embedded(&network.edge, &[format!("amqp:q=>http:{target}")]);
        let far = proxy(network.interior_ports[0], &[format!("http:{public}=>amqp:q")]);
        settled(public).await;
        let clients: Vec<_> = (0..64)
            .map(|n| {
                tokio::task::spawn_local(async move {
                    for round in 0..5 {
                        let text = format!("{n}-{round}");
                        let request = format!(
                            "POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{text}",
                            text.len()
                        );
                        let answer = talk(public, request.as_bytes()).await;
                        assert_eq!(status(&answer), 200);
                        assert_eq!(body(&answer), text.as_bytes());
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        drop((near, far));
        network.stop().await;
    });
}

#[test]
fn router_http_failures() {
    run(async {
        let network = Network::start().await;
        let (closed, public) = (free_port(), free_port());
        let far = proxy(network.interior_ports[0], &[format!("http:{public}=>amqp:q")]);
        connected(&far).await;
        let near = proxy(network.edge_port, &[format!("amqp:q=>http:{closed}")]);
        connected(&near).await;
        // Requests wait for an egress, then learn that its target is closed.
        assert_eq!(status(&talk(public, GET).await), 502);
        network.interior.shutdown().await;
        while status(&talk(public, GET).await) != 503 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let [port, edge_listener, inter] = network.interior_ports;
        let interior = interior(port, edge_listener, inter).await;
        while status(&talk(public, GET).await) != 502 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let failures = far.status().mappings[0].failures.clone();
        assert!(failures.iter().any(|(name, _)| *name == "router-down"), "{failures:?}");
        drop((near, far));
        network.edge.shutdown().await;
        interior.shutdown().await;
    });
}

#[test]
fn router_http_restart_with_a_request_in_flight() {
    run(async {
        let network = Network::start().await;
        let (silent, target) = listening().await;
        let public = free_port();
        let [near, far] = network
            .proxies(&format!("amqp:q=>http:{target}"), &format!("http:{public}=>amqp:q"))
            .await;
        let client = tokio::task::spawn_local(async move { talk(public, GET).await });
        let _held = silent.accept().await.unwrap();
        network.interior.shutdown().await;
        assert_eq!(status(&client.await.unwrap()), 502);
        drop((near, far));
        network.edge.shutdown().await;
    });
}

/// A way to a router that can be cut as a kill cuts it: without a word of AMQP.
async fn cuttable(router: u16) -> (u16, tokio::task::JoinHandle<()>) {
    let (listener, port) = listening().await;
    let relay = tokio::task::spawn_local(async move {
        let mut ways = tokio::task::JoinSet::new();
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = TcpStream::connect(("127.0.0.1", router)).await.unwrap();
            ways.spawn_local(async move {
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    (port, relay)
}

#[test]
fn router_killed_with_requests_and_connections_under_way() {
    run(async {
        let network = Network::start().await;
        let (silent, target) = listening().await;
        let (public, tunnels) = (free_port(), free_port());
        let (router, relay) = cuttable(network.interior_ports[0]).await;
        let near = proxy(
            network.edge_port,
            &[format!("amqp:q=>http:{target}"), format!("amqp:t=>tcp:{target}")],
        );
        let mappings = [format!("http:{public}=>amqp:q"), format!("tcp:{tunnels}=>amqp:t")];
        let far = proxy(router, &mappings);
        connected(&near).await;
        connected(&far).await;
        let mut client = connect(tunnels).await;
        let (mut server, _) = silent.accept().await.unwrap();
        let asking = tokio::task::spawn_local(async move { talk(public, GET).await });
        let _held = silent.accept().await.unwrap();
        relay.abort();
        let answer = asking.await.unwrap();
        assert_eq!(status(&answer), 502);
        assert!(String::from_utf8_lossy(body(&answer)).starts_with("proxy -> router"));
        let mut nothing = Vec::new();
        let _ = client.read_to_end(&mut nothing).await;
        // The router tells the other end, which neither speaks nor is spoken to.
        let _ = server.read_to_end(&mut nothing).await;
        assert!(nothing.is_empty());
        assert_eq!(status(&talk(public, GET).await), 503);
        assert!(TcpStream::connect(("127.0.0.1", tunnels)).await.is_err());
        drop((near, far));
        network.stop().await;
    });
}

#[test]
fn router_tcp_carries_megabytes_and_half_closes() {
    run(async {
        let network = Network::start().await;
        let (target, target_port) = listening().await;
        let public = free_port();
        let [near, far] = network
            .proxies(&format!("amqp:q=>tcp:{target_port}"), &format!("tcp:{public}=>amqp:q"))
            .await;
        tokio::task::spawn_local(async move {
            while let Ok((mut socket, _)) = target.accept().await {
                tokio::task::spawn_local(async move {
                    // Answers only once the client has said that it is done.
                    let mut all = Vec::new();
                    socket.read_to_end(&mut all).await.unwrap();
                    socket.write_all(&all).await.unwrap();
                });
            }
        });
        let clients: Vec<_> = (0..4_u8)
            .map(|n| {
                tokio::task::spawn_local(async move {
                    let sent = vec![n; 2_000_000];
                    let mut socket = connect(public).await;
                    let (mut reader, mut writer) = socket.split();
                    let send = async {
                        writer.write_all(&sent).await.unwrap();
                        writer.shutdown().await.unwrap();
                    };
                    let mut received = Vec::new();
                    let (_, read) = tokio::join!(send, reader.read_to_end(&mut received));
                    read.unwrap();
                    assert_eq!(received.len(), sent.len());
                    assert!(received == sent);
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        let failures: Vec<_> =
            [near.status(), far.status()].iter().map(|s| s.mappings[0].failures.clone()).collect();
        assert!(failures.iter().all(Vec::is_empty), "{failures:?}");
        drop((near, far));
        network.stop().await;
    });
}

#[test]
fn router_tcp_target_closed_and_router_lost() {
    run(async {
        let network = Network::start().await;
        let (target, target_port) = listening().await;
        let public = free_port();
        let [near, far] = network
            .proxies(&format!("amqp:q=>tcp:{target_port}"), &format!("tcp:{public}=>amqp:q"))
            .await;
        let mut client = connect(public).await;
        let (mut server, _) = target.accept().await.unwrap();
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'x');
        drop(target);
        let mut refused = connect(public).await;
        let mut nothing = Vec::new();
        let _ = refused.read_to_end(&mut nothing).await;
        assert!(nothing.is_empty());
        network.interior.shutdown().await;
        let _ = client.read_to_end(&mut nothing).await;
        assert!(nothing.is_empty());
        while TcpStream::connect(("127.0.0.1", public)).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop((near, far));
        network.edge.shutdown().await;
    });
}

/// Each is a session of its own on the connection of the proxy that serves the target.
#[test]
fn router_three_hundred_tunnels_at_once() {
    run(async {
        let network = Network::start().await;
        let (target, public) = (tcp_echo().await, free_port());
        let [near, far] = network
            .proxies(&format!("amqp:q=>tcp:{target}"), &format!("tcp:{public}=>amqp:q"))
            .await;
        let mut open = Vec::new();
        while open.len() < 300 {
            let mut client = connect(public).await;
            let mut byte = [0];
            client.write_all(b"x").await.unwrap();
            client.read_exact(&mut byte).await.unwrap();
            open.push(client);
        }
        far.shutdown().await;
        near.shutdown().await;
        network.stop().await;
    });
}
