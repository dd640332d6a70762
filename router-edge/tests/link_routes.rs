//! Links led to a container that asked for them, here, over an edge, and over interiors.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: failures are their purpose"
)]

mod support;

use std::time::Duration;

use iofog_amqp::{Error, Value, condition};
use iofog_amqp_client::{
    CloseReason, Connection, ConnectionOptions, IncomingLink, LinkError, Outcome, Receiver,
    ReceiverOptions, Sender, SenderOptions, ServerOptions,
};
use iofog_router::RouterHandle;
use iofog_router::config::{Mode, Role};
use support::{body, connect, edge, interior, manage, port, router, run, settle, text, until};
use tokio::net::TcpListener;

async fn named_client(router: &RouterHandle, name: &str) -> Connection {
    let stream = tokio::net::TcpStream::connect(port(router, Role::Normal)).await.unwrap();
    let options =
        ConnectionOptions { container_id: name.to_owned(), ..ConnectionOptions::default() };
    Connection::open(Box::new(stream), options).await.unwrap()
}

async fn routed(container: &Connection) -> IncomingLink {
    container.accept_link().await.unwrap()
}

/// Sends through a routed link from `from` to a container at `at`; gives the link's name there.
async fn send_through(from: &RouterHandle, at: &RouterHandle) -> String {
    let container = named_client(at, "container").await;
    assert_eq!(manage(&container, "CREATE", "tcp/q", "in").await, 201);
    let client = named_client(from, "client").await;
    // Until the route has travelled, the address is an ordinary one.
    let (incoming, attaching) = loop {
        let options = SenderOptions {
            name: "c".to_owned(),
            source: Some("reply/address".to_owned()),
            ..SenderOptions::to("tcp/q")
        };
        let attaching = tokio::task::spawn_local({
            let client = client.clone();
            async move { client.sender(options).await.unwrap() }
        });
        let patience = Duration::from_millis(200);
        if let Ok(incoming) = tokio::time::timeout(patience, routed(&container)).await {
            break (incoming, attaching);
        }
        drop(attaching.await.unwrap());
    };
    let name = incoming.name().to_owned();
    let target = incoming.target().unwrap().address.clone();
    assert_eq!(target.as_deref(), Some("tcp/q"));
    let source = incoming.source().unwrap().address.clone();
    assert_eq!(source.as_deref(), Some("reply/address"));
    let mut receiver = incoming.accept_receiver(0, false).unwrap();
    let sender = attaching.await.unwrap();
    settle().await;
    assert_eq!(sender.credit(), 0, "credit is the container's");
    receiver.grant(3);
    sender.ready().await.unwrap();
    for (n, outcome) in [Outcome::Accepted, Outcome::Released].into_iter().enumerate() {
        let pending = sender.send_start(text(&n.to_string()), false).await.unwrap();
        let delivery = receiver.recv().await.unwrap();
        assert_eq!(delivery.message, text(&n.to_string()));
        if outcome == Outcome::Accepted {
            delivery.accept()
        } else {
            delivery.release()
        }
        assert_eq!(pending.await.unwrap(), outcome);
    }
    assert_eq!(sender.credit(), 1);
    // What was sent before the end arrives before the end.
    let _last = sender.send_start(text("last"), true).await.unwrap();
    drop(sender);
    let delivery = receiver.recv().await.unwrap();
    assert_eq!(body(&delivery), "last");
    receiver.detached().await;
    name
}

#[test]
fn links_are_led_to_the_container_on_the_same_router() {
    run(async {
        let router = interior("A").await;
        assert_eq!(send_through(&router, &router).await, "c@client");
    });
}

#[test]
fn links_are_led_over_an_edge() {
    run(async {
        let top = interior("top").await;
        let left = edge("left", &top).await;
        assert_eq!(send_through(&top, &left).await, "c@client@top");
    });
}

#[test]
fn links_are_led_from_an_edge() {
    run(async {
        let top = interior("top").await;
        let left = edge("left", &top).await;
        assert_eq!(send_through(&left, &top).await, "c@client@left");
    });
}

#[test]
fn links_are_led_from_edge_to_edge_over_two_interiors() {
    run(async {
        let (a, b) = (interior("A").await, interior("B").await);
        connect(&a, "b", Role::InterRouter, port(&b, Role::InterRouter)).await;
        let (left, right) = (edge("left", &a).await, edge("right", &b).await);
        until(|| a.status().routers == 1).await;
        assert_eq!(send_through(&left, &right).await, "c@client@left@A@B");
    });
}

