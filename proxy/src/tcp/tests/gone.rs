//! A proxy that goes without a word: the other one frees the socket that it holds for it, also one that says nothing;
//! and silence alone ends no tunnel. One that removes a mapping says so.

use super::*;
use crate::limits::Limits;
use crate::status::MappingStatus;

/// The two ends of one port as proxies of their own, and what clients and targets use.
struct Ends {
    network: MemoryNetwork,
    /// None once it was killed.
    near: Option<TestProxy>,
    far: Option<TestProxy>,
    port: u16,
    target: TcpListener,
}

impl Ends {
    async fn start() -> Self {
        Self::with(limits()).await
    }

    /// Silence makes no one ask.
    async fn patient() -> Self {
        Self::with(Limits { silence: Duration::from_secs(3_600), ..limits() }).await
    }

    async fn with(limits: Limits) -> Self {
        let network = MemoryNetwork::default();
        let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (target_port, port) = (target.local_addr().unwrap().port(), free_port());
        let near = proxy(&network, limits);
        near.apply(config(&[format!("tcp:{port}=>amqp:q")]), None);
        let far = proxy(&network, limits);
        far.apply(config(&[format!("amqp:q=>tcp:{target_port}")]), None);
        network.served("q").await;
        Self { network, near: Some(near), far: Some(far), port, target }
    }

    /// A client and its server, greeted: both ends have set up their tunnel.
    async fn tunnel(&self) -> (TcpStream, TcpStream) {
        let mut client = connect(self.port).await;
        let (mut server, _) = self.target.accept().await.unwrap();
        client.write_all(b"x").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
        (client, server)
    }

    /// Counters of the mappings that there are.
    fn mappings(&self) -> Vec<MappingStatus> {
        let proxies = [&self.near, &self.far].into_iter().flatten();
        proxies.flat_map(|proxy| proxy.status().mappings).collect()
    }

    fn failures(&self) -> Vec<(&'static str, u64)> {
        self.mappings().into_iter().flat_map(|mapping| mapping.failures).collect()
    }

    /// Waits until no tunnel is left.
    async fn over(&self) {
        while self.mappings().iter().any(|mapping| mapping.active > 0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[test]
fn gone_ingress_frees_a_target_that_says_nothing() {
    run(async {
        let mut ends = Ends::start().await;
        let (_client, mut server) = ends.tunnel().await;
        drop(ends.near.take());
        assert!(ended(&mut server).await.is_empty());
    });
}

#[test]
fn gone_egress_frees_a_client_that_says_nothing() {
    run(async {
        let mut ends = Ends::start().await;
        let (mut client, _server) = ends.tunnel().await;
        drop(ends.far.take());
        assert!(ended(&mut client).await.is_empty());
        assert!(ends.failures().contains(&("router-lost", 1)), "{:?}", ends.failures());
    });
}

#[test]
fn gone_ingress_frees_a_target_that_has_ended_its_half() {
    run(async {
        let mut ends = Ends::start().await;
        let (mut client, mut server) = ends.tunnel().await;
        server.shutdown().await.unwrap();
        assert!(ended(&mut client).await.is_empty());
        drop(ends.near.take());
        assert!(ended(&mut server).await.is_empty());
    });
}

#[test]
fn gone_ingress_frees_a_target_after_its_client_ended_its_half() {
    run(async {
        let mut ends = Ends::start().await;
        let (mut client, mut server) = ends.tunnel().await;
        client.shutdown().await.unwrap();
        assert!(ended(&mut server).await.is_empty());
        drop(ends.near.take());
        ends.over().await;
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
        ends.over().await;
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

#[test]
fn gone_mapping_of_a_client_is_told_to_the_target() {
    run(async {
        let ends = Ends::patient().await;
        let (_client, mut server) = ends.tunnel().await;
        let (mut half, mut waiting) = ends.tunnel().await;
        half.shutdown().await.unwrap();
        assert!(ended(&mut waiting).await.is_empty());
        ends.near.as_ref().unwrap().apply(config(&[]), None);
        assert!(ended(&mut server).await.is_empty());
        ends.over().await;
    });
}

#[test]
fn gone_mapping_of_a_target_is_told_to_the_client() {
    run(async {
        let ends = Ends::patient().await;
        let (mut client, _server) = ends.tunnel().await;
        ends.far.as_ref().unwrap().apply(config(&[]), None);
        assert!(ended(&mut client).await.is_empty());
        ends.over().await;
    });
}

#[test]
fn gone_proxy_that_is_shut_down_has_told_before_it_is() {
    run(async {
        let ends = Ends::patient().await;
        let (_client, mut server) = ends.tunnel().await;
        ends.near.as_ref().unwrap().shutdown().await;
        let told = ends.network.sent();
        assert!(told.iter().any(|message| Piece::of(message) == Piece::Abort), "{told:?}");
        assert!(ended(&mut server).await.is_empty());
    });
}

#[test]
fn gone_mapping_does_not_wait_for_a_peer_that_takes_nothing() {
    run(async {
        let mut ends = Ends::patient().await;
        let (mut client, _server) = ends.tunnel().await;
        // Without a word: nothing is taken there any more.
        drop(ends.far.take());
        let shut = ends.near.as_ref().unwrap().shutdown();
        shut.await;
        assert!(ended(&mut client).await.is_empty());
    });
}

#[test]
fn gone_mapping_leaves_its_port_to_the_next_one_at_once() {
    run(async {
        let ends = Ends::patient().await;
        let (_client, mut server) = ends.tunnel().await;
        let near = ends.near.as_ref().unwrap();
        near.apply(config(&[format!("tcp:{}=>amqp:other", ends.port)]), None);
        assert!(ended(&mut server).await.is_empty());
        while near.status().mappings[0].state == MappingState::Starting {
            tokio::task::yield_now().await;
        }
        assert_eq!(near.status().mappings[0].state, MappingState::Running);
    });
}
