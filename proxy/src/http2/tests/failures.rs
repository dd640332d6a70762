//! Parts that are not there, or go while a stream is open.

use std::time::Duration;

use http_body_util::BodyExt;

use super::{client, get, target, text};
use crate::link::memory::MemoryNetwork;
use crate::testing::{TestProxy, config, free_port, limits, proxy, run};

/// An ingress and an egress, apart from each other.
async fn ends(network: &MemoryNetwork, target: u16) -> (TestProxy, TestProxy, u16) {
    let public = free_port();
    let (near, far) = (proxy(network, limits()), proxy(network, limits()));
    near.apply(config(&[format!("amqp:q=>http2:{target}")]), None);
    far.apply(config(&[format!("http2:{public}=>amqp:q")]), None);
    network.served("q").await;
    connected(&far).await;
    (near, far, public)
}

async fn connected(proxy: &TestProxy) {
    while !proxy.status().mappings.iter().all(|mapping| mapping.router_connected) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn idle(proxy: &TestProxy) {
    while proxy.status().mappings.iter().any(|mapping| mapping.active > 0) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn http2_each_missing_part_is_named() {
    run(async {
        let network = MemoryNetwork::default();
        let public = free_port();
        let far = proxy(&network, limits());
        network.break_all(true);
        far.apply(config(&[format!("http2:{public}=>amqp:q")]), None);
        let mut client = client(public).await;
        let (status, said) = text(client.send_request(get("/")).await.unwrap()).await;
        assert_eq!(status, 503, "{said}");
        assert!(said.contains("proxy -> router"), "{said}");
        network.up();
        connected(&far).await;
        let answer = client.send_request(get("/")).await.unwrap();
        assert_eq!(answer.headers()["retry-after"], "1");
        let (status, said) = text(answer).await;
        assert_eq!(status, 503, "{said}");
        assert!(said.contains("router -> far proxy"), "{said}");
        let near = proxy(&network, limits());
        near.apply(config(&[format!("amqp:q=>http2:{}", free_port())]), None);
        network.served("q").await;
        let (status, said) = text(client.send_request(get("/")).await.unwrap()).await;
        assert_eq!(status, 502, "{said}");
        assert!(said.contains("far proxy -> target"), "{said}");
        assert_eq!(near.status().mappings[0].failures, [("target-failed", 1)]);
    });
}

#[test]
fn http2_router_lost_ends_open_streams_and_later_ones_work() {
    run(async {
        let network = MemoryNetwork::default();
        let (near, far, public) = ends(&network, target().await).await;
        let mut client = client(public).await;
        let mut open = client.send_request(get("/open")).await.unwrap().into_body();
        assert_eq!(open.frame().await.unwrap().unwrap().into_data().unwrap(), ".");
        let waiting = client.send_request(get("/never"));
        let broken = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            network.break_all(false);
        };
        let (answer, ()) = tokio::join!(waiting, broken);
        let (status, said) = text(answer.unwrap()).await;
        assert_eq!(status, 502, "{said}");
        assert!(open.frame().await.unwrap().is_err(), "a cut body is no whole one");
        network.served("q").await;
        connected(&far).await;
        idle(&near).await;
        idle(&far).await;
        let (status, said) = text(client.send_request(get("/")).await.unwrap()).await;
        assert_eq!((status, said.as_str()), (200, "hi"));
    });
}

#[test]
fn http2_far_proxy_that_goes_is_noticed_on_a_silent_stream() {
    run(async {
        let network = MemoryNetwork::default();
        let (near, _far, public) = ends(&network, target().await).await;
        let mut client = client(public).await;
        let mut open = client.send_request(get("/open")).await.unwrap().into_body();
        open.frame().await.unwrap().unwrap();
        // With its connection go its links, and no message says so.
        drop(near);
        assert!(open.frame().await.unwrap().is_err());
    });
}

#[test]
fn http2_client_that_goes_frees_its_place_at_the_target() {
    run(async {
        let network = MemoryNetwork::default();
        let (near, far, public) = ends(&network, target().await).await;
        for path in ["/never", "/open"] {
            let mut leaving = client(public).await;
            let asked = leaving.send_request(get(path));
            let answered = tokio::time::timeout(Duration::from_millis(200), asked).await;
            assert_eq!(answered.is_ok(), path == "/open");
            drop((answered, leaving));
            idle(&near).await;
            idle(&far).await;
        }
        assert_eq!(near.status().mappings[0].failures, [("client-gone", 2)]);
    });
}
