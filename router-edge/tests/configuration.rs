//! Changes while the router runs: by a new configuration, and by management.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: failures are their purpose"
)]

mod support;

use std::net::{IpAddr, Ipv4Addr};

use iofog_amqp::{Body, Message, Properties, Value};
use iofog_amqp_client::{Address, Connection, Outcome, Receiver, ReceiverOptions};
use iofog_router::config::{AddressRule, ListenerConfig, Mode, Role, Treatment};
use iofog_router::{ApplyError, RouterConfig, RouterHandle, RuntimeOptions, StartError, start};
use support::{
    anonymous, client, connect, edge, interior, port, receiver, run, sender, text, until,
};

#[test]
fn apply_leaves_unchanged_connections_alone() {
    run(async {
        let router = interior("A").await;
        let connection = client(&router).await;
        let mut receiver = receiver(&connection, "q").await;
        let sender = sender(&connection, "q").await;
        let mut config = router.config();
        let mut extra = ListenerConfig::new(Role::Normal, "127.0.0.1", 0);
        extra.name = "extra".to_owned();
        config.listeners.push(extra);
        let applied = router.apply(config.clone()).await.unwrap();
        assert_eq!(applied.created, ["extra"]);
        assert!(applied.deleted.is_empty());
        config.listeners.retain(|listener| listener.name != "extra");
        let applied = router.apply(config.clone()).await.unwrap();
        assert_eq!(applied.deleted, ["extra"]);
        let pending = sender.send_start(text("still here"), false).await.unwrap();
        receiver.recv().await.unwrap().accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        config.mode = Mode::Edge;
        assert!(matches!(router.apply(config).await, Err(ApplyError::Rebuild)));
    });
}

#[test]
fn apply_changes_the_rules_of_addresses() {
    run(async {
        let router = interior("A").await;
        let rule = |pattern: &str, distribution| AddressRule {
            name: None,
            pattern: pattern.to_owned(),
            distribution,
            presettled_overflow: None,
            priority: None,
        };
        let ask = Management { connection: client(&router).await, at: "$management".to_owned() };
        let create = [("operation", "CREATE"), ("type", "address"), ("name", "kept")];
        let by_hand = map(&[("pattern", "kept"), ("distribution", "closest")]);
        assert_eq!(ask.ask(&create, by_hand).await.0, 201);
        let mut config = router.config();
        config.addresses = vec![rule("a/#", Treatment::Multicast), rule("b", Treatment::Closest)];
        router.apply(config.clone()).await.unwrap();
        let rules = async || {
            let names = Value::List(vec!["pattern".into(), "distribution".into()]);
            let names = Value::Map(vec![("attributeNames".into(), names)]);
            let about = [("operation", "QUERY"), ("entityType", "router.config.address")];
            rows(&ask.ask(&about, names).await.2)
        };
        let row = |pattern: &str, distribution: &str| vec![pattern.into(), distribution.into()];
        let kept = row("kept", "closest");
        assert_eq!(rules().await, [kept.clone(), row("a/#", "multicast"), row("b", "closest")]);

        // Two consumers of one address under the new rule: each gets the message.
        let connection = client(&router).await;
        let mut one = receiver(&connection, "a/x").await;
        let mut two = receiver(&connection, "a/x").await;
        let sender = sender(&connection, "a/x").await;
        let pending = sender.send_start(text("to all"), false).await.unwrap();
        one.recv().await.unwrap().accept();
        two.recv().await.unwrap().accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);

        config.addresses = vec![rule("a/#", Treatment::Balanced)];
        router.apply(config).await.unwrap();
        assert_eq!(rules().await, [kept, row("a/#", "balanced")]);
    });
}

#[test]
fn a_port_in_use_is_named_and_nothing_is_left() {
    run(async {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let mut config = RouterConfig::new(Mode::Interior, "A");
        config.listeners.push(ListenerConfig::new(Role::Normal, "127.0.0.1", port));
        let Err(error) = start(config, RuntimeOptions::default()).await else { panic!("started") };
        assert!(matches!(error, StartError::Bind { .. }));
        assert!(error.to_string().contains(&port.to_string()), "{error}");
    });
}