/// Puts the edge below an interior that leads no links, as skupper-router: as much of one as an edge needs.
async fn leads_none(edge: &RouterHandle) -> Connection {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    connect(edge, "none", Role::Edge, listener.local_addr().unwrap()).await;
    let (stream, _) = listener.accept().await.unwrap();
    let properties = vec![
        ("product".to_owned(), Value::from("skupper-router")),
        ("qd.annotations-version".to_owned(), Value::Int(2)),
    ];
    let connection = ConnectionOptions { properties, ..ConnectionOptions::default() };
    let above = Connection::serve(Box::new(stream), ServerOptions { connection }).await.unwrap();
    until(|| edge.status().uplink).await;
    above
}

#[test]
fn below_a_router_that_leads_no_links_an_edge_leads_none() {
    run(async {
        let edge = router(Mode::Edge, "edge", &[Role::Normal]).await;
        // Asked while nothing is above, or something else: to be asked again.
        let early = named_client(&edge, "early").await;
        assert_eq!(manage(&early, "CREATE", "q", "in").await, 201);
        assert_eq!(manage(&early, "DELETE", "q", "in").await, 204);
        let never = named_client(&edge, "never").await;
        let above = leads_none(&edge).await;
        let CloseReason::Remote(Some(error)) = early.closed().await else { panic!("no reason") };
        assert_eq!(error.condition, condition::CONNECTION_FORCED);
        let again = named_client(&edge, "again").await;
        assert_eq!(manage(&again, "CREATE", "q", "in").await, 501);
        assert_eq!(edge.status().link_routes, 0);
        // The interior is asked for what clients send to, but for the edge's own management.
        let _marker = again.sender(SenderOptions::to("marker")).await.unwrap();
        let mut links = Vec::new();
        loop {
            let link = above.accept_link().await.unwrap();
            let to = link.target().and_then(|target| target.address.clone());
            links.push(link);
            assert_ne!(to.as_deref(), Some("$management"));
            if to.as_deref() == Some("marker") {
                break;
            }
        }
        // While it is away the answer stays.
        let mut config = edge.config();
        config.connectors.clear();
        edge.apply(config).await.unwrap();
        above.closed().await;
        until(|| !edge.status().uplink).await;
        assert_eq!(manage(&again, "CREATE", "q", "in").await, 501);
        // One that leads them takes its place.
        let top = interior("top").await;
        connect(&edge, "up", Role::Edge, port(&top, Role::Edge)).await;
        let CloseReason::Remote(Some(error)) = again.closed().await else { panic!("no reason") };
        assert_eq!(error.condition, condition::CONNECTION_FORCED);
        assert_eq!(send_through(&top, &edge).await, "c@client@top");
        // Who asked for nothing was not disturbed.
        assert_eq!(manage(&never, "CREATE", "r", "in").await, 201);
    });
}

#[test]
fn refusals_and_losses_reach_the_client() {
    run(async {
        let router = interior("A").await;
        let container = named_client(&router, "container").await;
        assert_eq!(manage(&container, "CREATE", "q", "in").await, 201);
        assert_eq!(manage(&container, "CREATE", "q", "in").await, 400);
        assert_eq!(manage(&container, "CREATE", "r", "sideways").await, 400);
        let client = named_client(&router, "client").await;
        let attaching = tokio::task::spawn_local({
            let client = client.clone();
            async move { client.sender(SenderOptions::to("q")).await.map(|_| ()) }
        });
        routed(&container).await.refuse(Error::new(condition::NOT_ALLOWED, "closed today"));
        let Err(LinkError::Detached(Some(error))) = attaching.await.unwrap() else {
            panic!("attached")
        };
        assert_eq!(error.condition, condition::NOT_ALLOWED);
        // The container goes while a link is in use.
        let attaching = tokio::task::spawn_local({
            let client = client.clone();
            async move { client.sender(SenderOptions::to("q")).await.unwrap() }
        });
        let _receiver = routed(&container).await.accept_receiver(1, true).unwrap();
        let sender = attaching.await.unwrap();
        container.close();
        let LinkError::Detached(Some(error)) = sender.detached().await else { panic!("no reason") };
        assert_eq!(error.condition, "qd:routed-link-lost");
        // Its route went with it: the address is an ordinary one again.
        let sender = client.sender(SenderOptions::to("q")).await.unwrap();
        assert_eq!(sender.credit(), 0);
    });
}

