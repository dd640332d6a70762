//! Containers that the configuration names: link routes and auto links, in both syntaxes and both directions, and
//! by management.

#![allow(clippy::unwrap_used, reason = "helpers of tests: failures are their purpose")]

mod support;

use iofog_amqp::{Body, Error, Message, Properties, Value, condition};
use iofog_amqp_client::{
    Address, Connection, ConnectionOptions, IncomingLink, LinkError, Outcome, ReceiverOptions,
    SenderOptions,
};
use iofog_router::config::Role;
use iofog_router::{RouterConfig, RouterHandle, RuntimeOptions, start};
use support::{
    anonymous, body, client, connect, interior, port, receiver, run, sender, text, until,
};

const LISTENERS: &str = "listener {\n name: normal\n host: 127.0.0.1\n port: 0\n}\n\
    listener {\n name: route-container\n role: route-container\n host: 127.0.0.1\n port: 0\n}\n\
    listener {\n name: inter-router\n role: inter-router\n host: 127.0.0.1\n port: 0\n}\n";

async fn configured(entities: &str) -> RouterHandle {
    let text = format!("router {{\n mode: interior\n id: A\n}}\n{LISTENERS}{entities}");
    let config = RouterConfig::from_text(&text).unwrap();
    start(config, RuntimeOptions::default()).await.unwrap()
}

async fn container(router: &RouterHandle, id: &str) -> Connection {
    let stream = tokio::net::TcpStream::connect(port(router, Role::RouteContainer)).await.unwrap();
    let options = ConnectionOptions { container_id: id.to_owned(), ..ConnectionOptions::default() };
    Connection::open(Box::new(stream), options).await.unwrap()
}

fn target(link: &IncomingLink) -> Option<&str> {
    link.target()?.address.as_deref()
}

fn source(link: &IncomingLink) -> Option<&str> {
    link.source()?.address.as_deref()
}

/// Attaches a sender, which the container takes; one message passes.
async fn send_to(router: &RouterHandle, broker: &Connection, address: &str, there: &str) {
    let client = client(router).await;
    let options = SenderOptions::to(address);
    let attaching = tokio::task::spawn_local(async move {
        let sender = client.sender(options).await.unwrap();
        assert_eq!(sender.send(text("in")).await.unwrap(), Outcome::Accepted);
    });
    let link = broker.accept_link().await.unwrap();
    assert_eq!(target(&link), Some(there));
    let mut receiver = link.accept_receiver(10, true).unwrap();
    let delivery = receiver.recv().await.unwrap();
    assert_eq!(body(&delivery), "in");
    delivery.accept();
    attaching.await.unwrap();
}

async fn receive_from(router: &RouterHandle, broker: &Connection, address: &str, there: &str) {
    let client = client(router).await;
    let options = ReceiverOptions::from(address);
    let attaching = tokio::task::spawn_local(async move {
        let mut receiver = client.receiver(options).await.unwrap();
        let delivery = receiver.recv().await.unwrap();
        assert_eq!(body(&delivery), "out");
        delivery.accept();
        receiver
    });
    let link = broker.accept_link().await.unwrap();
    assert_eq!(source(&link), Some(there));
    let sender = link.accept_sender().unwrap();
    assert_eq!(sender.send(text("out")).await.unwrap(), Outcome::Accepted);
    drop(attaching.await.unwrap());
}

#[test]
fn configured_link_routes_lead_both_ways() {
    run(async {
        let router = configured(
            "linkRoute {\n prefix: brk\n direction: in\n containerId: broker\n}\n\
             linkRoute {\n pattern: brk/*/x\n dir: out\n connection: route-container\n}\n",
        )
        .await;
        let refused = client(&router).await.sender(SenderOptions::to("brk/q")).await.unwrap_err();
        let LinkError::Detached(Some(error)) = refused else { unreachable!("{refused:?}") };
        assert_eq!(error.condition, "qd:no-route-to-dest");
        let broker = container(&router, "broker").await;
        until(|| router.status().link_routes == 2).await;
        send_to(&router, &broker, "brk/q", "brk/q").await;
        receive_from(&router, &broker, "brk/q/x", "brk/q/x").await;
        broker.close();
        until(|| router.status().link_routes == 0).await;
        // It comes back, and so do its routes.
        let broker = container(&router, "broker").await;
        until(|| router.status().link_routes == 2).await;
        send_to(&router, &broker, "brk", "brk").await;
    });
}

