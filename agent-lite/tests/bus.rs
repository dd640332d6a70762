//! The message bus over real Routers: inside a node, across nodes, while the network fails.

#[cfg(test)]
mod bus_support;

use bus_support::{Node, content, message, router, run, until};
use iofog_agent::context::RouterAccess;
use iofog_amqp::{Body, Message, Value};
use iofog_amqp_client::{Connection, ConnectionOptions, Outcome, ReceiverOptions, SenderOptions};
use iofog_iomessage::IoMessage;
use iofog_router::config::{Mode, Role};

#[test]
fn messages_inside_of_a_node_need_no_router() {
    run(async {
        let node = Node::new("inside");
        node.microservices(&[("a", &["b"]), ("b", &[])]);
        node.context.set_router(RouterAccess::Tcp { host: "127.0.0.1".into(), port: 1 });
        let mut incoming = node.bus.subscribe(&"b".into());
        for n in 0..200 {
            node.bus.publish(message("a", n)).await.unwrap();
            if n % 2 == 1 {
                for expected in [n - 1, n] {
                    let (token, payload) = incoming.next().await.unwrap();
                    assert_eq!(content(&payload), expected);
                    incoming.acknowledge(token);
                }
            }
        }
        until(|| node.bus.status().pending == 0).await;
        assert_eq!(node.bus.status().ledger.delivered, 200);
    });
}

#[test]
fn messages_travel_from_node_to_node() {
    run(async {
        let interior = router(Mode::Interior, "interior", &[Role::Edge]).await;
        let (first, second) =
            (bus_support::edge("e1", &interior).await, bus_support::edge("e2", &interior).await);
        let (left, right) = (Node::new("left"), Node::new("right"));
        left.microservices(&[("a", &["far"])]);
        right.microservices(&[("far", &[])]);
        left.use_router(&first);
        right.use_router(&second);
        let mut incoming = right.bus.subscribe(&"far".into());
        let sending = async {
            for n in 0..100 {
                left.bus.publish(message("a", n)).await.unwrap();
            }
        };
        let receiving = async {
            for n in 0..100 {
                let (token, payload) = incoming.next().await.unwrap();
                assert_eq!(content(&payload), n);
                incoming.acknowledge(token);
            }
        };
        tokio::join!(sending, receiving);
        until(|| left.bus.status().pending == 0).await;
    });
}

#[test]
fn a_receiver_that_moves_gets_everything_in_order() {
    run(async {
        let interior = router(Mode::Interior, "interior", &[Role::Edge]).await;
        let (first, second) =
            (bus_support::edge("e1", &interior).await, bus_support::edge("e2", &interior).await);
        let (left, right) = (Node::new("move-left"), Node::new("move-right"));
        let here: &[(&str, &[&str])] = &[("a", &["far"]), ("far", &[])];
        let (left, right) = (&left, &right);
        left.microservices(&here[..1]);
        right.microservices(&here[1..]);
        left.use_router(&first);
        right.use_router(&second);
        let mut next = 0;
        // There, here, there again; each time some are under way and not consumed.
        for (round, at) in [right, left, right].into_iter().enumerate() {
            if at.context.consumers().is_empty() {
                let is_left = std::ptr::eq(at, left);
                left.microservices(if is_left { here } else { &here[..1] });
                right.microservices(if is_left { &[] } else { &here[1..] });
            }
            let mut incoming = at.bus.subscribe(&"far".into());
            let round = u32::try_from(round).unwrap();
            for n in round * 40..(round + 1) * 40 {
                left.bus.publish(message("a", n)).await.unwrap();
            }
            let until_here = if round == 2 { 120 } else { round * 40 + 20 };
            while next < until_here {
                let (token, payload) = incoming.next().await.unwrap();
                assert_eq!(content(&payload), next, "in order, none missing");
                incoming.acknowledge(token);
                next += 1;
            }
            until(|| left.bus.status().ledger.delivered == u64::from(next)).await;
        }
        assert_eq!(left.bus.status().pending, 0);
    });
}

