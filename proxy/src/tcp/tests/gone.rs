//! A proxy that goes without a word: the other one frees the socket that it holds for it, also one that says nothing;
//! and silence alone ends no tunnel.

use super::*;

/// The two ends of one port as proxies of their own, and what clients and targets use.
struct Ends {
    network: MemoryNetwork,
    near: TestProxy,
    far: TestProxy,
    port: u16,
    target: TcpListener,
}

impl Ends {
    async fn start() -> Self {
        let network = MemoryNetwork::default();
        let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (target_port, port) = (target.local_addr().unwrap().port(), free_port());
        let near = proxy(&network, limits());
        near.apply(config(&[format!("tcp:{port}=>amqp:q")]), None);
        let far = proxy(&network, limits());
        far.apply(config(&[format!("amqp:q=>tcp:{target_port}")]), None);
        network.served("q").await;
        Self { network, near, far, port, target }
    }

    /// A client and its server, greeted: both ends have set up their tunnel.
    async fn tunnel(&self) -> (TcpStream, TcpStream) {
        let mut client = connect(self.port).await;
        let (mut server, _) = self.target.accept().await.unwrap();
        client.write_all(b"x").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
        (client, server)
    }

    /// As a program that is killed: nothing can be said any more.
    fn kill(proxy: &TestProxy) {
        proxy.apply(config(&[]), None);
    }

    fn failures(&self) -> Vec<(&'static str, u64)> {
        let all = [self.near.status(), self.far.status()];
        all.iter().flat_map(|s| &s.mappings).flat_map(|m| m.failures.clone()).collect()
    }
}

#[test]
fn gone_ingress_frees_a_target_that_says_nothing() {
    run(async {
        let ends = Ends::start().await;
        let (_client, mut server) = ends.tunnel().await;
        Ends::kill(&ends.near);
        assert!(ended(&mut server).await.is_empty());
    });
}

#[test]
fn gone_egress_frees_a_client_that_says_nothing() {
    run(async {
        let ends = Ends::start().await;
        let (mut client, _server) = ends.tunnel().await;
        Ends::kill(&ends.far);
        assert!(ended(&mut client).await.is_empty());
        assert!(ends.failures().contains(&("router-lost", 1)), "{:?}", ends.failures());
    });
}

#[test]
fn gone_ingress_frees_a_target_that_has_ended_its_half() {
    run(async {
        let ends = Ends::start().await;
        let (mut client, mut server) = ends.tunnel().await;
        server.shutdown().await.unwrap();
        assert!(ended(&mut client).await.is_empty());
        Ends::kill(&ends.near);
        assert!(ended(&mut server).await.is_empty());
    });
}

#[test]
fn gone_ingress_frees_a_target_after_its_client_ended_its_half() {
    run(async {
        let ends = Ends::start().await;
        let (mut client, mut server) = ends.tunnel().await;
        client.shutdown().await.unwrap();
        assert!(ended(&mut server).await.is_empty());
        Ends::kill(&ends.near);
        while ends.far.status().mappings[0].active > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn gone_client_that_breaks_off_after_its_half_is_told_to_the_target() {
    run(async {
        let ends = Ends::start().await;
        let (mut client, mut server) = ends.tunnel().await;
        client.shutdown().await.unwrap();
        assert!(ended(&mut server).await.is_empty());
        // With bytes that it has not read: its end is a reset, which the near proxy sees when it writes.
        server.write_all(b"unread").await.unwrap();
        client.readable().await.unwrap();
        drop(client);
        while server.write_all(b"more").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        while ends.far.status().mappings[0].active + ends.near.status().mappings[0].active > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(ends.failures().is_empty(), "{:?}", ends.failures());
    });
}

#[test]
fn gone_no_one_is_while_both_are_silent_for_many_questions() {
    run(async {
        let ends = Ends::start().await;
        let (mut client, mut server) = ends.tunnel().await;
        let (mut half, mut answering) = ends.tunnel().await;
        half.shutdown().await.unwrap();
        assert!(ended(&mut answering).await.is_empty());
        let sent = ends.network.sent().len();
        tokio::time::sleep(10 * limits().silence).await;
        let asked = ends.network.sent().len() - sent;
        assert!(asked >= 4, "{asked} questions");
        // One end asks, and the other one then knows as well.
        assert!(asked <= 30, "{asked} questions");
        client.write_all(b"?").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
        server.write_all(b"!").await.unwrap();
        client.read_exact(&mut [0]).await.unwrap();
        answering.write_all(b"late").await.unwrap();
        drop(answering);
        assert_eq!(ended(&mut half).await, b"late");
        assert!(ends.failures().is_empty(), "{:?}", ends.failures());
    });
}

#[test]
fn gone_may_be_who_has_said_everything_to_a_slow_reader() {
    run(async {
        let ends = Ends::start().await;
        let (mut client, mut server) = ends.tunnel().await;
        let sent = vec![7; 3_000_000];
        let whole = sent.clone();
        let serving = tokio::task::spawn_local(async move {
            server.write_all(&sent).await.unwrap();
            drop(server);
        });
        let mut received = Vec::new();
        let mut buffer = vec![0; 100_000];
        loop {
            // Much slower than the questions; the target is long gone by the end.
            tokio::time::sleep(limits().silence / 2).await;
            match client.read(&mut buffer).await.unwrap() {
                0 => break,
                length => received.extend_from_slice(&buffer[..length]),
            }
        }
        assert!(received == whole);
        serving.await.unwrap();
    });
}