#[test]
fn drain_goes_end_to_end_on_routed_links_out_of_a_container() {
    run(async {
        let router = interior("A").await;
        let container = named_client(&router, "container").await;
        assert_eq!(manage(&container, "CREATE", "out/#", "out").await, 201);
        let client = named_client(&router, "client").await;
        let options = ReceiverOptions {
            initial_credit: 0,
            auto_credit: false,
            ..ReceiverOptions::from("out/1")
        };
        let attaching = tokio::task::spawn_local(async move {
            let receiver = client.receiver(options).await.unwrap();
            (receiver, client)
        });
        let sender = routed(&container).await.accept_sender().unwrap();
        let (mut receiver, _client) = attaching.await.unwrap();
        receiver.grant(5);
        sender.ready().await.unwrap();
        assert_eq!(sender.credit(), 5);
        let pending = sender.send_start(text("one"), false).await.unwrap();
        receiver.recv().await.unwrap().accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        receiver.drain().await;
        assert_eq!((receiver.credit(), sender.credit()), (0, 0));
    });
}

#[test]
fn a_deleted_route_takes_no_more_links() {
    run(async {
        let router = interior("A").await;
        let container = named_client(&router, "container").await;
        assert_eq!(manage(&container, "CREATE", "q", "in").await, 201);
        assert_eq!(manage(&container, "DELETE", "q", "in").await, 204);
        assert_eq!(manage(&container, "DELETE", "q", "in").await, 404);
        let client = named_client(&router, "client").await;
        let sender = client.sender(SenderOptions::to("q")).await.unwrap();
        settle().await;
        assert_eq!(sender.credit(), 0);
    });
}

/// A routed link in the direction of the container, which has given no credit yet.
async fn routed_pair(router: &RouterHandle) -> (Sender, Receiver, [Connection; 2]) {
    let container = named_client(router, "container").await;
    assert_eq!(manage(&container, "CREATE", "tcp/q", "in").await, 201);
    let client = named_client(router, "client").await;
    let (sender, receiver) = tokio::join!(client.sender(SenderOptions::to("tcp/q")), async {
        routed(&container).await.accept_receiver(0, false).unwrap()
    });
    (sender.unwrap(), receiver, [client, container])
}

#[test]
fn a_message_that_has_begun_uses_its_credit_once() {
    run(async {
        let router = interior("A").await;
        let (sender, mut receiver, _connections) = routed_pair(&router).await;
        receiver.grant(1);
        sender.ready().await.unwrap();
        let whole = text(&"x".repeat(1_000));
        let mut stream = sender.send_stream().await.unwrap();
        stream.write(whole.slice(..100)).await.unwrap();
        until(|| router.status().deliveries_egress == 1 && sender.credit() == 0).await;
        // It is on its way to the container: what is granted now is for the next one.
        receiver.grant(1);
        until(|| sender.credit() == 1).await;
        stream.write(whole.slice(100..)).await.unwrap();
        let first = stream.finish().await.unwrap();
        let second = sender.send_start(text("next"), false).await.unwrap();
        for expected in [whole, text("next")] {
            let delivery = receiver.recv().await.unwrap();
            assert_eq!(delivery.message, expected);
            delivery.accept();
        }
        assert_eq!(first.await.unwrap(), Outcome::Accepted);
        assert_eq!(second.await.unwrap(), Outcome::Accepted);
        assert_eq!(sender.credit(), 0);
    });
}

#[test]
fn credit_that_the_container_takes_back_is_taken_back_from_the_sender() {
    run(async {
        let router = interior("A").await;
        let (sender, mut receiver, _connections) = routed_pair(&router).await;
        for round in 0..20 {
            receiver.grant(50);
            sender.ready().await.unwrap();
            // Some are sent before the sender hears that the rest of the credit is gone.
            let mut pending = Vec::new();
            let sending = async {
                for n in 0..round {
                    pending.push(sender.send_start(text(&n.to_string()), false).await.unwrap());
                }
            };
            tokio::join!(receiver.drain(), sending);
            until(|| sender.credit() == 0).await;
            for n in 0..round {
                let delivery = receiver.recv().await.unwrap();
                assert_eq!(body(&delivery), n.to_string());
                delivery.accept();
            }
            for outcome in pending {
                assert_eq!(outcome.await.unwrap(), Outcome::Accepted);
            }
        }
        assert_eq!(router.status().deliveries, 0);
    });
}
