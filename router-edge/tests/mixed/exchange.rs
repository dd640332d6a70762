//! What two clients of a network say to each other: every size, settlement, outcome and treatment.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use iofog_amqp::{Error, Message, condition};
use iofog_amqp_client::{
    Address, Connection, ConnectionOptions, Delivery, Outcome, Receiver, ReceiverOptions, Sender,
};
use tokio::net::TcpStream;

use crate::support::{anonymous, body, receiver, sender, text, text_to};

/// Longest wait for something that must come; only guards against hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everything, in both directions.
pub(crate) async fn both_ways(one: SocketAddr, two: SocketAddr) {
    for (from, to) in [(one, two), (two, one)] {
        println!("from {from} to {to}");
        // Addresses of its own: the consumers of the round before are not forgotten everywhere at once.
        let round = format!("{}-{}", from.port(), to.port());
        let (from, to) = (client(from).await, client(to).await);
        unicast(&from, &to, &format!("q.unicast.{round}")).await;
        outcomes(&from, &to, &format!("closest/outcomes/{round}")).await;
        presettled(&from, &to, &format!("q/presettled/{round}")).await;
        multicast(&from, &to, &format!("multicast/all/{round}")).await;
        request(&from, &to, &format!("q/service/{round}")).await;
    }
}

pub(crate) async fn client(to: SocketAddr) -> Connection {
    let stream = TcpStream::connect(to).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let options =
        ConnectionOptions { container_id: format!("client-{to}"), ..ConnectionOptions::default() };
    Connection::open(Box::new(stream), options).await.unwrap()
}

/// The next delivery; fails instead of hanging.
pub(crate) async fn next(receiver: &mut Receiver, what: &str) -> Delivery {
    match tokio::time::timeout(PATIENCE, receiver.recv()).await {
        Ok(delivery) => delivery.unwrap(),
        Err(_) => panic!("{what}: nothing arrives"),
    }
}

/// Hands a message over; fails instead of hanging.
pub(crate) async fn give(
    sender: &Sender,
    payload: Bytes,
    settled: bool,
    what: &str,
) -> impl Future<Output = Outcome> + use<> {
    let sent = sender.send_start(payload, settled);
    match tokio::time::timeout(PATIENCE, sent).await {
        Ok(pending) => {
            let pending = pending.unwrap();
            async move { pending.await.unwrap() }
        }
        Err(_) => panic!("{what}: no credit"),
    }
}

async fn unicast(from: &Connection, to: &Connection, address: &str) {
    let mut receiver = receiver(to, address).await;
    let sender = sender(from, address).await;
    for size in [0, 1, 100, 20_000, 200_000, 4_000_000, 10] {
        let what = format!("unicast of {size} bytes");
        let payload = text(&"x".repeat(size));
        let pending = give(&sender, payload.clone(), false, &what).await;
        let delivery = next(&mut receiver, &what).await;
        let (sent, got) = (Message::decode(&payload), Message::decode(&delivery.message));
        assert_eq!(got.unwrap(), sent.unwrap(), "{size}");
        delivery.accept();
        assert_eq!(pending.await, Outcome::Accepted);
    }
    println!("  unicast");
}

async fn outcomes(from: &Connection, to: &Connection, address: &str) {
    let mut receiver = receiver(to, address).await;
    let sender = sender(from, address).await;
    for round in 0..3 {
        let pending = give(&sender, text("x"), false, "outcomes").await;
        let delivery = next(&mut receiver, "outcomes").await;
        match round {
            0 => delivery.reject(Error::new(condition::NOT_ALLOWED, "no")),
            1 => delivery.release(),
            _ => delivery.modify(true, false),
        }
        let outcome = pending.await;
        match round {
            0 => assert!(matches!(outcome, Outcome::Rejected(_)), "{outcome:?}"),
            1 => assert_eq!(outcome, Outcome::Released),
            _ => assert!(matches!(outcome, Outcome::Modified { .. }), "{outcome:?}"),
        }
    }
    println!("  outcomes");
}

async fn presettled(from: &Connection, to: &Connection, address: &str) {
    let mut receiver = receiver(to, address).await;
    let sender = sender(from, address).await;
    for n in 0..200 {
        drop(give(&sender, text(&n.to_string()), true, "pre-settled").await);
    }
    for n in 0..200 {
        assert_eq!(body(&next(&mut receiver, "pre-settled").await), n.to_string());
    }
    println!("  pre-settled");
}

async fn multicast(from: &Connection, to: &Connection, address: &str) {
    let mut receivers =
        [receiver(to, address).await, receiver(to, address).await, receiver(from, address).await];
    let sender = sender(from, address).await;
    // The far consumers are known a moment after the near one, which alone gives credit.
    'known: loop {
        drop(give(&sender, text("ready?"), true, "multicast").await);
        for receiver in &mut receivers {
            match tokio::time::timeout(Duration::from_millis(500), receiver.recv()).await {
                Ok(delivery) => drop(delivery.unwrap()),
                Err(_) => continue 'known,
            }
        }
        break;
    }
    for n in 0..20 {
        drop(give(&sender, text(&n.to_string()), true, "multicast").await);
    }
    for receiver in &mut receivers {
        let mut expected = 0;
        while expected < 20 {
            let text = body(&next(receiver, "multicast").await);
            if text != "ready?" {
                assert_eq!(text, expected.to_string(), "once, in order");
                expected += 1;
            }
        }
    }
    println!("  multicast");
}

/// A request to a service whose reply goes to a dynamic address.
async fn request(from: &Connection, to: &Connection, address: &str) {
    let mut service = receiver(to, address).await;
    let ask = sender(from, address).await;
    let mut replies = from.receiver(ReceiverOptions::from(Address::Dynamic)).await.unwrap();
    let reply_to = replies.address().unwrap().to_owned();
    let answer = anonymous(to).await;
    let pending = give(&ask, text(&reply_to), false, "request").await;
    let question = next(&mut service, "request").await;
    let reply_address = body(&question);
    question.accept();
    assert_eq!(pending.await, Outcome::Accepted);
    loop {
        let pending = give(&answer, text_to(&reply_address, "answer"), false, "reply").await;
        match tokio::time::timeout(Duration::from_millis(500), replies.recv()).await {
            Ok(delivery) => {
                delivery.unwrap().accept();
                assert_eq!(pending.await, Outcome::Accepted);
                break;
            }
            // An edge's name travels for a moment.
            Err(_) => assert_eq!(pending.await, Outcome::Released),
        }
    }
    println!("  request and reply to {reply_address}");
}
