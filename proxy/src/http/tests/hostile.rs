//! Slow, silent and greedy peers on both sides: bounded, and others are served meanwhile.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::limits::Limits;
use crate::link::memory::MemoryNetwork;
use crate::testing::{TestProxy, config, connect, free_port, limits, proxy, run, talk};

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Both proxies, and the listener that stands for the target.
async fn pair(limits: Limits) -> (TestProxy, u16, TcpListener) {
    let network = MemoryNetwork::default();
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free_port();
    let proxy = proxy(&network, limits);
    let target_port = target.local_addr().unwrap().port();
    let mappings = [format!("http:{port}=>amqp:q"), format!("amqp:q=>http:{target_port}")];
    proxy.apply(config(&mappings), None);
    network.served("q").await;
    while !proxy.status().mappings.iter().all(|m| m.router_connected) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (proxy, port, target)
}

/// Answers every request at once, on every connection.
async fn willing(target: &TcpListener) {
    while let Ok((mut stream, _)) = target.accept().await {
        tokio::task::spawn_local(async move {
            let mut buffer = vec![0; 65_536];
            while let Ok(1..) = stream.read(&mut buffer).await {
                if stream.write_all(OK).await.is_err() {
                    break;
                }
            }
        });
    }
}

async fn idle(proxy: &TestProxy) {
    while proxy.status().mappings.iter().any(|m| m.active > 0) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn failures(proxy: &TestProxy) -> Vec<(&'static str, u64)> {
    proxy.status().mappings.iter().flat_map(|m| m.failures.clone()).collect()
}

#[test]
fn hostile_slow_answers_do_not_hold_up_quick_ones() {
    run(async {
        let (_proxy, port, target) = pair(limits()).await;
        let mut slow = Vec::new();
        for _ in 0..300 {
            let mut client = connect(port).await;
            client.write_all(GET).await.unwrap();
            slow.push((client, target.accept().await.unwrap()));
        }
        tokio::task::spawn_local(async move { willing(&target).await });
        assert!(talk(port, GET).await.ends_with("ok"));
        for (mut client, (mut server, _)) in slow {
            server.write_all(OK).await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert!(answer.ends_with("ok"), "{answer}");
        }
    });
}

#[test]
fn hostile_client_that_leaves_frees_its_place_at_the_target() {
    run(async {
        let (proxy, port, target) = pair(Limits { parallel: 1, ..limits() }).await;
        let mut client = connect(port).await;
        client.write_all(GET).await.unwrap();
        let (mut server, _) = target.accept().await.unwrap();
        server.readable().await.unwrap();
        drop(client);
        let mut request = Vec::new();
        // The proxy closes the connection, though the target never answers.
        server.read_to_end(&mut request).await.unwrap();
        assert!(request.starts_with(b"GET / "));
        idle(&proxy).await;
        assert_eq!(failures(&proxy), [("client-gone", 1)]);
        tokio::task::spawn_local(async move { willing(&target).await });
        assert!(talk(port, GET).await.ends_with("ok"));
    });
}

#[test]
fn hostile_target_that_never_answers_is_504_and_is_left() {
    run(async {
        let mut short = limits();
        short.timings.target = Duration::from_millis(200);
        let (proxy, port, target) = pair(short).await;
        let client = tokio::task::spawn_local(talk(port, GET));
        let (mut server, _) = target.accept().await.unwrap();
        let answer = client.await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
        assert!(answer.contains("no answer in time"), "{answer}");
        server.read_to_end(&mut Vec::new()).await.unwrap();
        idle(&proxy).await;
    });
}

#[test]
fn hostile_target_that_closes_in_the_middle_of_a_body() {
    run(async {
        let (_proxy, port, target) = pair(limits()).await;
        let client = tokio::task::spawn_local(talk(port, GET));
        let (mut server, _) = target.accept().await.unwrap();
        server.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345").await.unwrap();
        drop(server);
        // Not yet begun towards the client: it can be told.
        let answer = client.await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");

        let client = tokio::task::spawn_local(talk(port, GET));
        let (mut server, _) = target.accept().await.unwrap();
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
        server.write_all(&[head.as_slice(), &[b'x'; 100_000]].concat()).await.unwrap();
        drop(server);
        // Begun: cut short of the announced length, which the client cannot take for the end.
        let answer = client.await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{}", &answer[..80]);
        assert!(answer.contains("content-length: 1000000\r\n"));
        assert!(answer.len() < 1_000_000);
    });
}

#[test]
fn hostile_slow_writer_is_waited_for_and_a_silent_one_is_not() {
    run(async {
        let short = Limits { stall: Duration::from_millis(300), ..limits() };
        let (proxy, port, target) = pair(short).await;
        tokio::task::spawn_local(async move { willing(&target).await });
        let head = b"POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 20\r\n\r\n";
        let mut client = connect(port).await;
        client.write_all(head).await.unwrap();
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            client.write_all(b"x").await.unwrap();
        }
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("ok"), "{answer}");

        let mut client = connect(port).await;
        client.write_all(&[head.as_slice(), b"x"].concat()).await.unwrap();
        let mut answer = String::new();
        let _ = client.read_to_string(&mut answer).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        idle(&proxy).await;
    });
}

