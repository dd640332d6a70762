//! Several routers: edges below interiors, interiors among each other, links that are cut.

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use iofog_amqp_client::{Address, Outcome, ReceiverOptions};
use iofog_router::config::{Mode, Role};
use support::{
    anonymous, body, client, connect, edge, interior, port, receiver, router, run, sender, settle,
    text, text_to, until,
};

#[test]
fn edge_to_edge_over_an_interior() {
    run(async {
        let top = interior("top").await;
        let (left, right) = (edge("left", &top).await, edge("right", &top).await);
        let (one, two) = (client(&left).await, client(&right).await);
        let sender = sender(&one, "q").await;
        settle().await;
        assert_eq!(sender.credit(), 0, "no consumer anywhere");
        let mut receiver = receiver(&two, "q").await;
        for n in 0..1_000 {
            let payload = text(&n.to_string());
            let pending = sender.send_start(payload.clone(), false).await.unwrap();
            let delivery = receiver.recv().await.unwrap();
            assert_eq!(delivery.message, payload, "the message arrives as it was sent");
            delivery.accept();
            assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        }
    });
}

#[test]
fn edge_to_edge_over_two_interiors() {
    run(async {
        let (a, b) = (interior("A").await, interior("B").await);
        connect(&a, "b", Role::InterRouter, port(&b, Role::InterRouter)).await;
        let (left, right) = (edge("left", &a).await, edge("right", &b).await);
        let (one, two) = (client(&left).await, client(&right).await);
        let mut receiver = receiver(&two, "q").await;
        let sender = sender(&one, "q").await;
        for n in 0..200 {
            let pending = sender.send_start(text(&n.to_string()), false).await.unwrap();
            let delivery = receiver.recv().await.unwrap();
            assert_eq!(body(&delivery), n.to_string());
            delivery.accept();
            assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        }
        assert_eq!(a.status().routers, 1);
    });
}

#[test]
fn request_and_reply_between_edges_use_dynamic_addresses() {
    run(async {
        let (a, b) = (interior("A").await, interior("B").await);
        connect(&a, "b", Role::InterRouter, port(&b, Role::InterRouter)).await;
        let (left, right) = (edge("left", &a).await, edge("right", &b).await);
        for (asker, answerer) in [(&left, &right), (&a, &right), (&left, &b), (&a, &b)] {
            let (asking, answering) = (client(asker).await, client(answerer).await);
            let mut replies =
                asking.receiver(ReceiverOptions::from(Address::Dynamic)).await.unwrap();
            let address = replies.address().unwrap().to_owned();
            let reply = anonymous(&answering).await;
            // The edge's name travels at most one tick after its uplink is there.
            loop {
                let pending = reply.send_start(text_to(&address, "r"), false).await.unwrap();
                match tokio::time::timeout(Duration::from_millis(500), replies.recv()).await {
                    Ok(delivery) => {
                        delivery.unwrap().accept();
                        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
                        break;
                    }
                    Err(_) => assert_eq!(pending.await.unwrap(), Outcome::Released),
                }
            }
        }
    });
}

#[test]
fn three_interiors_in_a_ring_deliver_once() {
    run(async {
        let (a, b, c) = (interior("A").await, interior("B").await, interior("C").await);
        connect(&a, "b", Role::InterRouter, port(&b, Role::InterRouter)).await;
        connect(&b, "c", Role::InterRouter, port(&c, Role::InterRouter)).await;
        connect(&c, "a", Role::InterRouter, port(&a, Role::InterRouter)).await;
        until(|| [&a, &b, &c].iter().all(|router| router.status().routers == 2)).await;
        let (one, two) = (client(&a).await, client(&c).await);
        let mut receiver = receiver(&two, "q").await;
        let sender = sender(&one, "q").await;
        for n in 0..100 {
            let pending = sender.send_start(text(&n.to_string()), false).await.unwrap();
            let delivery = receiver.recv().await.unwrap();
            assert_eq!(body(&delivery), n.to_string());
            delivery.accept();
            assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        }
        settle().await;
        assert!(receiver.try_recv().unwrap().is_none(), "no duplicates");
    });
}