#[test]
fn nothing_accepted_is_lost_when_the_network_is_cut() {
    run(async {
        let interior = router(Mode::Interior, "interior", &[Role::Edge]).await;
        let port = bus_support::port(&interior, Role::Edge);
        let (first, second) =
            (bus_support::edge("e1", &interior).await, bus_support::edge("e2", &interior).await);
        let (left, right) = (Node::new("cut-left"), Node::new("cut-right"));
        left.microservices(&[("a", &["far"])]);
        right.microservices(&[("far", &[])]);
        left.use_router(&first);
        right.use_router(&second);
        let mut incoming = right.bus.subscribe(&"far".into());
        let mut next = 0;
        let mut interior = Some(interior);
        for n in 0..120 {
            left.bus.publish(message("a", n)).await.unwrap();
            if n == 40 {
                interior.take().unwrap().shutdown().await;
            }
            if n == 80 {
                interior = Some(bus_support::router_at("interior", port).await);
            }
            while n < 30 && next <= n {
                let (token, payload) = incoming.next().await.unwrap();
                assert_eq!(content(&payload), next);
                next += 1;
                incoming.acknowledge(token);
            }
        }
        while next < 120 {
            let (token, payload) = incoming.next().await.unwrap();
            assert_eq!(content(&payload), next, "in order, none missing, none twice");
            next += 1;
            incoming.acknowledge(token);
        }
        until(|| left.bus.status().pending == 0).await;
        let ledger = left.bus.status().ledger;
        assert_eq!((ledger.accepted, ledger.delivered), (120, 120));
    });
}

#[test]
fn messages_accepted_before_there_is_a_router_are_delivered_later() {
    run(async {
        let node = Node::new("later");
        node.microservices(&[("a", &["b", "far"]), ("b", &[])]);
        node.context.set_router(RouterAccess::Tcp { host: "127.0.0.1".into(), port: 1 });
        for n in 0..10 {
            node.bus.publish(message("a", n)).await.unwrap();
        }
        assert_eq!(node.bus.status().pending, 20);
        let edge = router(Mode::Edge, "edge", &[]).await;
        node.use_router(&edge);
        let mut incoming = node.bus.subscribe(&"b".into());
        for n in 0..10 {
            let (token, payload) = incoming.next().await.unwrap();
            assert_eq!(content(&payload), n);
            incoming.acknowledge(token);
        }
        until(|| node.bus.status().pending == 10).await;
    });
}

#[test]
fn foreign_agents_are_understood_and_see_the_documented_form() {
    run(async {
        let edge = router(Mode::Edge, "edge", &[]).await;
        let node = Node::new("foreign");
        node.microservices(&[("a", &["java"]), ("b", &[])]);
        node.use_router(&edge);
        let stream = Box::new(edge.connect_local());
        let java = Connection::open(stream, ConnectionOptions::default()).await.unwrap();
        let mut receiver = java.receiver(ReceiverOptions::from("java")).await.unwrap();
        let (sent, delivery) = tokio::join!(node.bus.publish(message("a", 5)), async {
            receiver.recv().await.unwrap()
        });
        let seen = Message::decode(&delivery.message).unwrap();
        assert_eq!(seen.message_annotation("x-opt-jms-msg-type"), Some(&Value::Byte(5)));
        assert_eq!(seen.message_annotation("x-opt-jms-dest"), Some(&Value::Byte(0)));
        let properties = seen.properties.unwrap();
        assert_eq!(properties.to.as_deref(), Some("java"));
        let Body::Value(Value::String(json)) = &seen.body else { panic!("{:?}", seen.body) };
        let read = IoMessage::from_json(json.as_bytes()).unwrap();
        assert_eq!((read.id, read.publisher.as_str()), (sent.unwrap().id, "a"));
        delivery.accept();
        until(|| node.bus.status().ledger.delivered == 1).await;

        let sender = java.sender(SenderOptions::to("b")).await.unwrap();
        let mut incoming = node.bus.subscribe(&"b".into());
        let good = IoMessage { id: "j1".into(), ..message("java", 6) };
        let json = good.to_json().replace("\"version\":4", "\"version\":0");
        let sending = sender.send(Message::value(Value::from(json)).encode());
        let (outcome, ()) = tokio::join!(sending, async {
            let (token, payload) = incoming.next().await.unwrap();
            assert_eq!(content(&payload), 6);
            incoming.acknowledge(token);
        });
        assert_eq!(outcome.unwrap(), Outcome::Accepted);
        let bad = sender.send(Message::value(Value::from("nonsense".to_owned())).encode()).await;
        assert!(matches!(bad.unwrap(), Outcome::Rejected(Some(_))));
    });
}

#[test]
fn routes_change_while_the_bus_runs() {
    run(async {
        let edge = router(Mode::Edge, "edge", &[]).await;
        let node = Node::new("routes");
        node.microservices(&[("a", &[]), ("b", &[])]);
        node.use_router(&edge);
        node.bus.publish(message("a", 0)).await.unwrap();
        node.microservices(&[("a", &["b"]), ("b", &[])]);
        let mut incoming = node.bus.subscribe(&"b".into());
        node.bus.publish(message("a", 1)).await.unwrap();
        let (token, payload) = incoming.next().await.unwrap();
        assert_eq!(content(&payload), 1);
        incoming.acknowledge(token);
        until(|| node.bus.status().pending == 0).await;
        assert_eq!(node.bus.status().ledger.without_route, 1);
    });
}
