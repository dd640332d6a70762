//! Policy: clients are held to the limits of the configuration, told why, and counted; others notice nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test support: failures are its purpose")]

mod support;

use iofog_amqp::{Body, Message, Properties, Value};
use iofog_amqp_client::{
    Address, CloseReason, ConnectError, Connection, ConnectionOptions, LinkError, Outcome,
    ReceiverOptions, Sasl, SenderOptions,
};
use iofog_router::config::Role;
use iofog_router::{RouterConfig, RouterHandle, RuntimeOptions, start};
use support::{
    anonymous, body, client, local_client, port, receiver, run, sender, text, text_to, until,
};

const BASE: &str = "router {\n mode: interior\n id: A\n}\n\
    listener {\n name: normal\n host: 127.0.0.1\n port: 0\n}\n\
    listener {\n name: edge\n role: edge\n host: 127.0.0.1\n port: 0\n}\n";

async fn router(rest: &str) -> RouterHandle {
    let config = RouterConfig::from_text(&format!("{BASE}{rest}")).unwrap();
    start(config, RuntimeOptions::default()).await.unwrap()
}

/// A client that opens a virtual host.
async fn open(router: &RouterHandle, vhost: &str) -> Result<Connection, ConnectError> {
    let stream = tokio::net::TcpStream::connect(port(router, Role::Normal)).await.unwrap();
    let options = ConnectionOptions {
        container_id: "test".to_owned(),
        hostname: Some(vhost.to_owned()),
        sasl: Sasl::Anonymous,
        ..ConnectionOptions::default()
    };
    Connection::open(Box::new(stream), options).await
}

/// Condition and text with which a connection is closed.
async fn refusal(connection: Result<Connection, ConnectError>) -> (String, String) {
    // The answer to an open is an open; the close follows.
    let reason = match connection {
        Ok(connection) => connection.closed().await,
        Err(ConnectError::Closed(reason)) => reason,
        Err(other) => panic!("{other}"),
    };
    let CloseReason::Remote(Some(error)) = reason else { panic!("{reason:?}") };
    (error.condition.to_string(), error.description.clone().unwrap_or_default())
}

fn condition(error: &LinkError) -> String {
    error.remote().unwrap_or_else(|| panic!("{error:?}")).condition.to_string()
}

/// The attributes of the only entity of a type.
async fn shown(router: &RouterHandle, kind: &str) -> Vec<(String, Value)> {
    let connection = local_client(router).await;
    let mut replies = connection.receiver(ReceiverOptions::from(Address::Dynamic)).await.unwrap();
    let ask = sender(&connection, "$management").await;
    let property = |name: &str, value: &str| (Value::from(name), Value::from(value));
    let request = Message {
        properties: Some(Properties {
            reply_to: replies.address().map(str::to_owned),
            correlation_id: Some(Value::Ulong(1)),
            ..Properties::default()
        }),
        application_properties: vec![property("operation", "QUERY"), property("entityType", kind)],
        body: Body::Value(Value::Map(vec![("attributeNames".into(), Value::List(Vec::new()))])),
        ..Message::default()
    };
    ask.send(request.encode()).await.unwrap();
    let reply = Message::decode(&replies.recv().await.unwrap().message).unwrap();
    let Body::Value(Value::Map(map)) = reply.body else { panic!("{:?}", reply.body) };
    let list = |name: &str| {
        let found = map.iter().find(|(key, _)| key.as_str() == Some(name)).unwrap();
        found.1.as_list().unwrap().to_vec()
    };
    let rows = list("results");
    assert_eq!(rows.len(), 1, "{kind}");
    let names = list("attributeNames").into_iter().map(|name| name.as_str().unwrap().to_owned());
    names.zip(rows[0].as_list().unwrap().iter().cloned()).collect()
}

fn number(shown: &[(String, Value)], name: &str) -> u64 {
    shown.iter().find(|(known, _)| known == name).unwrap().1.as_u64().unwrap()
}