#[test]
fn the_bind_address_replaces_everywhere_even_before_it_exists() {
    run(async {
        let mut config = RouterConfig::new(Mode::Interior, "A");
        config.listeners.push(ListenerConfig::new(Role::Normal, "0.0.0.0", 0));
        let bind_address = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
        let options = RuntimeOptions { bind_address, ..RuntimeOptions::default() };
        let router = start(config, options).await.unwrap();
        let (_, address) = router.status().listeners[0];
        assert_eq!(Some(address.ip()), bind_address);
    });
}

struct Management {
    connection: Connection,
    at: String,
}

impl Management {
    async fn ask(&self, about: &[(&str, &str)], body: Value) -> (i64, String, Value) {
        let dynamic = ReceiverOptions::from(Address::Dynamic);
        let mut replies = self.connection.receiver(dynamic).await.unwrap();
        let request = Message {
            properties: Some(Properties {
                to: Some(self.at.clone()),
                reply_to: replies.address().map(str::to_owned),
                correlation_id: Some(Value::Ulong(77)),
                ..Properties::default()
            }),
            application_properties: about
                .iter()
                .map(|(key, value)| (Value::from(*key), Value::from(*value)))
                .collect(),
            body: Body::Value(body),
            ..Message::default()
        };
        let sender = anonymous(&self.connection).await;
        assert_eq!(sender.send(request.encode()).await.unwrap(), Outcome::Accepted);
        let delivery = replies.recv().await.unwrap();
        let reply = Message::decode(&delivery.message).unwrap();
        delivery.accept();
        assert_eq!(reply.properties.as_ref().unwrap().correlation_id, Some(Value::Ulong(77)));
        let code = reply.application_property("statusCode").unwrap().as_i64().unwrap();
        let text = reply.application_property("statusDescription").unwrap().as_str().unwrap();
        let Body::Value(body) = reply.body.clone() else { panic!("no body") };
        (code, text.to_owned(), body)
    }
}

fn map(entries: &[(&str, &str)]) -> Value {
    Value::Map(entries.iter().map(|(k, v)| (Value::from(*k), Value::from(*v))).collect())
}

fn rows(body: &Value) -> Vec<Vec<Value>> {
    let rows = body.get("results").unwrap().as_list().unwrap();
    rows.iter().map(|row| row.as_list().unwrap().to_vec()).collect()
}

#[test]
fn management_shows_and_changes_the_router() {
    run(async {
        let router = interior("A").await;
        let ask = Management { connection: client(&router).await, at: "$management".to_owned() };
        let query = |kind: &'static str| [("operation", "QUERY"), ("entityType", kind)];
        let names = Value::Map(vec![(
            "attributeNames".into(),
            Value::List(vec!["id".into(), "mode".into(), "type".into()]),
        )]);
        let (code, _, body) = ask.ask(&query("io.skupper.router.router"), names).await;
        assert_eq!(code, 200);
        let expected = vec!["A".into(), "interior".into(), "io.skupper.router.router".into()];
        assert_eq!(rows(&body), [expected]);

        let create = [
            ("operation", "CREATE"),
            ("type", "org.apache.qpid.dispatch.listener"),
            ("name", "new"),
        ];
        let (code, text, body) =
            ask.ask(&create, map(&[("host", "127.0.0.1"), ("port", "0")])).await;
        assert_eq!(code, 201, "{text}");
        assert_eq!(body.get("name"), Some(&"new".into()));
        assert!(router.status().listeners.iter().any(|(name, _)| name == "new"));
        let (code, text, _) = ask.ask(&create, map(&[("host", "127.0.0.1"), ("port", "0")])).await;
        assert_eq!((code, text.as_str()), (400, "listener new exists"));
        let (code, text, _) = ask.ask(&create[..2], map(&[("port", "x")])).await;
        assert_eq!(
            (code, text.as_str()),
            (400, "listener: attribute `port` must be a port, not `x`")
        );
        let delete = [("operation", "DELETE"), ("type", "listener"), ("name", "new")];
        assert_eq!(ask.ask(&delete, Value::Map(Vec::new())).await.0, 204);
        assert_eq!(ask.ask(&delete, Value::Map(Vec::new())).await.0, 404);
        assert_eq!(router.status().listeners.len(), 3);
        let log = [("operation", "UPDATE"), ("type", "log"), ("name", "log/DEFAULT")];
        let (code, text, _) = ask.ask(&log, map(&[("enable", "none")])).await;
        assert_eq!(
            (code, text.as_str()),
            (403, "log: belongs to the program that this router is part of")
        );
        let (code, _, _) = ask.ask(&[("operation", "DANCE")], Value::Map(Vec::new())).await;
        assert_eq!(code, 501);
        for kind in ["connection", "router.link", "router.address", "router.node", "listener"] {
            let (code, _, body) = ask.ask(&query(kind), Value::Map(Vec::new())).await;
            assert_eq!(code, 200, "{kind}");
            assert!(!rows(&body).is_empty(), "{kind}");
        }
    });
}

