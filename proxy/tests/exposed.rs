//! Exposed ports over real routers: where the ends are, what may restart, who shares the load.
#![allow(clippy::unwrap_used, reason = "test code outside of test functions")]

mod common;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use common::*;
use iofog_proxy::ProxyHandle;
use iofog_router::RouterHandle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Ports of an interior router: normal, edge, inter-router.
async fn ports() -> [u16; 3] {
    [free_port(), free_port(), free_port()]
}

async fn start_interior([normal, edge, inter]: [u16; 3]) -> RouterHandle {
    interior(normal, edge, inter).await
}

/// An HTTP target and a TCP one that both answer with `name`, and how often they were asked.
async fn named(name: &'static str) -> (u16, u16, Rc<Cell<u32>>) {
    let asked = Rc::new(Cell::new(0));
    let mut ports = [0; 2];
    for (port, http) in ports.iter_mut().zip([true, false]) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        *port = listener.local_addr().unwrap().port();
        let asked = Rc::clone(&asked);
        tokio::task::spawn_local(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let asked = Rc::clone(&asked);
                tokio::task::spawn_local(async move {
                    let mut buffer = [0; 4096];
                    while let Ok(1..) = stream.read(&mut buffer).await {
                        asked.set(asked.get() + 1);
                        tokio::time::sleep(Duration::from_millis(2)).await;
                        let answer = match http {
                            true => format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{name}"),
                            false => name.to_owned(),
                        };
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
    }
    (ports[0], ports[1], asked)
}

/// What an HTTP request and a TCP connection are answered with; asks until there is an answer.
async fn http(port: u16) -> Vec<u8> {
    loop {
        let answer = talk(port, GET).await;
        if status(&answer) == 200 {
            return body(&answer).to_vec();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn tcp(port: u16) -> u8 {
    loop {
        let mut socket = connect(port).await;
        let mut answer = [0; 1];
        let asked = async {
            socket.write_all(b"?").await?;
            socket.read_exact(&mut answer).await
        };
        if asked.await.is_ok() {
            return answer[0];
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn egress(port: u16, (http, tcp): (u16, u16)) -> ProxyHandle {
    proxy(port, &[format!("amqp:h=>http:{http}"), format!("amqp:t=>tcp:{tcp}")])
}

/// Public ports for the queues of [`egress`].
async fn ingress(port: u16) -> (ProxyHandle, u16, u16) {
    let (h, t) = (free_port(), free_port());
    (proxy(port, &[format!("http:{h}=>amqp:h"), format!("tcp:{t}=>amqp:t")]), h, t)
}

#[test]
fn exposed_on_the_same_node_another_node_and_behind_two_routers() {
    run(async {
        let [one, edge_one, inter] = ports().await;
        let [two, edge_two, inter_two] = ports().await;
        let first = interior(one, edge_one, inter).await;
        let second = interior_linked("second", [two, edge_two, inter_two], inter).await;
        let (near_port, far_port) = (free_port(), free_port());
        let near = edge("near", near_port, edge_one).await;
        let far = edge("far", far_port, edge_two).await;
        let (h, t, _) = named("x").await;
        let target = egress(near_port, (h, t));
        // Same edge router, its interior, another interior, an edge behind that.
        for port in [near_port, one, two, far_port] {
            let (proxy, h, t) = ingress(port).await;
            assert_eq!(http(h).await, b"x");
            assert_eq!(tcp(t).await, b'x');
            proxy.shutdown().await;
        }
        drop(target);
        for router in [near, far, second, first] {
            router.shutdown().await;
        }
    });
}

#[test]
fn exposed_survives_the_restart_of_each_part() {
    run(async {
        let interior_ports = ports().await;
        let near_port = free_port();
        let mut interior = start_interior(interior_ports).await;
        let mut near = edge("near", near_port, interior_ports[1]).await;
        let (h, t, _) = named("x").await;
        let mut target = egress(near_port, (h, t));
        let (mut public, public_h, public_t) = ingress(interior_ports[0]).await;
        let mappings = [format!("http:{public_h}=>amqp:h"), format!("tcp:{public_t}=>amqp:t")];
        for part in ["none", "near proxy", "far proxy", "edge router", "interior router"] {
            match part {
                "near proxy" => {
                    target.shutdown().await;
                    target = egress(near_port, (h, t));
                }
                "far proxy" => {
                    public.shutdown().await;
                    public = proxy(interior_ports[0], &mappings);
                }
                "edge router" => {
                    near.shutdown().await;
                    near = edge("near", near_port, interior_ports[1]).await;
                }
                "interior router" => {
                    interior.shutdown().await;
                    interior = start_interior(interior_ports).await;
                }
                _ => {}
            }
            assert_eq!(http(public_h).await, b"x", "{part}");
            assert_eq!(tcp(public_t).await, b'x', "{part}");
        }
        drop((target, public));
        near.shutdown().await;
        interior.shutdown().await;
    });
}

/// Two edge routers below one interior router.
struct Branches {
    interior: RouterHandle,
    interior_ports: [u16; 3],
    one: RouterHandle,
    two: RouterHandle,
    edge_ports: [u16; 2],
}

async fn branches() -> Branches {
    let interior_ports = ports().await;
    let interior = start_interior(interior_ports).await;
    let edge_ports = [free_port(), free_port()];
    let one = edge("one", edge_ports[0], interior_ports[1]).await;
    let two = edge("two", edge_ports[1], interior_ports[1]).await;
    Branches { interior, interior_ports, one, two, edge_ports }
}

#[test]
fn exposed_replicas_share_the_load_and_cover_for_each_other() {
    run(async {
        let Branches { interior, interior_ports, one, two, edge_ports } = branches().await;
        let (h1, t1, asked1) = named("1").await;
        let (h2, t2, asked2) = named("2").await;
        let replicas = [egress(edge_ports[0], (h1, t1)), egress(edge_ports[1], (h2, t2))];
        let (public, h, t) = ingress(interior_ports[0]).await;
        // Until both are known everywhere.
        while asked1.get() == 0 || asked2.get() == 0 {
            http(h).await;
        }
        for (what, port) in [("http", h), ("tcp", t)] {
            let before = (asked1.get(), asked2.get());
            let clients: Vec<_> = (0..20)
                .map(|_| {
                    tokio::task::spawn_local(async move {
                        for _ in 0..10 {
                            match what {
                                "http" => drop(http(port).await),
                                _ => drop(tcp(port).await),
                            }
                        }
                    })
                })
                .collect();
            for client in clients {
                client.await.unwrap();
            }
            let shares = [asked1.get() - before.0, asked2.get() - before.1];
            assert!(shares.iter().all(|&share| share >= 50), "{what}: {shares:?}");
        }
        let [first, second] = replicas;
        first.shutdown().await;
        for _ in 0..20 {
            assert_eq!(http(h).await, b"2");
            assert_eq!(tcp(t).await, b'2');
        }
        drop((second, public));
        for router in [one, two, interior] {
            router.shutdown().await;
        }
    });
}

#[test]
fn exposed_mapping_moves_with_its_microservice() {
    run(async {
        let Branches { interior, interior_ports, one, two, edge_ports } = branches().await;
        let (h1, t1, _) = named("1").await;
        let (h2, t2, _) = named("2").await;
        let (public, h, t) = ingress(interior_ports[0]).await;
        let first = egress(edge_ports[0], (h1, t1));
        let second = proxy(edge_ports[1], &[]);
        assert_eq!((http(h).await, tcp(t).await), (b"1".to_vec(), b'1'));
        let config = |mappings: Vec<String>, port: u16| iofog_proxy::ProxyConfig {
            mappings,
            network_router: iofog_proxy::NetworkRouter { host: "127.0.0.1".to_owned(), port },
        };
        // As the Controller does it: the strings go here and come there, the queue stays.
        first.apply(config(Vec::new(), edge_ports[0]));
        let moved = vec![format!("amqp:h=>http:{h2}"), format!("amqp:t=>tcp:{t2}")];
        second.apply(config(moved, edge_ports[1]));
        assert_eq!((http(h).await, tcp(t).await), (b"2".to_vec(), b'2'));
        assert!(first.status().mappings.is_empty());
        drop((first, second, public));
        for router in [one, two, interior] {
            router.shutdown().await;
        }
    });
}
