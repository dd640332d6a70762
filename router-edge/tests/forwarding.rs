//! One router: outcomes, credit, settlement, dynamic and anonymous addressing, large messages.

mod support;

use bytes::Bytes;
use iofog_amqp::{Error, Message, condition};
use iofog_amqp_client::{Address, LinkError, Outcome, ReceiverOptions};
use iofog_router::config::Mode;
use support::{
    anonymous, body, client, interior, local_client, receiver, run, sender, settle, text, text_to,
    until,
};

#[test]
fn outcomes_pass_through() {
    run(async {
        let router = interior("A").await;
        let (one, two) = (client(&router).await, client(&router).await);
        let mut receiver = receiver(&two, "q").await;
        let sender = sender(&one, "q").await;
        tokio::task::spawn_local(async move {
            receiver.recv().await.unwrap().accept();
            let error = Error::new(condition::NOT_ALLOWED, "no");
            receiver.recv().await.unwrap().reject(error);
            receiver.recv().await.unwrap().release();
            receiver.recv().await.unwrap().modify(true, true);
            std::future::pending::<()>().await;
        });
        assert_eq!(sender.send(text("1")).await.unwrap(), Outcome::Accepted);
        let Outcome::Rejected(Some(error)) = sender.send(text("2")).await.unwrap() else {
            panic!("not rejected")
        };
        assert_eq!(error.condition, condition::NOT_ALLOWED);
        assert_eq!(sender.send(text("3")).await.unwrap(), Outcome::Released);
        let modified = Outcome::Modified { delivery_failed: true, undeliverable_here: true };
        assert_eq!(sender.send(text("4")).await.unwrap(), modified);
    });
}

#[test]
fn messages_are_not_altered_and_keep_their_order() {
    run(async {
        let router = interior("A").await;
        let (one, two) = (client(&router).await, local_client(&router).await);
        let mut receiver = receiver(&two, "q").await;
        let sender = sender(&one, "q").await;
        let mut pending = Vec::new();
        for n in 0..1_000 {
            let payload = text_to("elsewhere", &n.to_string());
            pending.push(sender.send_start(payload.clone(), false).await.unwrap());
            if n % 10 == 9 {
                for m in n - 9..=n {
                    let delivery = receiver.recv().await.unwrap();
                    assert_eq!(delivery.message, text_to("elsewhere", &m.to_string()));
                    delivery.accept();
                }
            }
        }
        for outcome in pending {
            assert_eq!(outcome.await.unwrap(), Outcome::Accepted);
        }
    });
}

#[test]
fn no_credit_until_a_consumer_exists_and_again_when_it_goes() {
    run(async {
        let router = interior("A").await;
        let connection = client(&router).await;
        let sender = sender(&connection, "q").await;
        settle().await;
        assert_eq!(sender.credit(), 0);
        let other = client(&router).await;
        let consumer = receiver(&other, "q").await;
        sender.ready().await.unwrap();
        assert_eq!(sender.credit(), 250);
        drop(consumer);
        // What is sent on the credit that is left comes back.
        assert_eq!(sender.send(text("x")).await.unwrap(), Outcome::Released);
    });
}

#[test]
fn a_consumer_that_goes_leaves_failed_or_released() {
    run(async {
        let router = interior("A").await;
        let (one, two) = (client(&router).await, client(&router).await);
        let options =
            ReceiverOptions { initial_credit: 1, auto_credit: false, ..ReceiverOptions::from("q") };
        let mut consumer = two.receiver(options).await.unwrap();
        let sender = sender(&one, "q").await;
        let sent = sender.send_start(text("sent"), false).await.unwrap();
        let queued = sender.send_start(text("queued"), false).await.unwrap();
        let delivery = consumer.recv().await.unwrap();
        two.close();
        let failed = Outcome::Modified { delivery_failed: true, undeliverable_here: false };
        assert_eq!(sent.await.unwrap(), failed);
        assert_eq!(queued.await.unwrap(), Outcome::Released);
        drop(delivery);
    });
}