#[test]
fn management_of_another_router_is_reached_by_its_address() {
    run(async {
        let top = interior("top").await;
        let left = edge("left", &top).await;
        let connection = client(&left).await;
        let ask = Management { connection, at: "amqp:/_topo/0/top/$management".to_owned() };
        let query = [("operation", "QUERY"), ("entityType", "router")];
        let names = Value::Map(vec![("attributeNames".into(), Value::List(vec!["id".into()]))]);
        let (code, _, body) = ask.ask(&query, names.clone()).await;
        assert_eq!((code, rows(&body)), (200, vec![vec!["top".into()]]));
        let connection = client(&top).await;
        let ask = Management { connection, at: "amqp:/_edge/left/$management".to_owned() };
        let (code, _, body) = ask.ask(&query, names).await;
        assert_eq!((code, rows(&body)), (200, vec![vec!["left".into()]]));
    });
}

#[test]
fn connectors_come_and_go_by_management() {
    run(async {
        let (a, b) = (interior("A").await, interior("B").await);
        let ask = Management { connection: client(&a).await, at: "$management".to_owned() };
        let to = support::port(&b, Role::InterRouter);
        let create = [("operation", "CREATE"), ("type", "connector"), ("name", "b")];
        let port = to.port().to_string();
        let body = map(&[("host", "127.0.0.1"), ("port", &port), ("role", "inter-router")]);
        assert_eq!(ask.ask(&create, body).await.0, 201);
        until(|| a.status().routers == 1 && b.status().routers == 1).await;
        let delete = [("operation", "DELETE"), ("type", "connector"), ("name", "b")];
        assert_eq!(ask.ask(&delete, Value::Map(Vec::new())).await.0, 204);
        until(|| a.status().routers == 0 && b.status().routers == 0).await;
    });
}

/// Management of one of two interior routers, at which somebody receives, and what has to stay for it.
async fn network_with_a_consumer() -> (Management, (RouterHandle, RouterHandle, Receiver)) {
    let (top, other) = (interior("A").await, interior("B").await);
    connect(&top, "b", Role::InterRouter, port(&other, Role::InterRouter)).await;
    until(|| top.status().routers == 1).await;
    let connection = client(&top).await;
    let receiver = receiver(&connection, "q").await;
    (Management { connection, at: "$management".to_owned() }, (top, other, receiver))
}

