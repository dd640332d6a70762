//! Links that lead to a container across makes, as the ioFog Proxy asks for them. Dispatch routes links, skupper-router
//! does not.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use iofog_amqp_client::{
    Connection, LinkError, Outcome, Receiver, ReceiverOptions, Sender, SenderOptions,
};

use crate::exchange::client;
use crate::support::{body, manage, text};

/// Longest wait for something that must come; only guards against hangs.
const PATIENCE: Duration = Duration::from_secs(20);
/// Until a route has travelled, its address is an ordinary one, where nobody gives credit.
const ORDINARY: Duration = Duration::from_millis(500);

/// The container behind either router, the client at the other.
pub(crate) async fn both_ways(one: SocketAddr, two: SocketAddr) {
    for (from, at) in [(one, two), (two, one)] {
        println!("routed from {from} to {at}");
        let round = format!("{}.{}", from.port(), at.port());
        let [to, out] = ["to", "out"].map(|way| format!("routed.{round}.{way}"));
        let (container, client) = (client(at).await, client(from).await);
        assert_eq!(manage(&container, "CREATE", &to, "in").await, 201);
        assert_eq!(manage(&container, "CREATE", &out, "out").await, 201);
        for _ in 0..3 {
            taken(&container, &client, &to).await;
            given(&container, &client, &out).await;
        }
        ends(&container, &client, &to, &out).await;
    }
}

async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, event).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: does not come"),
    }
}

/// The client's sender and the container's receiver of a link; a message has passed.
async fn sending(container: &Connection, from: &Connection, address: &str) -> (Sender, Receiver) {
    let (connection, options) = (from.clone(), SenderOptions::to(address));
    let attaching = tokio::task::spawn_local(async move {
        loop {
            let sender = connection.sender(options.clone()).await.unwrap();
            if tokio::time::timeout(ORDINARY, sender.ready()).await.is_ok_and(|ready| ready.is_ok())
            {
                assert_eq!(sender.send(text("first")).await.unwrap(), Outcome::Accepted);
                return sender;
            }
        }
    });
    loop {
        let link = within("a link to the container", container.accept_link()).await.unwrap();
        assert_eq!(link.target().unwrap().address.as_deref(), Some(address));
        let mut receiver = link.accept_receiver(0, false).unwrap();
        receiver.grant(3);
        // None comes over a link that the client gave up meanwhile.
        if let Ok(delivery) = within("a message to the container", receiver.recv()).await {
            assert_eq!(body(&delivery), "first");
            delivery.accept();
            return (within("the sender", attaching).await.unwrap(), receiver);
        }
    }
}

/// The container's sender and the client's receiver of a link; a message has passed.
async fn receiving(container: &Connection, to: &Connection, address: &str) -> (Sender, Receiver) {
    let (connection, options) = (to.clone(), ReceiverOptions::from(address));
    let attaching = tokio::task::spawn_local(async move {
        loop {
            let mut receiver = connection.receiver(options.clone()).await.unwrap();
            if let Ok(Ok(delivery)) = tokio::time::timeout(ORDINARY, receiver.recv()).await {
                assert_eq!(body(&delivery), "first");
                delivery.accept();
                return receiver;
            }
        }
    });
    loop {
        let link = within("a link from the container", container.accept_link()).await.unwrap();
        assert_eq!(link.source().unwrap().address.as_deref(), Some(address));
        let sender = link.accept_sender().unwrap();
        let sent = within("credit of the client", sender.send(text("first"))).await;
        if sent.is_ok_and(|outcome| outcome == Outcome::Accepted) {
            return (sender, within("the receiver", attaching).await.unwrap());
        }
    }
}

/// The container's credit counts; outcomes and a large message travel; what was sent before the end comes before it.
async fn taken(container: &Connection, client: &Connection, address: &str) {
    let (sender, mut receiver) = sending(container, client, address).await;
    let large = text(&"x".repeat(1_000_000));
    for (payload, outcome) in [(text("1"), Outcome::Released), (large, Outcome::Accepted)] {
        let pending = sender.send_start(payload.clone(), false).await.unwrap();
        let delivery = within("a delivery", receiver.recv()).await.unwrap();
        assert_eq!(delivery.message.len(), payload.len());
        if outcome == Outcome::Accepted {
            delivery.accept()
        } else {
            delivery.release()
        }
        assert_eq!(within("an outcome", pending).await.unwrap(), outcome);
    }
    assert_eq!(sender.credit(), 0, "three messages were allowed");
    receiver.grant(1);
    within("more credit", sender.ready()).await.unwrap();
    drop(sender.send_start(text("last"), true).await.unwrap());
    drop(sender);
    assert_eq!(body(&within("the last", receiver.recv()).await.unwrap()), "last");
    within("the end", receiver.detached()).await;
}

/// The same the other way; here the container ends the link.
async fn given(container: &Connection, client: &Connection, address: &str) {
    let (sender, mut receiver) = receiving(container, client, address).await;
    for size in [0, 20_000, 1_000_000] {
        let pending = sender.send_start(text(&"x".repeat(size)), false).await.unwrap();
        let delivery = within("a delivery", receiver.recv()).await.unwrap();
        assert_eq!(body(&delivery).len(), size);
        delivery.accept();
        assert_eq!(within("an outcome", pending).await.unwrap(), Outcome::Accepted);
    }
    drop(sender.send_start(text("last"), true).await.unwrap());
    drop(sender);
    assert_eq!(body(&within("the last", receiver.recv()).await.unwrap()), "last");
    within("the end", receiver.detached()).await;
}

/// The container goes: links to it end, and what was under way is told.
async fn ends(container: &Connection, client: &Connection, to: &str, out: &str) {
    let (sender, _taking) = sending(container, client, to).await;
    let (_giving, mut receiver) = receiving(container, client, out).await;
    let pending = sender.send_start(text("never settled"), false).await.unwrap();
    container.close();
    let outcome = within("the outcome", pending).await;
    assert!(!matches!(outcome, Ok(Outcome::Accepted)), "{outcome:?}");
    let told = within("the end of the sender", sender.detached()).await;
    assert!(matches!(told, LinkError::Detached(_)), "{told:?}");
    let told = within("the end of the receiver", receiver.recv()).await.unwrap_err();
    assert!(matches!(told, LinkError::Detached(_)), "{told:?}");
    println!("  ends");
}
