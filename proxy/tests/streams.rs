//! Long-lived exchanges over real routers: events, long polls, WebSocket, many short connections, and
//! readers that do not read.
#![allow(clippy::unwrap_used, reason = "test code outside of test functions")]

mod common;

use std::time::Duration;

use common::*;
use fastwebsockets::{Frame, OpCode, Role, WebSocket};
use iofog_proxy::ProxyHandle;
use iofog_router::RouterHandle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Interior and edge router, a proxy on each, and a listener that stands for the microservice.
struct Path {
    interior: RouterHandle,
    edge: RouterHandle,
    near: ProxyHandle,
    far: ProxyHandle,
    public: u16,
    target: TcpListener,
}

impl Path {
    async fn start(protocol: &str) -> Self {
        let [port, edge_listener, inter] = [free_port(), free_port(), free_port()];
        let interior = interior(port, edge_listener, inter).await;
        let edge_port = free_port();
        let edge = edge("edge", edge_port, edge_listener).await;
        let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (target_port, public) = (target.local_addr().unwrap().port(), free_port());
        let near = proxy(edge_port, &[format!("amqp:q=>{protocol}:{target_port}")]);
        let far = proxy(port, &[format!("{protocol}:{public}=>amqp:q")]);
        connected(&near).await;
        connected(&far).await;
        // Routers tell each other what is where: until they have, a connection waits in vain.
        loop {
            let mut probe = connect(public).await;
            probe.write_all(b"GET / HTTP/1.1\r\nhost: probe\r\n\r\n").await.unwrap();
            if tokio::time::timeout(Duration::from_secs(1), target.accept()).await.is_ok() {
                break;
            }
        }
        while near.status().mappings[0].active > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Self { interior, edge, near, far, public, target }
    }

    async fn stop(self) {
        drop((self.near, self.far));
        self.edge.shutdown().await;
        self.interior.shutdown().await;
    }
}