#[test]
fn connections_of_clients_are_limited_over_all_and_edges_are_not_clients() {
    run(async {
        let top = router("policy {\n maxConnections: 2\n maxMessageSize: 10000\n}\n").await;
        let edge = support::edge("left", &top).await;
        let (first, second) = (client(&top).await, client(&top).await);
        let (told, _) = refusal(open(&top, "any").await).await;
        assert_eq!(told, "amqp:resource-limit-exceeded");
        let policy = shown(&top, "policy").await;
        assert_eq!(number(&policy, "maxConnections"), 2);
        assert_eq!((number(&policy, "connectionsDenied"), number(&policy, "totalDenials")), (1, 1));
        // A place that is given back is there again, and those who have one noticed nothing.
        drop(second);
        until(|| top.status().connections == 2).await;
        let third = open(&top, "any").await.unwrap();
        let (mut near, far) = (receiver(&first, "q").await, sender(&third, "q").await);
        let pending = far.send_start(text("x"), false).await.unwrap();
        near.recv().await.unwrap().accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        // One byte too many ends the link, no more.
        let large = far.send(text(&"x".repeat(10_000))).await.unwrap_err();
        assert_eq!(condition(&large), "amqp:link:message-size-exceeded");
        let again = sender(&third, "q").await;
        let pending = again.send_start(text("y"), false).await.unwrap();
        near.recv().await.unwrap().accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        assert_eq!(number(&shown(&top, "policy").await, "maxMessageSizeDenied"), 1);
        // An edge's clients are for the edge to judge: what they send is not measured here.
        let below = client(&edge).await;
        let over = sender(&below, "q").await;
        let pending = over.send_start(text(&"x".repeat(50_000)), false).await.unwrap();
        near.recv().await.unwrap().accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
    });
}

const VHOSTS: &str = r#"policy {
    enableVhostPolicy: true
}
vhost {
    hostname: field
    aliases: field-a, field-b
    maxConnections: 3
    allowUnknownUser: true
    groups: {
        "$default": {
            "remoteHosts": "127.0.0.1-127.0.0.9",
            "maxSessions": 2, "maxSenders": 2, "maxReceivers": 1,
            "allowAnonymousSender": true,
            "sources": "news/*, own.${user}",
            "targets": ["news/x", "own.${user}"]
        }
    }
}
vhost {
    hostname: closed
    groups: { "admin": { "users": "root", "remoteHosts": "*", "sources": "*", "targets": "*" } }
}
vhost {
    hostname: far
    allowUnknownUser: true
    groups: { "$default": { "remoteHosts": "10.0.0.1, 10.1.0.0-10.1.255.255", "sources": "*" } }
}
"#;

#[test]
fn a_virtual_host_says_who_may_connect_and_how_often() {
    run(async {
        let top = router(VHOSTS).await;
        for (vhost, why) in [
            ("closed", "user is not allowed here"),
            ("far", "host is not allowed here"),
            ("other", "no such virtual host"),
            ("", "no such virtual host"),
        ] {
            let (condition, text) = refusal(open(&top, vhost).await).await;
            assert_eq!((condition.as_str(), text.as_str()), ("amqp:resource-limit-exceeded", why));
        }
        let mut open_ones = Vec::new();
        for vhost in ["field", "field-a", "field-b"] {
            open_ones.push(open(&top, vhost).await.unwrap());
        }
        let (_, text) = refusal(open(&top, "field").await).await;
        assert_eq!(text, "too many connections of the virtual host");
        until(|| top.status().connections == 3).await;
        drop(open_ones.pop());
        until(|| top.status().connections == 2).await;
        open_ones.push(open(&top, "field").await.unwrap());
        assert_eq!(number(&shown(&top, "policy").await, "connectionsDenied"), 5);
        // A program that has the router inside is not judged.
        let inside = local_client(&top).await;
        sender(&inside, "anything").await;
        // Without the policy, those who come are free, and those who are there stay as they were.
        let mut config = top.config();
        config.policy = iofog_router::config::PolicyConfig::default();
        top.apply(config).await.unwrap();
        let free = open(&top, "closed").await.unwrap();
        sender(&free, "anything").await;
        let error = open_ones[0].sender(SenderOptions::to("anything")).await.unwrap_err();
        assert_eq!(condition(&error), "amqp:unauthorized-access");
    });
}

