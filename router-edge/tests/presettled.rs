//! Pre-settled messages: held back by credit, passed to another consumer, dropped only by policy, and every loss
//! counted with its reason.

#![allow(clippy::unwrap_used, reason = "helpers of tests: failures are their purpose")]

mod support;

use iofog_amqp::{Body, Message, Properties, SenderSettleMode, Value};
use iofog_amqp_client::{Address, Connection, Receiver, ReceiverOptions, SenderOptions};
use iofog_router::core::DropReason;
use iofog_router::{RouterConfig, RouterHandle, RuntimeOptions, start};
use support::{
    anonymous, body, client, interior, receiver, run, sender, settle, text, text_to, until,
};

fn lost(router: &RouterHandle, reason: DropReason) -> u64 {
    router.status().presettled_drops.of(reason)
}

async fn without_credit(connection: &Connection, source: &str) -> Receiver {
    let options =
        ReceiverOptions { initial_credit: 0, auto_credit: false, ..ReceiverOptions::from(source) };
    connection.receiver(options).await.unwrap()
}

#[test]
fn what_waits_for_a_consumer_that_goes_is_given_to_another() {
    run(async {
        let router = interior("A").await;
        let (one, two, three) =
            (client(&router).await, client(&router).await, client(&router).await);
        let first = without_credit(&two, "q").await;
        let sender = sender(&one, "q").await;
        for n in 0..100 {
            sender.send_start(text(&n.to_string()), true).await.unwrap();
        }
        until(|| router.status().deliveries_ingress == 100).await;
        let mut second = receiver(&three, "q").await;
        drop(first);
        for n in 0..100 {
            assert_eq!(body(&second.recv().await.unwrap()), n.to_string());
        }
        assert_eq!(router.status().presettled_drops.total(), 0);
    });
}

#[test]
fn what_nobody_else_takes_is_counted() {
    run(async {
        let router = interior("A").await;
        let (one, two) = (client(&router).await, client(&router).await);
        let consumer = without_credit(&two, "q").await;
        let sender = sender(&one, "q").await;
        for _ in 0..7 {
            sender.send_start(text("x"), true).await.unwrap();
        }
        until(|| router.status().deliveries_ingress == 7).await;
        drop(consumer);
        until(|| lost(&router, DropReason::ReceiverGone) == 7).await;
        assert_eq!(router.status().presettled_drops.total(), 7);
    });
}

#[test]
fn producers_that_settle_lose_their_credit_with_the_last_consumer_and_nothing_else() {
    run(async {
        let router = interior("A").await;
        let (one, two) = (client(&router).await, client(&router).await);
        let options =
            SenderOptions { settle_mode: SenderSettleMode::Settled, ..SenderOptions::to("q") };
        let sender = one.sender(options).await.unwrap();
        let mut got = 0;
        for round in 0..5 {
            let mut consumer = receiver(&two, "q").await;
            sender.ready().await.unwrap();
            until(|| sender.credit() == 250).await;
            for _ in 0..20 {
                sender.send_start(text("x"), true).await.unwrap();
            }
            for _ in 0..20 {
                consumer.recv().await.unwrap();
                got += 1;
            }
            drop(consumer);
            until(|| sender.credit() == 0).await;
            assert_eq!(got, 20 * (round + 1));
        }
        assert_eq!(router.status().presettled_drops.total(), 0);
    });
}

#[test]
fn a_message_that_comes_too_late_is_counted_and_ends_the_credit() {
    run(async {
        let router = interior("A").await;
        let (one, two) = (client(&router).await, client(&router).await);
        let sender = sender(&one, "q").await;
        let consumer = receiver(&two, "q").await;
        sender.ready().await.unwrap();
        drop(consumer);
        until(|| router.status().links == 1).await;
        sender.send_start(text("too late"), true).await.unwrap();
        until(|| lost(&router, DropReason::NoPath) == 1).await;
        until(|| sender.credit() == 0).await;
        let mut consumer = receiver(&two, "q").await;
        until(|| sender.credit() == 250).await;
        sender.send_start(text("in time"), true).await.unwrap();
        assert_eq!(body(&consumer.recv().await.unwrap()), "in time");
        assert_eq!(router.status().presettled_drops.total(), 1);
    });
}

