//! Clients and targets that take nothing, send slowly, stay silent or break off: others are served, what is held
//! is bounded, nothing stays behind.

use super::*;
use crate::limits::Limits;

/// As [`pair`], within other limits.
async fn pair_within(limits: Limits) -> (MemoryNetwork, TestProxy, u16, TcpListener) {
    let network = MemoryNetwork::default();
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target_port = target.local_addr().unwrap().port();
    let port = free_port();
    let proxy = proxy(&network, limits);
    let mappings = [format!("tcp:{port}=>amqp:q"), format!("amqp:q=>tcp:{target_port}")];
    proxy.apply(config(&mappings), None);
    network.served("q").await;
    (network, proxy, port, target)
}

/// A client and its server.
async fn tunnel(port: u16, target: &TcpListener) -> (TcpStream, TcpStream) {
    let client = connect(port).await;
    (client, target.accept().await.unwrap().0)
}

/// A byte there and back.
async fn is_served((mut client, mut server): (TcpStream, TcpStream)) {
    let mut byte = [0];
    client.write_all(b"?").await.unwrap();
    server.read_exact(&mut byte).await.unwrap();
    server.write_all(b"!").await.unwrap();
    client.read_exact(&mut byte).await.unwrap();
    assert_eq!(&byte, b"!");
}

/// Sends until the other side ends it.
fn flood(mut socket: TcpStream) -> tokio::task::JoinHandle<()> {
    tokio::task::spawn_local(
        async move { while socket.write_all(&[b'x'; 65_536]).await.is_ok() {} },
    )
}

fn failures(proxy: &TestProxy) -> Vec<(&'static str, u64)> {
    proxy.status().mappings.iter().flat_map(|mapping| mapping.failures.clone()).collect()
}