#[test]
fn prefixes_are_added_and_taken_off_and_routes_are_known_elsewhere() {
    run(async {
        let json = r#"[["router", {"mode": "interior", "id": "A"}],
            ["listener", {"name": "normal", "host": "127.0.0.1", "port": 0}],
            ["listener", {"name": "inter-router", "role": "inter-router", "host": "127.0.0.1", "port": 0}],
            ["listener", {"name": "route-container", "role": "route-container", "host": "127.0.0.1", "port": "0"}],
            ["linkRoute", {"prefix": "ours", "direction": "in", "containerId": "broker",
                "delExternalPrefix": "ours/", "addExternalPrefix": "theirs."}],
            ["router.config.linkRoute", {"prefix": "ours", "direction": "out", "containerId": "broker"}]]"#;
        let config = RouterConfig::from_json(json).unwrap();
        let router = start(config, RuntimeOptions::default()).await.unwrap();
        let other = interior("B").await;
        connect(&other, "a", Role::InterRouter, port(&router, Role::InterRouter)).await;
        let broker = container(&router, "broker").await;
        until(|| router.status().link_routes == 2 && other.status().link_routes == 2).await;
        send_to(&router, &broker, "ours/q", "theirs.q").await;
        receive_from(&other, &broker, "ours/q", "ours/q").await;
    });
}

#[test]
fn auto_links_feed_and_drain_a_container() {
    run(async {
        let router = configured(
            "autoLink {\n name: feed\n address: to/broker\n direction: out\n containerId: broker\n \
             externalAddress: queue\n}\n\
             autoLink {\n name: drain\n addr: from/broker\n dir: in\n connection: route-container\n}\n",
        )
        .await;
        let connection = client(&router).await;
        let sender = sender(&connection, "to/broker").await;
        let mut receiver = receiver(&connection, "from/broker").await;
        for _ in 0..2 {
            assert_eq!(states(&connection).await, ["inactive", "inactive"]);
            let broker = container(&router, "broker").await;
            let (mut queue, mut source_of) = (None, None);
            for _ in 0..2 {
                let link = broker.accept_link().await.unwrap();
                match link.role() {
                    iofog_amqp::Role::Receiver => {
                        assert_eq!(target(&link), Some("queue"));
                        queue = Some(link.accept_receiver(10, true).unwrap());
                    }
                    iofog_amqp::Role::Sender => {
                        assert_eq!(source(&link), Some("from/broker"));
                        source_of = Some(link.accept_sender().unwrap());
                    }
                }
            }
            let (mut queue, source_of) = (queue.unwrap(), source_of.unwrap());
            while states(&connection).await != ["active", "active"] {}
            let pending = sender.send_start(text("to the broker"), false).await.unwrap();
            let delivery = queue.recv().await.unwrap();
            assert_eq!(body(&delivery), "to the broker");
            delivery.accept();
            assert_eq!(pending.await.unwrap(), Outcome::Accepted);
            let pending = source_of.send_start(text("from the broker"), false).await.unwrap();
            let delivery = receiver.recv().await.unwrap();
            assert_eq!(body(&delivery), "from the broker");
            delivery.accept();
            assert_eq!(pending.await.unwrap(), Outcome::Accepted);
            let before = router.status().connections;
            broker.close();
            until(|| router.status().connections < before).await;
        }
    });
}

