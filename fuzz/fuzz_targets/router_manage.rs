//! Requests to the management agent: operations and types that exist, attributes that the fuzzer makes.
#![no_main]

use iofog_amqp::{Body, Message, Properties, Value};
use iofog_fuzz::{ANONYMOUS, Router};
use iofog_router::config::Role;
use libfuzzer_sys::arbitrary;
use libfuzzer_sys::fuzz_target;

/// Those whose answer depends on the request; the schema is the same for everybody, and long.
const OPERATIONS: [&str; 10] = [
    "QUERY",
    "READ",
    "CREATE",
    "UPDATE",
    "DELETE",
    "GET-TYPES",
    "GET-ATTRIBUTES",
    "GET-OPERATIONS",
    "GET-MGMT-NODES",
    "GET-ANNOTATIONS",
];
/// Requests of one execution: something may be created, changed, shown and deleted.
const REQUESTS: usize = 4;
const TYPES: [&str; 15] = [
    "listener",
    "connector",
    "sslProfile",
    "router.connection.linkRoute",
    "router",
    "connection",
    "router.node",
    "router.link",
    "router.address",
    "router.config.address",
    "router.config.linkRoute",
    "router.config.autoLink",
    "log",
    "policy",
    "routerMetrics",
];
/// Attributes that the entities have.
const NAMES: [&str; 17] = [
    "name",
    "host",
    "port",
    "role",
    "cost",
    "pattern",
    "prefix",
    "direction",
    "distribution",
    "containerId",
    "sslProfile",
    "certFile",
    "saslMechanisms",
    "idleTimeoutSeconds",
    "attributeNames",
    "address",
    "enable",
];

/// Operation, type, family, name, attributes.
type Request = (u8, u8, u8, Option<String>, Vec<(u8, Attribute)>);

#[derive(Debug, arbitrary::Arbitrary)]
enum Attribute {
    Text(String),
    Int(i64),
    Bool(bool),
    List(Vec<String>),
    Word(u8),
}

/// Values that some attribute takes.
const WORDS: [&str; 12] = [
    "in",
    "out",
    "normal",
    "edge",
    "inter-router",
    "route-container",
    "balanced",
    "multicast",
    "yes",
    "ANONYMOUS",
    "a.#",
    "q",
];

thread_local! {
    static ROUTER: Router = Router::with(&[(Role::Normal, None)]);
}

fuzz_target!(|requests: Vec<Request>| {
    let mut router = ROUTER.with(Clone::clone);
    let client = router.peers[0];
    for (n, (operation, kind, family, name, attributes)) in
        requests.iter().take(REQUESTS).enumerate()
    {
        let prefix =
            ["", "org.apache.qpid.dispatch.", "io.skupper.router."][usize::from(*family) % 3];
        let kind = format!("{prefix}{}", TYPES[usize::from(*kind) % TYPES.len()]);
        let mut about: Vec<(Value, Value)> = vec![
            ("operation".into(), OPERATIONS[usize::from(*operation) % OPERATIONS.len()].into()),
            ("type".into(), kind.as_str().into()),
            ("entityType".into(), kind.as_str().into()),
        ];
        if let Some(name) = name {
            about.push(("name".into(), name.as_str().into()));
        }
        let body = attributes.iter().map(|(name, value)| {
            let value = match value {
                Attribute::Text(text) => text.as_str().into(),
                Attribute::Int(number) => Value::Long(*number),
                Attribute::Bool(flag) => Value::Bool(*flag),
                Attribute::List(names) => {
                    Value::List(names.iter().map(|n| n.as_str().into()).collect())
                }
                Attribute::Word(word) => WORDS[usize::from(*word) % WORDS.len()].into(),
            };
            (NAMES[usize::from(*name) % NAMES.len()].into(), value)
        });
        let message = Message {
            properties: Some(Properties {
                to: Some("$management".to_owned()),
                reply_to: Some("q".to_owned()),
                correlation_id: Some(Value::Ulong(7)),
                ..Properties::default()
            }),
            application_properties: about,
            body: Body::Value(Value::Map(body.collect())),
            ..Message::default()
        };
        router.send(client, ANONYMOUS, u32::try_from(n).unwrap_or(0), &message.encode());
        while let Some(command) = router.core.take_command() {
            let result = if n % 2 == 0 { Ok(()) } else { Err("in use".to_owned()) };
            router.core.answer_command(command, result);
        }
    }
    router.end();
});