#[test]
fn a_producer_that_goes_does_not_take_its_complete_messages_along() {
    run(async {
        let router = interior("A").await;
        let (one, two) = (client(&router).await, client(&router).await);
        let options =
            ReceiverOptions { initial_credit: 0, auto_credit: false, ..ReceiverOptions::from("q") };
        let mut consumer = two.receiver(options).await.unwrap();
        let sender = sender(&one, "q").await;
        let _pending = sender.send_start(text("last words"), false).await.unwrap();
        until(|| router.status().deliveries_ingress == 1).await;
        one.close();
        until(|| router.status().connections == 1).await;
        consumer.grant(1);
        let delivery = consumer.recv().await.unwrap();
        assert_eq!(body(&delivery), "last words");
        delivery.accept();
    });
}

#[test]
fn presettled_messages_wait_for_a_slow_consumer() {
    run(async {
        let router = interior("A").await;
        let (one, two) = (client(&router).await, client(&router).await);
        let options =
            ReceiverOptions { initial_credit: 5, auto_credit: false, ..ReceiverOptions::from("q") };
        let mut consumer = two.receiver(options).await.unwrap();
        let sender = sender(&one, "q").await;
        let producing = tokio::task::spawn_local(async move {
            for n in 0..2_000 {
                sender.send_start(text(&n.to_string()), true).await.unwrap();
            }
            sender
        });
        for n in 0..2_000 {
            let delivery = consumer.recv().await.unwrap();
            assert!(delivery.settled);
            assert_eq!(body(&delivery), n.to_string());
            if n % 5 == 4 {
                consumer.grant(5);
            }
        }
        producing.await.unwrap();
    });
}

#[test]
fn drain_is_answered_at_once_and_again_and_again() {
    run(async {
        let router = interior("A").await;
        let connection = client(&router).await;
        let options =
            ReceiverOptions { initial_credit: 0, auto_credit: false, ..ReceiverOptions::from("q") };
        let mut consumer = connection.receiver(options).await.unwrap();
        for _ in 0..500 {
            consumer.grant(1_000);
            consumer.drain().await;
            assert_eq!(consumer.credit(), 0);
        }
        let other = client(&router).await;
        let sender = sender(&other, "q").await;
        let pending = sender.send_start(text("after"), false).await.unwrap();
        until(|| router.status().deliveries_ingress == 1).await;
        consumer.grant(1_000);
        consumer.drain().await;
        let delivery = consumer.recv().await.unwrap();
        assert_eq!(body(&delivery), "after");
        delivery.accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
    });
}

#[test]
fn anonymous_senders_name_the_address_in_each_message() {
    run(async {
        let router = interior("A").await;
        let connection = client(&router).await;
        let mut a = receiver(&connection, "a").await;
        let mut b = receiver(&connection, "b").await;
        let sender = anonymous(&connection).await;
        let to_b = sender.send_start(text_to("b", "for b"), false).await.unwrap();
        let to_a = sender.send_start(text_to("amqp://host/a", "for a"), false).await.unwrap();
        let delivery = a.recv().await.unwrap();
        assert_eq!(body(&delivery), "for a");
        delivery.accept();
        let delivery = b.recv().await.unwrap();
        assert_eq!(body(&delivery), "for b");
        delivery.accept();
        assert_eq!(to_a.await.unwrap(), Outcome::Accepted);
        assert_eq!(to_b.await.unwrap(), Outcome::Accepted);
        assert_eq!(sender.send(text_to("c", "nobody")).await.unwrap(), Outcome::Released);
        let lost = sender.send(text("no address")).await.unwrap();
        assert!(matches!(lost, Outcome::Rejected(Some(_))), "{lost:?}");
    });
}

#[test]
fn dynamic_sources_have_addresses_to_reply_to() {
    run(async {
        for mode in [Mode::Interior, Mode::Edge, Mode::Standalone] {
            let router = support::router(mode, "R1", &[iofog_router::config::Role::Normal]).await;
            let connection = client(&router).await;
            let options = ReceiverOptions::from(Address::Dynamic);
            let mut replies = connection.receiver(options).await.unwrap();
            let address = replies.address().unwrap().to_owned();
            let prefix =
                if mode == Mode::Edge { "amqp:/_edge/R1/temp." } else { "amqp:/_topo/0/R1/temp." };
            assert!(address.starts_with(prefix), "{address}");
            let sender = anonymous(&connection).await;
            let pending = sender.send_start(text_to(&address, "reply"), false).await.unwrap();
            replies.recv().await.unwrap().accept();
            assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        }
    });
}