#[test]
fn a_refused_auto_link_is_tried_again() {
    run(async {
        let router =
            configured("autoLink {\n address: q\n direction: out\n containerId: broker\n}\n").await;
        let connection = client(&router).await;
        let broker = container(&router, "broker").await;
        let link = broker.accept_link().await.unwrap();
        link.refuse(Error::new(condition::NOT_FOUND, "no such queue"));
        loop {
            let states = states(&connection).await;
            if states == ["failed"] {
                break;
            }
            assert_eq!(states, ["attaching"]);
        }
        let link = broker.accept_link().await.unwrap();
        let _receiver = link.accept_receiver(10, true).unwrap();
        while states(&connection).await != ["active"] {}
    });
}

#[test]
fn routes_and_auto_links_come_and_go_by_management() {
    run(async {
        let router = configured("").await;
        let connection = client(&router).await;
        let broker = container(&router, "broker").await;
        let create = |entity, more: &[(&'static str, &'static str)]| {
            let about = [("operation", "CREATE"), ("name", "n"), ("type", entity)];
            let body = more.iter().map(|(k, v)| (Value::from(*k), Value::from(*v))).collect();
            (about, Value::Map(body))
        };
        let route = [("prefix", "brk"), ("direction", "in"), ("containerId", "broker")];
        let (about, body) = create("linkRoute", &route);
        assert_eq!(manage(&connection, &about, body.clone()).await.0, 201);
        assert_eq!(manage(&connection, &about, body).await.0, 400, "it exists");
        send_to(&router, &broker, "brk/q", "brk/q").await;
        let delete = [("operation", "DELETE"), ("type", "linkRoute"), ("name", "n")];
        assert_eq!(manage(&connection, &delete, Value::Map(vec![])).await.0, 204);
        assert_eq!(router.status().link_routes, 0);
        let auto = [("address", "q"), ("direction", "out"), ("containerId", "broker")];
        let (about, body) = create("org.apache.qpid.dispatch.router.config.autoLink", &auto);
        assert_eq!(manage(&connection, &about, body).await.0, 201);
        let link = broker.accept_link().await.unwrap();
        assert_eq!(target(&link), Some("q"));
        let mut queue = link.accept_receiver(10, true).unwrap();
        let delete = [("operation", "DELETE"), ("type", "autoLink"), ("name", "n")];
        assert_eq!(manage(&connection, &delete, Value::Map(vec![])).await.0, 204);
        assert!(queue.recv().await.is_err(), "the link is detached");
        let (about, body) = create("autoLink", &[("address", "q"), ("direction", "out")]);
        let (status, _) = manage(&connection, &about, body).await;
        assert_eq!(status, 400);
    });
}

async fn states(connection: &Connection) -> Vec<String> {
    let about = [("operation", "QUERY"), ("entityType", "autoLink")];
    let names = Value::List(vec!["operStatus".into()]);
    let asked = Value::Map(vec![("attributeNames".into(), names)]);
    let (status, body) = manage(connection, &about, asked).await;
    assert_eq!(status, 200);
    let Value::Map(map) = body else { return Vec::new() };
    let rows = map.iter().find(|(key, _)| key.as_str() == Some("results")).unwrap().1.as_list();
    let cell = |row: &Value| row.as_list().unwrap()[0].as_str().unwrap().to_owned();
    rows.unwrap().iter().map(cell).collect()
}

async fn manage(connection: &Connection, about: &[(&str, &str)], body: Value) -> (i64, Value) {
    let mut replies = connection.receiver(ReceiverOptions::from(Address::Dynamic)).await.unwrap();
    let about = about.iter().map(|(key, value)| (Value::from(*key), Value::from(*value)));
    let request = Message {
        properties: Some(Properties {
            to: Some("$management".to_owned()),
            reply_to: replies.address().map(str::to_owned),
            ..Properties::default()
        }),
        application_properties: about.collect(),
        body: Body::Value(body),
        ..Message::default()
    };
    anonymous(connection).await.send(request.encode()).await.unwrap();
    let delivery = replies.recv().await.unwrap();
    let reply = Message::decode(&delivery.message).unwrap();
    delivery.accept();
    let status = reply.application_property("statusCode").unwrap().as_i64().unwrap();
    let Body::Value(body) = reply.body else { return (status, Value::Null) };
    (status, body)
}