async fn idle(proxy: &TestProxy) {
    while proxy.status().mappings.iter().any(|mapping| mapping.active > 0) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn pressure_clients_that_do_not_read_are_ended_when_others_need_the_memory() {
    run(async {
        let (_network, proxy, port, target) =
            pair_within(Limits { backlog: 1 << 20, ..limits() }).await;
        let mut deaf = Vec::new();
        for _ in 0..6 {
            let (client, server) = tunnel(port, &target).await;
            deaf.push((client, flood(server)));
        }
        // Each may hold 512 KiB, all together 1 MiB.
        while !failures(&proxy).iter().any(|&(name, count)| name == "over-budget" && count >= 3) {
            is_served(tunnel(port, &target).await).await;
        }
        for (client, flood) in deaf {
            drop(client);
            flood.await.unwrap();
        }
        idle(&proxy).await;
    });
}

#[test]
fn pressure_targets_that_do_not_read_hold_up_no_one() {
    run(async {
        let (_network, proxy, port, target) = pair().await;
        let mut deaf = Vec::new();
        for _ in 0..10 {
            let (client, server) = tunnel(port, &target).await;
            deaf.push((flood(client), server));
        }
        for _ in 0..5 {
            is_served(tunnel(port, &target).await).await;
        }
        for (flood, server) in deaf {
            drop(server);
            flood.await.unwrap();
        }
        idle(&proxy).await;
    });
}

#[test]
fn pressure_slow_reader_and_slow_writer_lose_nothing() {
    run(async {
        let (_network, proxy, port, target) = pair().await;
        let sent: Vec<u8> = (0..6_000_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
        let (mut client, mut server) = tunnel(port, &target).await;
        let (whole, to_send) = (sent.clone(), sent);
        let quick = tokio::task::spawn_local(async move {
            server.write_all(&to_send).await.unwrap();
            server.shutdown().await.unwrap();
            ended(&mut server).await
        });
        let mut received = Vec::new();
        let mut buffer = vec![0; 300_000];
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            match client.read(&mut buffer).await.unwrap() {
                0 => break,
                length => received.extend_from_slice(&buffer[..length]),
            }
        }
        assert!(received == whole);
        for byte in b"slowly" {
            client.write_all(&[*byte]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        client.shutdown().await.unwrap();
        assert_eq!(quick.await.unwrap(), b"slowly");
        idle(&proxy).await;
        assert!(failures(&proxy).is_empty(), "{:?}", failures(&proxy));
    });
}

#[test]
fn pressure_target_that_never_answers_is_left_with_its_client() {
    run(async {
        let (_network, proxy, port, target) = pair().await;
        let (mut client, mut server) = tunnel(port, &target).await;
        client.write_all(b"anyone?").await.unwrap();
        let mut seen = [0; 7];
        server.read_exact(&mut seen).await.unwrap();
        drop(client);
        // The client is gone, with all that the target could say.
        assert!(ended(&mut server).await.is_empty());
        drop(server);
        idle(&proxy).await;
    });
}

#[test]
fn pressure_target_that_breaks_off_ends_the_client_after_what_was_sent() {
    run(async {
        let (_network, proxy, port, target) = pair().await;
        let (mut client, mut server) = tunnel(port, &target).await;
        let half = vec![b'h'; 500_000];
        server.write_all(&half).await.unwrap();
        drop(server);
        assert!(ended(&mut client).await == half);
        drop(client);
        idle(&proxy).await;
    });
}

#[test]
fn pressure_two_thousand_half_open_clients_make_room_for_honest_ones() {
    run(async {
        let network = MemoryNetwork::default();
        let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target_port = target.local_addr().unwrap().port();
        let port = free_port();
        let proxy = proxy(&network, Limits { connections: 100, ..limits() });
        proxy.apply(config(&[format!("tcp:{port}=>amqp:q")]), None);
        let far = crate::testing::proxy(&network, Limits::server());
        far.apply(config(&[format!("amqp:q=>tcp:{target_port}")]), None);
        network.served("q").await;
        let accept = tokio::task::spawn_local(async move {
            let mut servers = tokio::task::JoinSet::new();
            while let Ok((mut server, _)) = target.accept().await {
                servers.spawn_local(async move {
                    let mut byte = [0];
                    while server.read_exact(&mut byte).await.is_ok() {
                        let _ = server.write_all(&byte).await;
                    }
                });
            }
        });
        let honest = || async {
            let mut client = connect(port).await;
            let mut byte = [0];
            client.write_all(b"?").await.unwrap();
            client.read_exact(&mut byte).await.unwrap();
            client
        };
        let mut first = honest().await;
        let mut silent = Vec::new();
        for _ in 0..2_000 {
            silent.push(connect(port).await);
        }
        let _second = honest().await;
        // Who has said something keeps its place.
        first.write_all(b"?").await.unwrap();
        first.read_exact(&mut [0]).await.unwrap();
        assert!(proxy.status().mappings.iter().all(|mapping| mapping.active <= 100));
        accept.abort();
    });
}

#[test]
fn pressure_client_that_makes_room_frees_the_target_too() {
    run(async {
        let network = MemoryNetwork::default();
        let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target_port = target.local_addr().unwrap().port();
        let port = free_port();
        let proxy = proxy(&network, Limits { connections: 1, ..limits() });
        proxy.apply(config(&[format!("tcp:{port}=>amqp:q")]), None);
        let far = crate::testing::proxy(&network, limits());
        far.apply(config(&[format!("amqp:q=>tcp:{target_port}")]), None);
        network.served("q").await;
        let mut silent = connect(port).await;
        let (mut held, _) = target.accept().await.unwrap();
        let mut honest = connect(port).await;
        assert!(super::ended(&mut silent).await.is_empty());
        // The target says nothing, so the far proxy learns of it from the near one or never.
        assert!(super::ended(&mut held).await.is_empty());
        let (mut server, _) = target.accept().await.unwrap();
        honest.write_all(b"x").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
        assert!(proxy.status().mappings.iter().all(|mapping| mapping.failures.is_empty()));
    });
}

#[test]
fn pressure_a_thousand_tunnels_at_once() {
    run(async {
        let (_network, proxy, port, target) = pair().await;
        let mut tunnels = Vec::new();
        for _ in 0..1_000 {
            tunnels.push(tunnel(port, &target).await);
        }
        for tunnel in tunnels {
            is_served(tunnel).await;
        }
        idle(&proxy).await;
    });
}

#[test]
fn pressure_port_that_was_in_use_is_taken_once_it_is_free() {
    run(async {
        let occupant = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = occupant.local_addr().unwrap().port();
        let network = MemoryNetwork::default();
        let proxy = proxy(&network, limits());
        proxy.apply(config(&[format!("tcp:{port}=>amqp:q")]), None);
        while !matches!(proxy.status().mappings[0].state, MappingState::Failed(_)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(occupant);
        while proxy.status().mappings[0].state != MappingState::Running {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        connect(port).await;
    });
}