#[test]
fn consumers_on_the_same_edge_do_not_need_the_interior() {
    run(async {
        let alone = router(Mode::Edge, "alone", &[Role::Normal]).await;
        let (one, two) = (client(&alone).await, client(&alone).await);
        let mut receiver = receiver(&two, "q").await;
        let sender = sender(&one, "q").await;
        let pending = sender.send_start(text("x"), false).await.unwrap();
        receiver.recv().await.unwrap().accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
    });
}

#[test]
fn messages_do_not_echo_to_the_edge_they_came_from() {
    run(async {
        let top = interior("top").await;
        let left = edge("left", &top).await;
        let connection = client(&left).await;
        let mut here = receiver(&connection, "q").await;
        let other = client(&top).await;
        let mut there = receiver(&other, "q").await;
        let sender = sender(&connection, "q").await;
        let mut counts = [0, 0];
        let mut pending = Vec::new();
        for n in 0..40 {
            pending.push(sender.send_start(text(&n.to_string()), false).await.unwrap());
        }
        while counts.iter().sum::<i32>() < 40 {
            if let Some(delivery) = here.try_recv().unwrap() {
                delivery.accept();
                counts[0] += 1;
            } else if let Some(delivery) = there.try_recv().unwrap() {
                delivery.accept();
                counts[1] += 1;
            } else {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        for outcome in pending {
            assert_eq!(outcome.await.unwrap(), Outcome::Accepted);
        }
        settle().await;
        assert!(here.try_recv().unwrap().is_none());
        assert!(there.try_recv().unwrap().is_none());
    });
}

/// The uplink is cut while a producer sends; whatever was accepted has arrived, and a local pair
/// never notices.
#[test]
fn a_cut_uplink_loses_no_accepted_message() {
    run(async {
        let top = interior("top").await;
        let left = edge("left", &top).await;
        let (one, two) = (client(&left).await, client(&top).await);
        let mut remote = receiver(&two, "far").await;
        let far = sender(&one, "far").await;
        let received = Rc::new(Cell::new(0_u32));
        let counting = Rc::clone(&received);
        let consumer = tokio::task::spawn_local(async move {
            loop {
                let Ok(delivery) = remote.recv().await else { return };
                counting.set(counting.get() + 1);
                delivery.accept();
            }
        });
        let accepted = Rc::new(Cell::new(0_u32));
        let counting = Rc::clone(&accepted);
        let producer = tokio::task::spawn_local(async move {
            loop {
                let Ok(outcome) = far.send(text("x")).await else { return };
                if outcome == Outcome::Accepted {
                    counting.set(counting.get() + 1);
                }
            }
        });
        let mut near = receiver(&one, "near").await;
        let near_sender = sender(&one, "near").await;
        until(|| accepted.get() > 100).await;
        for _ in 0..2 {
            // The connector goes and comes back.
            let mut config = left.config();
            let connectors = std::mem::take(&mut config.connectors);
            left.apply(config.clone()).await.unwrap();
            until(|| !left.status().uplink).await;
            let pending = near_sender.send_start(text("local"), false).await.unwrap();
            near.recv().await.unwrap().accept();
            assert_eq!(pending.await.unwrap(), Outcome::Accepted);
            config.connectors = connectors;
            left.apply(config).await.unwrap();
            until(|| left.status().uplink).await;
            let before = accepted.get();
            until(|| accepted.get() > before + 100).await;
        }
        producer.abort();
        settle().await;
        assert!(received.get() >= accepted.get(), "{} {}", received.get(), accepted.get());
        consumer.abort();
    });
}

#[test]
fn a_standby_uplink_takes_over() {
    run(async {
        let (a, b) = (interior("A").await, interior("B").await);
        connect(&a, "b", Role::InterRouter, port(&b, Role::InterRouter)).await;
        let left = edge("left", &a).await;
        connect(&left, "second", Role::Edge, port(&b, Role::Edge)).await;
        until(|| left.status().connectors.iter().all(|connector| connector.connected)).await;
        let (one, two) = (client(&left).await, client(&b).await);
        let mut receiver = receiver(&two, "q").await;
        let sender = sender(&one, "q").await;
        let pending = sender.send_start(text("over A"), false).await.unwrap();
        receiver.recv().await.unwrap().accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        a.shutdown().await;
        tokio::task::spawn_local(async move {
            loop {
                let Ok(delivery) = receiver.recv().await else { return };
                delivery.accept();
            }
        });
        // Until the standby is in use, messages come back.
        while sender.send(text("over B")).await.unwrap() != Outcome::Accepted {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
}

#[test]
fn an_address_that_the_interior_refuses_stays_local() {
    run(async {
        let text_config = "router {\n mode: interior\n id: top\n}\n\
            listener {\n name: normal\n host: 127.0.0.1\n port: 0\n}\n\
            listener {\n name: edge\n role: edge\n host: 127.0.0.1\n port: 0\n}\n\
            address {\n prefix: private\n distribution: unavailable\n}\n";
        let config = iofog_router::RouterConfig::from_text(text_config).unwrap();
        let top =
            iofog_router::start(config, iofog_router::RuntimeOptions::default()).await.unwrap();
        let left = edge("left", &top).await;
        let connection = client(&left).await;
        let mut receiver = receiver(&connection, "private/x").await;
        let sender = sender(&connection, "private/x").await;
        let pending = sender.send_start(text("local"), false).await.unwrap();
        receiver.recv().await.unwrap().accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        settle().await;
        // Refused links are not tried again and again.
        assert_eq!(top.status().links, 3);
        assert!(left.status().uplink);
    });
}

#[test]
fn proxy_links_go_with_the_last_client() {
    run(async {
        let top = interior("top").await;
        let left = edge("left", &top).await;
        let before = top.status().links;
        let (one, two) = (client(&left).await, client(&top).await);
        let mut far = receiver(&two, "q").await;
        let near = receiver(&one, "r").await;
        let sender = sender(&one, "q").await;
        sender.ready().await.unwrap();
        let pending = sender.send_start(text("on its way"), false).await.unwrap();
        let delivery = far.recv().await.unwrap();
        drop((near, sender, pending));
        one.close();
        until(|| left.status().connections == 1).await;
        delivery.accept();
        // One link is the consumer's at the top.
        until(|| top.status().links == before + 1).await;
        until(|| left.status().addresses <= 1).await;
    });
}

/// More than all windows and buffers on the way hold: the slow address stalls as it should.
#[test]
fn a_stalled_consumer_of_large_messages_does_not_stall_other_addresses() {
    run(async {
        const LARGE: u32 = 100;
        let top = interior("top").await;
        let left = edge("left", &top).await;
        let (one, two, three) = (client(&top).await, client(&left).await, client(&top).await);
        let options = ReceiverOptions {
            initial_credit: 0,
            auto_credit: false,
            ..ReceiverOptions::from("slow")
        };
        let mut slow = two.receiver(options).await.unwrap();
        let mut quick = receiver(&two, "quick").await;
        let to_slow = sender(&one, "slow").await;
        let to_quick = sender(&three, "quick").await;
        let large = text(&"x".repeat(400_000));
        let expected = large.clone();
        let done = Rc::new(Cell::new(0));
        let sent = Rc::clone(&done);
        let producing = tokio::task::spawn_local(async move {
            let mut waiting = Vec::new();
            for _ in 0..LARGE {
                waiting.push(to_slow.send_start(large.clone(), false).await.unwrap());
                sent.set(sent.get() + 1);
            }
            for pending in waiting {
                assert_eq!(pending.await.unwrap(), Outcome::Accepted);
            }
        });
        // Stalled: nothing more was taken for a while.
        loop {
            let before = done.get();
            settle().await;
            if before > 0 && done.get() == before {
                break;
            }
        }
        assert!(done.get() < LARGE, "buffers on the way are bounded");
        for _ in 0..100 {
            let pending = to_quick.send_start(text("small"), false).await.unwrap();
            quick.recv().await.unwrap().accept();
            assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        }
        slow.grant(LARGE);
        for _ in 0..LARGE {
            let delivery = slow.recv().await.unwrap();
            assert_eq!(delivery.message, expected);
            delivery.accept();
        }
        producing.await.unwrap();
    });
}