#[test]
fn links_are_limited_by_number_and_address_and_messages_by_address() {
    run(async {
        let top = router(VHOSTS).await;
        let connection = open(&top, "field").await.unwrap();
        for target in ["news/y", "other", "own.bob", "$management", "_topo/0/A/$management"] {
            let error = connection.sender(SenderOptions::to(target)).await.unwrap_err();
            assert_eq!(condition(&error), "amqp:unauthorized-access", "{target}");
        }
        for source in ["news", "own.bob", "other"] {
            let error = connection.receiver(ReceiverOptions::from(source)).await.unwrap_err();
            assert_eq!(condition(&error), "amqp:unauthorized-access", "{source}");
        }
        let dynamic = connection.receiver(ReceiverOptions::from(Address::Dynamic)).await;
        assert_eq!(condition(&dynamic.unwrap_err()), "amqp:unauthorized-access");
        // What is allowed works.
        let mut own = receiver(&connection, "own.anonymous").await;
        let to_own = sender(&connection, "amqp://any/own.anonymous").await;
        let free = anonymous(&connection).await;
        let pending = to_own.send_start(text("one"), false).await.unwrap();
        let delivery = own.recv().await.unwrap();
        assert_eq!(body(&delivery), "one");
        delivery.accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        let pending = free.send_start(text_to("own.anonymous", "two"), false).await.unwrap();
        own.recv().await.unwrap().accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        // An anonymous link is no way round the targets.
        let Outcome::Rejected(Some(error)) = free.send(text_to("other", "three")).await.unwrap()
        else {
            panic!("is not rejected");
        };
        assert_eq!(error.condition.to_string(), "amqp:unauthorized-access");
        // Two senders and a receiver are there.
        let error = connection.sender(SenderOptions::to("news/x")).await.unwrap_err();
        assert_eq!(condition(&error), "amqp:resource-limit-exceeded");
        let error = connection.receiver(ReceiverOptions::from("news/x")).await.unwrap_err();
        assert_eq!(condition(&error), "amqp:resource-limit-exceeded");
        drop(own);
        drop(to_own);
        until(|| top.status().links == 1).await;
        let again = receiver(&connection, "news/deep/er").await;
        drop(again);
        let policy = shown(&top, "policy").await;
        assert_eq!((number(&policy, "linksDenied"), number(&policy, "messagesDenied")), (11, 1));
        assert_eq!(number(&policy, "totalDenials"), 12);
    });
}

#[test]
fn a_session_too_many_is_ended_and_the_others_go_on() {
    run(async {
        let top = router(VHOSTS).await;
        let connection = open(&top, "field").await.unwrap();
        let mut own = receiver(&connection, "own.anonymous").await;
        let second = connection.session().await.unwrap();
        let options = SenderOptions { session: Some(second), ..SenderOptions::to("own.anonymous") };
        let to_own = connection.sender(options).await.unwrap();
        let third = connection.session().await.unwrap();
        let options = SenderOptions { session: Some(third), ..SenderOptions::to("own.anonymous") };
        assert!(connection.sender(options).await.is_err());
        let pending = to_own.send_start(text("x"), false).await.unwrap();
        own.recv().await.unwrap().accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        assert_eq!(number(&shown(&top, "policy").await, "sessionsDenied"), 1);
    });
}

#[test]
fn what_is_wrong_with_a_policy_is_told_by_entity_and_attribute() {
    for (text, told) in [
        ("policy {\n maxConnections: 70000\n}\n", "policy: attribute `maxConnections`"),
        ("policy {\n policyDir: /etc/policy\n}\n", "policy: attribute `policyDir`"),
        ("policy {\n}\npolicy {\n}\n", "policy may appear only once"),
        ("vhost {\n maxConnections: 1\n}\n", "vhost: attribute `id` is required"),
        ("vhost {\n hostname: a\n}\nvhost {\n hostname: b\n aliases: a\n}\n", "`a` is used twice"),
        (
            "vhost {\n hostname: a\n groups: { \"g\": { \"maxFrameSize\": 1 } }\n}\n",
            "vhost a group g: attribute `maxFrameSize`",
        ),
        (
            "vhost {\n hostname: a\n groups: { \"g\": { \"remoteHosts\": \"nowhere\" } }\n}\n",
            "`remoteHosts`",
        ),
        (
            "vhost {\n hostname: a\n groups: { \"g\": { \"sources\": \"a\", \"sourcePattern\": \"b/#\" } }\n}\n",
            "`sourcePattern`",
        ),
        (
            "vhost {\n hostname: a\n groups: { \"g\": { \"users\": \"u\" }, \"h\": { \"users\": \"u\" } }\n}\n",
            "user `u` is in two groups",
        ),
        ("vhost {\n hostname: a\n groups: { \"g\": { \"colour\": \"red\" } }\n}\n", "colour"),
    ] {
        let error = RouterConfig::from_text(&format!("{BASE}{text}")).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}