/// Accepts a connection and reads the request's head.
async fn asked(target: &TcpListener) -> TcpStream {
    let (mut stream, _) = target.accept().await.unwrap();
    read_until(&mut stream, b"\r\n\r\n").await;
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
fn streams_events_flow_and_a_long_poll_is_answered() {
    run(async {
        let path = Path::start("http").await;
        let mut events = connect(path.public).await;
        events.write_all(b"GET /events HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
        let mut source = asked(&path.target).await;
        let head =
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        source.write_all(head).await.unwrap();
        read_until(&mut events, b"\r\n\r\n").await;
        let mut poll = connect(path.public).await;
        poll.write_all(b"GET /poll HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
        let mut polled = asked(&path.target).await;
        for number in 0..20 {
            source.write_all(format!("8\r\ndata: {number:02}\r\n").as_bytes()).await.unwrap();
            read_until(&mut events, format!("data: {number:02}\r\n").as_bytes()).await;
        }
        // Longer than the pause after which the client is asked for.
        tokio::time::sleep(Duration::from_millis(4500)).await;
        polled.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnews").await.unwrap();
        read_until(&mut poll, b"news").await;
        source.write_all(b"0\r\n\r\n").await.unwrap();
        read_until(&mut events, b"0\r\n\r\n").await;
        path.stop().await;
    });
}

#[test]
fn streams_client_that_leaves_a_long_poll_is_noticed() {
    run(async {
        let path = Path::start("http").await;
        let mut poll = connect(path.public).await;
        poll.write_all(b"GET /poll HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
        let mut polled = asked(&path.target).await;
        drop(poll);
        let mut nothing = Vec::new();
        polled.read_to_end(&mut nothing).await.unwrap();
        while path.near.status().mappings[0].active > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(path.near.status().mappings[0].failures.contains(&("client-gone", 1)));
        path.stop().await;
    });
}

#[test]
fn streams_websocket_through_a_tcp_port() {
    run(async {
        let path = Path::start("tcp").await;
        let handshake =
            b"GET /ws HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
        let mut client = connect(path.public).await;
        client.write_all(handshake).await.unwrap();
        let mut server = asked(&path.target).await;
        let switch =
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
        server.write_all(switch).await.unwrap();
        read_until(&mut client, b"\r\n\r\n").await;
        let echo = tokio::task::spawn_local(async move {
            let mut socket = WebSocket::after_handshake(server, Role::Server);
            loop {
                let frame = socket.read_frame().await.unwrap();
                if frame.opcode == OpCode::Close {
                    return;
                }
                let back = Frame::new(true, frame.opcode, None, frame.payload.to_vec().into());
                socket.write_frame(back).await.unwrap();
            }
        });
        let mut socket = WebSocket::after_handshake(client, Role::Client);
        for length in [0_usize, 1, 125, 126, 65_536, 300_000] {
            let sent: Vec<u8> = (0..length).map(|n| n.to_le_bytes()[0]).collect();
            socket.write_frame(Frame::binary(sent.clone().into())).await.unwrap();
            let answer = socket.read_frame().await.unwrap();
            assert_eq!(answer.opcode, OpCode::Binary);
            assert!(answer.payload.to_vec() == sent, "{length}");
        }
        socket.write_frame(Frame::close(1000, b"")).await.unwrap();
        echo.await.unwrap();
        path.stop().await;
    });
}

/// Bytes that differ from place to place, so that none can be lost or doubled unseen.
fn piece(number: u32) -> Vec<u8> {
    (0..4_096_u32)
        .flat_map(|word| (number * 4_096 + word).wrapping_mul(2_654_435_761).to_le_bytes())
        .collect()
}

#[test]
fn streams_an_upload_at_full_speed_arrives_byte_for_byte() {
    const PIECES: u32 = 6_000;
    run(async {
        let path = Path::start("tcp").await;
        let mut client = connect(path.public).await;
        let (mut served, _) = path.target.accept().await.unwrap();
        let sending = tokio::task::spawn_local(async move {
            for number in 0..PIECES {
                client.write_all(&piece(number)).await.unwrap();
            }
            client.shutdown().await.unwrap();
            client
        });
        let mut got = vec![0; 4 * 4_096];
        for number in 0..PIECES {
            served.read_exact(&mut got).await.unwrap();
            assert!(got == piece(number), "piece {number} is another one");
        }
        assert_eq!(served.read(&mut got).await.unwrap(), 0, "the end comes after all bytes");
        drop((served, sending.await.unwrap()));
        path.stop().await;
    });
}

/// Clients that ask and never read do not keep others from being served.
async fn deaf_clients(protocol: &str, count: u32) {
    let path = Path::start(protocol).await;
    let request = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
    let mut deaf = Vec::new();
    for _ in 0..count {
        let mut client = connect(path.public).await;
        client.write_all(request).await.unwrap();
        let mut server = asked(&path.target).await;
        let sending = tokio::task::spawn_local(async move {
            let _ = server.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while server.write_all(&[b'x'; 65_536]).await.is_ok() {}
        });
        deaf.push((Some(client), sending));
    }
    for _ in 0..10 {
        let client = tokio::task::spawn_local(talk(path.public, request));
        let mut server = asked(&path.target).await;
        server.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        drop(server);
        assert!(client.await.unwrap().ends_with(b"ok"));
    }
    // An http client is given up after a while; a tunnel lasts as long as both ends want it.
    if protocol == "tcp" {
        deaf.iter_mut().for_each(|(client, _)| drop(client.take()));
    }
    for (_client, sending) in deaf {
        sending.await.unwrap();
    }
    path.stop().await;
}

#[test]
fn streams_http_clients_that_do_not_read_hold_up_no_one() {
    run(async { deaf_clients("http", 100).await });
}

#[test]
fn streams_tcp_clients_that_do_not_read_hold_up_no_one() {
    run(async { deaf_clients("tcp", 10).await });
}

#[test]
fn streams_ten_thousand_short_connections_leave_nothing_behind() {
    run(async {
        let Path { interior, edge, near, far, public, target } = Path::start("tcp").await;
        tokio::task::spawn_local(async move {
            while let Ok((mut socket, _)) = target.accept().await {
                tokio::task::spawn_local(async move {
                    let mut byte = [0; 1];
                    if socket.read_exact(&mut byte).await.is_ok() {
                        let _ = socket.write_all(&byte).await;
                    }
                });
            }
        });
        let clients: Vec<_> = (0..20_u8)
            .map(|n| {
                tokio::task::spawn_local(async move {
                    for _ in 0..500 {
                        let mut socket = connect(public).await;
                        socket.write_all(&[n]).await.unwrap();
                        let mut answer = Vec::new();
                        socket.read_to_end(&mut answer).await.unwrap();
                        assert_eq!(answer, [n]);
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        for proxy in [&near, &far] {
            while proxy.status().mappings[0].active > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let mapping = proxy.status().mappings.remove(0);
            assert!(mapping.uses >= 10_000, "{mapping:?}");
        }
        drop((near, far));
        edge.shutdown().await;
        interior.shutdown().await;
    });
}
