//! Links between routers carry the messages of many senders: receivers that take their time to settle must not
//! use up what all others need.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test support: failures are its purpose")]

mod support;

use iofog_amqp_client::{Address, Outcome, ReceiverOptions};
use iofog_router::RouterHandle;
use iofog_router::config::Role;
use support::{client, connect, edge, interior, port, run, sender, text, until};

/// Several times the credit of a link stays unsettled at receivers behind `far`, and others are served.
async fn slow_settlers(near: &RouterHandle, far: &RouterHandle) {
    let (one, two) = (client(near).await, client(far).await);
    let dynamic = |credit| ReceiverOptions {
        source: Address::Dynamic,
        initial_credit: credit,
        auto_credit: false,
        ..ReceiverOptions::default()
    };
    let (mut links, mut pending, mut held) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..4 {
        let mut slow = two.receiver(dynamic(200)).await.unwrap();
        let to_slow = sender(&one, slow.address().unwrap()).await;
        for n in 0..200 {
            pending.push(to_slow.send_start(text(&n.to_string()), false).await.unwrap());
        }
        for _ in 0..200 {
            held.push(slow.recv().await.unwrap());
        }
        links.push((slow, to_slow));
    }
    let mut honest = two.receiver(dynamic(10)).await.unwrap();
    let to_honest = sender(&one, honest.address().unwrap()).await;
    for _ in 0..10 {
        let outcome = to_honest.send_start(text("x"), false).await.unwrap();
        honest.recv().await.unwrap().accept();
        assert_eq!(outcome.await.unwrap(), Outcome::Accepted);
    }
    held.into_iter().for_each(iofog_amqp_client::Delivery::accept);
    for outcome in pending {
        assert_eq!(outcome.await.unwrap(), Outcome::Accepted);
    }
}

#[test]
fn slow_settlers_hold_up_no_one_over_an_uplink_and_a_downlink() {
    run(async {
        let top = interior("top").await;
        let edge = edge("edge", &top).await;
        slow_settlers(&edge, &top).await;
        slow_settlers(&top, &edge).await;
    });
}

#[test]
fn slow_settlers_hold_up_no_one_between_interiors() {
    run(async {
        let (a, b) = (interior("A").await, interior("B").await);
        connect(&a, "b", Role::InterRouter, port(&b, Role::InterRouter)).await;
        until(|| a.status().routers == 1 && b.status().routers == 1).await;
        slow_settlers(&a, &b).await;
    });
}