#[test]
fn hostile_clients_that_do_not_read_hold_up_no_one_and_are_left() {
    run(async {
        let short = Limits { stall: Duration::from_secs(2), ..limits() };
        let (proxy, port, target) = pair(short).await;
        let mut deaf = Vec::new();
        for _ in 0..100 {
            let mut client = connect(port).await;
            client.write_all(GET).await.unwrap();
            let (mut server, _) = target.accept().await.unwrap();
            server.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let sending = tokio::task::spawn_local(async move {
                while server.write_all(&[b'x'; 65_536]).await.is_ok() {}
            });
            deaf.push((client, sending));
        }
        tokio::task::spawn_local(async move { willing(&target).await });
        for _ in 0..20 {
            assert!(talk(port, GET).await.ends_with("ok"));
        }
        // Whoever takes nothing is given up, and the target's connection with it.
        for (client, sending) in deaf {
            sending.await.unwrap();
            drop(client);
        }
        idle(&proxy).await;
    });
}

#[test]
fn hostile_half_open_clients_make_room_for_honest_ones() {
    run(async {
        let small = Limits { connections: 100, ..limits() };
        let (proxy, port, target) = pair(small).await;
        tokio::task::spawn_local(async move { willing(&target).await });
        let mut half_open: Vec<TcpStream> = Vec::new();
        for number in 0..2_000 {
            let mut client = connect(port).await;
            let part: &[u8] = match number % 4 {
                0 => b"",
                1 => b"GET / HT",
                2 => b"GET / HTTP/1.1\r\nhost: h\r\n",
                _ => b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\nx",
            };
            let _ = client.write_all(part).await;
            half_open.push(client);
            if number % 50 == 0 {
                assert!(talk(port, GET).await.ends_with("ok"), "{number}");
            }
        }
        for _ in 0..20 {
            assert!(talk(port, GET).await.ends_with("ok"));
        }
        drop(half_open);
        idle(&proxy).await;
    });
}

#[test]
fn hostile_busy_clients_are_never_ended_for_others() {
    run(async {
        let small = Limits { connections: 2, ..limits() };
        let (_proxy, port, target) = pair(small).await;
        let mut waiting = Vec::new();
        for _ in 0..2 {
            let mut client = connect(port).await;
            client.write_all(GET).await.unwrap();
            waiting.push((client, target.accept().await.unwrap().0));
        }
        let third = tokio::task::spawn_local(talk(port, GET));
        for (mut client, mut server) in waiting {
            server.write_all(OK).await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert!(answer.ends_with("ok"), "{answer}");
        }
        willing_once(&target).await;
        assert!(third.await.unwrap().ends_with("ok"));
    });
}

async fn willing_once(target: &TcpListener) {
    let (mut stream, _) = target.accept().await.unwrap();
    stream.readable().await.unwrap();
    stream.write_all(OK).await.unwrap();
}

#[test]
fn hostile_ten_thousand_short_connections_leave_nothing_behind() {
    run(async {
        let (proxy, port, target) = pair(limits()).await;
        tokio::task::spawn_local(async move { willing(&target).await });
        let clients: Vec<_> = (0..20)
            .map(|_| {
                tokio::task::spawn_local(async move {
                    for _ in 0..500 {
                        assert!(talk(port, GET).await.ends_with("ok"));
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        idle(&proxy).await;
        assert!(failures(&proxy).is_empty(), "{:?}", failures(&proxy));
        assert!(proxy.status().mappings.iter().all(|m| m.uses == 10_000));
    });
}