#[test]
fn balanced_consumers_share_the_work() {
    run(async {
        let router = interior("A").await;
        let connection = client(&router).await;
        let mut consumers = Vec::new();
        for _ in 0..3 {
            consumers.push(receiver(&connection, "work").await);
        }
        let sender = sender(&connection, "work").await;
        let mut pending = Vec::new();
        for n in 0..30 {
            pending.push(sender.send_start(text(&n.to_string()), false).await.unwrap());
        }
        for consumer in &mut consumers {
            for _ in 0..10 {
                consumer.recv().await.unwrap().accept();
            }
        }
        for outcome in pending {
            assert_eq!(outcome.await.unwrap(), Outcome::Accepted);
        }
    });
}

#[test]
fn multicast_reaches_everyone_and_combines_outcomes() {
    run(async {
        let text_config = "router {\n mode: interior\n id: A\n}\n\
            listener {\n name: normal\n host: 127.0.0.1\n port: 0\n}\n\
            address {\n prefix: all\n distribution: multicast\n}\n";
        let config = iofog_router::RouterConfig::from_text(text_config).unwrap();
        let options = iofog_router::RuntimeOptions::default();
        let router = iofog_router::start(config, options).await.unwrap();
        let connection = client(&router).await;
        let mut one = receiver(&connection, "all/x").await;
        let mut two = receiver(&connection, "all/x").await;
        let sender = sender(&connection, "all/x").await;
        let pending = sender.send_start(text("m"), false).await.unwrap();
        one.recv().await.unwrap().accept();
        two.recv().await.unwrap().release();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        let pending = sender.send_start(text("m"), false).await.unwrap();
        one.recv().await.unwrap().reject(Error::new(condition::NOT_ALLOWED, ""));
        two.recv().await.unwrap().accept();
        assert!(matches!(pending.await.unwrap(), Outcome::Rejected(_)));
    });
}

#[test]
fn large_messages_stream_through_in_pieces() {
    run(async {
        let router = interior("A").await;
        let (one, two) = (client(&router).await, client(&router).await);
        let options = ReceiverOptions {
            stream_buffer: 256 * 1024,
            max_message_size: 128 * 1024 * 1024,
            ..ReceiverOptions::from("big")
        };
        let mut receiver = two.receiver(options).await.unwrap();
        let sender = sender(&one, "big").await;
        let total: usize = 64 * 1024 * 1024;
        let producing = tokio::task::spawn_local(async move {
            let piece = Bytes::from(vec![7_u8; 64 * 1024]);
            let mut stream = sender.send_stream().await.unwrap();
            // A data section with a 32-bit length.
            let length = u32::try_from(total).unwrap().to_be_bytes();
            let mut head = b"\x00\x53\x75\xb0".to_vec();
            head.extend_from_slice(&length);
            stream.write(head.into()).await.unwrap();
            for _ in 0..total / piece.len() {
                stream.write(piece.clone()).await.unwrap();
            }
            let outcome = stream.finish().await.unwrap().await.unwrap();
            assert_eq!(outcome, Outcome::Accepted);
        });
        let mut stream = receiver.recv_stream().await.unwrap();
        let mut received = 0;
        while let Some(piece) = stream.next().await.unwrap() {
            received += piece.len();
        }
        assert_eq!(received, total + 8);
        producing.await.unwrap();
    });
}

#[test]
fn addresses_of_routers_and_unknown_termini_are_refused() {
    run(async {
        let router = interior("A").await;
        let connection = client(&router).await;
        for source in ["_$qd.edge_addr_tracking", "_topo/0/other/x"] {
            let refused = connection.receiver(ReceiverOptions::from(source)).await;
            assert!(matches!(refused, Err(LinkError::Detached(_))), "{source}");
        }
        // The connection is none the worse for it.
        let mut consumer = receiver(&connection, "q").await;
        let sender = sender(&connection, "q").await;
        let pending = sender.send_start(text("x"), false).await.unwrap();
        let delivery = consumer.recv().await.unwrap();
        assert!(Message::decode(&delivery.message).is_ok());
        delivery.accept();
        pending.await.unwrap();
    });
}