#[test]
fn policy_drop_keeps_the_newest_and_the_producer_going() {
    run(async {
        let config = "router {\n mode: interior\n id: A\n}\n\
            listener {\n name: normal\n host: 127.0.0.1\n port: 0\n}\n\
            listener {\n name: http\n host: 127.0.0.1\n port: 0\n http: true\n}\n\
            address {\n prefix: live\n presettledOverflow: drop\n}\n";
        let config = RouterConfig::from_text(config).unwrap();
        let router = start(config, RuntimeOptions::default()).await.unwrap();
        let (one, two) = (client(&router).await, client(&router).await);
        let mut consumer = without_credit(&two, "live/x").await;
        let mut patient = without_credit(&two, "held").await;
        let (live, held) = (sender(&one, "live/x").await, sender(&one, "held").await);
        for n in 0..1_000 {
            live.send_start(text(&n.to_string()), true).await.unwrap();
        }
        for n in 0..250 {
            held.send_start(text(&n.to_string()), true).await.unwrap();
        }
        until(|| router.status().deliveries_ingress == 1_250).await;
        settle().await;
        assert_eq!(lost(&router, DropReason::Overflow), 875);
        consumer.grant(1_000);
        for n in 875..1_000 {
            assert_eq!(body(&consumer.recv().await.unwrap()), n.to_string());
        }
        patient.grant(1_000);
        for n in 0..250 {
            assert_eq!(body(&patient.recv().await.unwrap()), n.to_string());
        }
        assert_eq!(router.status().presettled_drops.total(), 875);
        assert_eq!(shown(&two, "droppedPresettledOverflow").await, Some(875));
        assert_eq!(shown(&two, "droppedPresettledDeliveries").await, Some(875));
        let metrics = metrics(&router).await;
        for line in [
            "iofog_router_dropped_presettled_total{reason=\"overflow\"} 875",
            "iofog_router_dropped_presettled_total{reason=\"no-path\"} 0",
            "qdr_dropped_presettled_deliveries_total 875",
        ] {
            assert!(metrics.lines().any(|found| found == line), "{line} in {metrics}");
        }
    });
}

#[test]
fn what_cannot_be_forwarded_is_counted() {
    run(async {
        let router = interior("A").await;
        let connection = client(&router).await;
        let sender = anonymous(&connection).await;
        sender.send_start(text("no address"), true).await.unwrap();
        until(|| lost(&router, DropReason::Refused) == 1).await;
        sender.send_start(text_to("nobody", "x"), true).await.unwrap();
        until(|| lost(&router, DropReason::NoPath) == 1).await;
    });
}

async fn metrics(router: &RouterHandle) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listeners = router.status().listeners;
    let address = listeners.iter().find(|(name, _)| name == "http").unwrap().1;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// An attribute of the router as management shows it.
async fn shown(connection: &Connection, attribute: &str) -> Option<u64> {
    let mut replies = connection.receiver(ReceiverOptions::from(Address::Dynamic)).await.unwrap();
    let request = Message {
        properties: Some(Properties {
            to: Some("$management".to_owned()),
            reply_to: Some(replies.address().unwrap().to_owned()),
            ..Properties::default()
        }),
        application_properties: vec![
            ("operation".into(), "QUERY".into()),
            ("entityType".into(), "org.apache.qpid.dispatch.router".into()),
        ],
        body: Body::Value(Value::Map(vec![(
            "attributeNames".into(),
            Value::List(vec![attribute.into()]),
        )])),
        ..Message::default()
    };
    let sender = anonymous(connection).await;
    sender.send_start(request.encode(), true).await.unwrap();
    let reply = Message::decode(&replies.recv().await.unwrap().message).unwrap();
    let Body::Value(Value::Map(map)) = reply.body else { return None };
    let results = map.iter().find(|(key, _)| key.as_str() == Some("results"))?;
    results.1.as_list()?.first()?.as_list()?.first()?.as_u64()
}
