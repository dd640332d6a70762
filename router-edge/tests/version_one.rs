//! Peers that speak metadata version 1, played by a client: what the interior writes, takes off, and
//! answers. Real ones are in `tests/mixed`, where their programs are there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail here")]

mod support;

use iofog_amqp::{Body, Message, Properties, Symbol, Value};
use iofog_amqp_client::{
    Address, Connection, ConnectionOptions, Outcome, Receiver, ReceiverOptions, Sender,
};
use iofog_router::RouterHandle;
use iofog_router::config::Role;
use support::{anonymous, client, interior, port, receiver, run, sender, text_to};

/// An edge of another make: no `qd.annotations-version` means version 1.
async fn old_edge(router: &RouterHandle) -> Connection {
    let stream = tokio::net::TcpStream::connect(port(router, Role::Edge)).await.unwrap();
    let options =
        ConnectionOptions { container_id: "old".to_owned(), ..ConnectionOptions::default() };
    Connection::open(Box::new(stream), options).await.unwrap()
}

fn annotated(entries: &[(&'static str, &str)], properties: Properties) -> Message {
    let annotation = |(key, value): &(&'static str, &str)| {
        (Value::Symbol(Symbol::from_static(key)), Value::from(*value))
    };
    Message {
        message_annotations: entries.iter().map(annotation).collect(),
        properties: Some(properties),
        body: Body::Value(Value::from("body")),
        ..Message::default()
    }
}

#[test]
fn annotations_of_routers_are_used_and_taken_off() {
    run(async {
        let router = interior("A").await;
        let (edge, inside) = (old_edge(&router).await, client(&router).await);
        let mut receiver = receiver(&inside, "q").await;
        let up = anonymous(&edge).await;
        let sent = annotated(
            &[("mine", "kept"), ("x-opt-qd.to", "q")],
            Properties { to: Some("elsewhere".to_owned()), ..Properties::default() },
        );
        let pending = up.send_start(sent.encode(), false).await.unwrap();
        let delivery = receiver.recv().await.unwrap();
        let got = Message::decode(&delivery.message).unwrap();
        let kept = annotated(&[("mine", "kept")], sent.properties.clone().unwrap());
        assert_eq!(got, kept);
        delivery.accept();
        assert_eq!(pending.await.unwrap(), Outcome::Accepted);
    });
}

#[test]
fn messages_to_such_a_peer_carry_annotations() {
    run(async {
        let router = interior("A").await;
        let (edge, inside) = (old_edge(&router).await, client(&router).await);
        let mut receiver = receiver(&edge, "q").await;
        let sender = sender(&inside, "q").await;
        // What a client forges goes, what is its own stays; also over many frames.
        for size in [0, 100_000] {
            let mut message =
                annotated(&[("x-opt-qd.trace", "forged"), ("mine", "kept")], Properties::default());
            message.body = Body::Value(Value::from("x".repeat(size)));
            let pending = sender.send_start(message.encode(), false).await.unwrap();
            let delivery = receiver.recv().await.unwrap();
            let got = Message::decode(&delivery.message).unwrap();
            let found = |name: &str| {
                got.message_annotations
                    .iter()
                    .find(|(key, _)| key.as_str() == Some(name))
                    .map(|(_, value)| value.clone())
            };
            assert_eq!(found("mine"), Some("kept".into()));
            assert_eq!(found("x-opt-qd.to"), Some("q".into()));
            assert_eq!(found("x-opt-qd.ingress"), Some("0/A".into()));
            assert_eq!(found("x-opt-qd.trace"), Some(Value::List(vec!["0/A".into()])));
            assert_eq!(got.body, message.body);
            delivery.accept();
            assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        }
    });
}

/// Asks whether links to an address are routed, by the role that a router has on them; gives status and answer.
async fn ask(to: &Sender, replies: &mut Receiver, number: u32, body: Value) -> (u64, bool) {
    let question = Message {
        properties: Some(Properties {
            reply_to: replies.address().map(str::to_owned),
            correlation_id: Some(Value::from(number.to_string())),
            ..Properties::default()
        }),
        application_properties: vec![
            ("version".into(), Value::Uint(1)),
            ("opcode".into(), Value::Uint(if number == 9 { 7 } else { 1 })),
        ],
        body: Body::Value(body),
        ..Message::default()
    };
    to.send(question.encode()).await.unwrap();
    let delivery = replies.recv().await.unwrap();
    let answer = Message::decode(&delivery.message).unwrap();
    delivery.accept();
    let correlation = answer.properties.as_ref().unwrap().correlation_id.clone();
    assert_eq!(correlation, Some(Value::from(number.to_string())));
    let Body::Value(body) = &answer.body else { panic!("{answer:?}") };
    let routed = body.as_list().unwrap()[0].as_bool().unwrap();
    (answer.application_property("status").unwrap().as_u64().unwrap(), routed)
}

#[test]
fn address_look_ups_are_answered() {
    run(async {
        let router = interior("A").await;
        let (edge, container) = (old_edge(&router).await, client(&router).await);
        let questions = sender(&edge, "_$qd.addr_lookup").await;
        let mut replies = edge.receiver(ReceiverOptions::from(Address::Dynamic)).await.unwrap();
        let about =
            |address: &str, receives: bool| Value::List(vec![address.into(), receives.into()]);
        assert_eq!(ask(&questions, &mut replies, 1, about("tcp/q", true)).await, (3, false));
        let mut create = Message::decode(&text_to("$management", "")).unwrap();
        create.application_properties = vec![
            ("operation".into(), "CREATE".into()),
            ("type".into(), "org.apache.qpid.dispatch.router.connection.linkRoute".into()),
            ("name".into(), "r".into()),
        ];
        create.body = Body::Value(Value::Map(vec![
            ("pattern".into(), "tcp/#".into()),
            ("direction".into(), "in".into()),
        ]));
        anonymous(&container).await.send(create.encode()).await.unwrap();
        assert_eq!(ask(&questions, &mut replies, 2, about("tcp/q", true)).await, (0, true));
        assert_eq!(ask(&questions, &mut replies, 3, about("tcp/q", false)).await, (3, false));
        assert_eq!(ask(&questions, &mut replies, 4, Value::Null).await, (4, false));
        assert_eq!(ask(&questions, &mut replies, 9, about("tcp/q", false)).await, (2, false));
    });
}