/// What `qdmanage get-*` and `skmanage get-*` ask: the schema names every attribute that entities show.
#[test]
fn the_schema_holds_what_entities_show() {
    run(async {
        let (ask, _network) = network_with_a_consumer().await;
        let none = || Value::Map(Vec::new());
        for prefix in ["org.apache.qpid.dispatch.", "io.skupper.router."] {
            let unknown = [("operation", "GET-TYPES"), ("entityType", prefix)];
            assert_eq!(ask.ask(&unknown, none()).await.0, 404);
            let listener = format!("{prefix}listener");
            let about =
                |operation: &'static str| [("operation", operation), ("entityType", &listener)];
            let (code, _, schema) = ask.ask(&about("get-schema"), none()).await;
            assert_eq!(
                (code, schema.get("prefix")),
                (200, Some(&prefix.trim_end_matches('.').into()))
            );
            let (code, _, text) = ask.ask(&about("GET-JSON-SCHEMA"), none()).await;
            let json: serde_json::Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
            assert_eq!(
                (code, &json["entityTypes"]["listener"]["attributes"]["port"]["default"]),
                (200, &"amqp".into())
            );
            let (_, _, bases) = ask.ask(&about("GET-TYPES"), none()).await;
            let extended = bases.get(&listener).unwrap().as_list().unwrap();
            assert_eq!(extended[0], format!("{prefix}configurationEntity").into());
            let (_, _, operations) = ask.ask(&about("GET-OPERATIONS"), none()).await;
            assert_eq!(operations.get(&listener).unwrap().as_list().unwrap().len(), 3);
            let Value::Map(types) = schema.get("entityTypes").unwrap() else { panic!("no types") };
            for (short, known) in types {
                let kind = format!("{prefix}{}", short.as_str().unwrap());
                let about = [("operation", "QUERY"), ("entityType", kind.as_str())];
                let (code, text, body) = ask.ask(&about, none()).await;
                if known.get("extends").is_none() {
                    assert_eq!(code, 404, "{kind} has no entities of its own");
                    continue;
                }
                assert_eq!(code, 200, "{kind}: {text}");
                let attributes = known.get("attributes").unwrap();
                for shown in body.get("attributeNames").unwrap().as_list().unwrap() {
                    assert!(attributes.get(shown.as_str().unwrap()).is_some(), "{kind}: {shown:?}");
                }
            }
        }
    });
}

/// The columns of `qdstat` and `skstat`: they stop at a null where they want a number.
#[test]
fn figures_that_the_tools_add_up_are_numbers() {
    run(async {
        let (ask, _network) = network_with_a_consumer().await;
        for (kind, columns) in [
            (
                "router.link",
                &[
                    "deliveriesDelayed1Sec",
                    "deliveriesDelayed10Sec",
                    "deliveriesStuck",
                    "zeroCreditSeconds",
                    "creditAvailable",
                    "priority",
                    "settleRate",
                ][..],
            ),
            (
                "router.address",
                &[
                    "priority",
                    "deliveriesToContainer",
                    "deliveriesFromContainer",
                    "deliveriesRedirectedToFallback",
                    "containerCount",
                ],
            ),
            (
                "router",
                &[
                    "workerThreads",
                    "uptimeSeconds",
                    "memoryUsage",
                    "linksBlocked",
                    "deliveriesStuck",
                ],
            ),
            ("routerMetrics", &["residentMemoryUsage", "connectionCount"]),
            ("policy", &["maxConnections", "connectionsProcessed", "totalDenials"]),
            ("connection", &["uptimeSeconds", "sslSsf"]),
        ] {
            let names = columns.iter().map(|name| Value::from(*name)).collect();
            let names = Value::Map(vec![("attributeNames".into(), Value::List(names))]);
            let (code, text, body) =
                ask.ask(&[("operation", "QUERY"), ("entityType", kind)], names).await;
            assert_eq!(code, 200, "{kind}: {text}");
            assert!(!rows(&body).is_empty(), "{kind}");
            for (name, value) in rows(&body).iter().flat_map(|row| columns.iter().zip(row)) {
                assert!(
                    value.as_i64().is_some() || value.as_u64().is_some(),
                    "{kind}: {name} {value:?}"
                );
            }
        }
        // A neighbour has no next hop but a link; its tools show one or the other.
        let names = Value::List(vec!["nextHop".into(), "routerLink".into()]);
        let names = Value::Map(vec![("attributeNames".into(), names)]);
        let (_, _, body) =
            ask.ask(&[("operation", "QUERY"), ("entityType", "router.node")], names).await;
        for row in rows(&body) {
            assert_ne!(row[0] == Value::Null, row[1] == Value::Null, "{row:?}");
        }
    });
}
