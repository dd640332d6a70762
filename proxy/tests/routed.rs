//! Routed links, with this test in the place of a router that has them (proxy.md sections 4.1 and 4.2).
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code outside of test functions")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::*;
use iofog_amqp::{Body, Message, Properties, Role, Value};
use iofog_amqp_client::{Connection, IncomingLink, Receiver, Sender, SenderOptions, ServerOptions};
use iofog_proxy::ProxyHandle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const TYPE: &str = "org.apache.qpid.dispatch.router.connection.linkRoute";

/// The router's end of a proxy's connection.
async fn accept(listener: &TcpListener) -> Connection {
    let (stream, _) = listener.accept().await.unwrap();
    Connection::serve(Box::new(stream), ServerOptions::default()).await.unwrap()
}

/// The next link of each kind, in whichever order they come.
async fn pair(connection: &Connection) -> (Sender, IncomingLink) {
    let (mut sender, mut receiver) = (None, None);
    while sender.is_none() || receiver.is_none() {
        let link = connection.accept_link().await.unwrap();
        match link.role() {
            Role::Sender => sender = Some(link.accept_sender().unwrap()),
            Role::Receiver => receiver = Some(link),
        }
    }
    (sender.unwrap(), receiver.unwrap())
}

/// Answers one management request with `status`; gives the operation, the name and the pattern.
async fn manage(connection: &Connection, status: u32) -> (String, String, Option<String>) {
    let (replies, requests) = pair(connection).await;
    assert_eq!(requests.target().unwrap().address.as_deref(), Some("$management"));
    let mut requests = requests.accept_receiver(10, true).unwrap();
    let delivery = requests.recv().await.unwrap();
    let request = Message::decode(&delivery.message).unwrap();
    delivery.accept();
    let properties = Value::Map(request.application_properties.clone());
    let text = |name: &str| properties.get(name).unwrap().as_str().unwrap().to_owned();
    assert_eq!(text("type"), TYPE);
    let Body::Value(body) = &request.body else { panic!("body is no value") };
    let pattern = body.get("pattern").map(|pattern| pattern.as_str().unwrap().to_owned());
    let answer = Message {
        properties: Some(Properties {
            correlation_id: request.properties.unwrap().correlation_id,
            ..Properties::default()
        }),
        application_properties: vec![(Value::from("statusCode"), Value::from(status))],
        body: Body::Value(Value::Map(Vec::new())),
        ..Message::default()
    };
    replies.send(answer.encode()).await.unwrap();
    (text("operation"), text("name"), pattern)
}

fn data(text: &'static str) -> Bytes {
    let body = Body::Value(Value::Binary(Bytes::from_static(text.as_bytes())));
    Message { body, ..Message::default() }.encode()
}

/// The next message's bytes, and where answers go.
async fn next(receiver: &mut Receiver) -> (Bytes, Option<String>) {
    let delivery = receiver.recv().await.unwrap();
    let message = Message::decode(&delivery.message).unwrap();
    delivery.accept();
    let Body::Value(Value::Binary(bytes)) = message.body else { panic!("body is not binary") };
    (bytes, message.properties.unwrap_or_default().reply_to)
}

async fn router() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn failures(proxy: &ProxyHandle) -> Vec<(&'static str, u64)> {
    proxy.status().mappings[0].failures.clone()
}

#[test]
fn routed_egress_opens_the_target_before_it_takes_bytes() {
    run(async {
        let (listener, port) = router().await;
        let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target_port = target.local_addr().unwrap().port();
        let proxy = proxy(port, &[format!("amqp:q=>tcp:{target_port}")]);
        let connection = accept(&listener).await;
        let asked = manage(&connection, 201).await;
        assert_eq!(asked, ("CREATE".into(), "q".into(), Some("q".into())));
        connected(&proxy).await;

        let options = SenderOptions {
            name: "10.0.0.1:99@undefined@ingress".to_owned(),
            source: Some("answers".to_owned()),
            ..SenderOptions::to("q")
        };
        let (to_proxy, back) =
            tokio::join!(connection.sender(options.clone()), connection.accept_link());
        let to_proxy = to_proxy.unwrap();
        let back = back.unwrap();
        assert_eq!(back.target().unwrap().address.as_deref(), Some("answers"));
        assert_eq!(to_proxy.credit(), 0);
        let (mut server, _) = target.accept().await.unwrap();
        let mut back = back.accept_receiver(64, true).unwrap();
        // Empty, so harmless to a peer that takes it for bytes.
        assert!(next(&mut back).await.0.is_empty());
        to_proxy.ready().await.unwrap();
        assert_eq!(to_proxy.credit(), 64);

        to_proxy.send(data("question")).await.unwrap();
        let mut seen = [0; 8];
        server.read_exact(&mut seen).await.unwrap();
        assert_eq!(&seen, b"question");
        server.write_all(b"answer").await.unwrap();
        assert_eq!(next(&mut back).await.0, "answer");
        // This peer never made itself known: the end of one direction ends both.
        drop(server);
        to_proxy.detached().await;
        assert!(failures(&proxy).is_empty(), "{:?}", failures(&proxy));

        drop(target);
        let refused = connection.sender(SenderOptions { name: "other".into(), ..options }).await;
        match refused {
            Err(_) => {}
            Ok(sender) => drop(sender.detached().await),
        }
        assert_eq!(failures(&proxy), [("target-failed", 1)]);
        proxy.shutdown().await;
    });
}

#[test]
fn routed_egress_reconnects_and_asks_again() {
    run(async {
        let (listener, port) = router().await;
        let proxy = proxy(port, &["amqp:q=>tcp:1".to_owned()]);
        for _ in 0..2 {
            let connection = accept(&listener).await;
            assert_eq!(manage(&connection, 201).await.0, "CREATE");
            connected(&proxy).await;
            connection.close();
            while proxy.status().mappings[0].router_connected {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        proxy.shutdown().await;
    });
}

#[test]
fn routed_ingress_names_its_link_and_waits_for_credit() {
    run(async {
        let (listener, port) = router().await;
        let public = free_port();
        let proxy = proxy(port, &[format!("tcp:{public}=>amqp:q")]);
        let connection = accept(&listener).await;
        let probe = manage(&connection, 201).await;
        assert_eq!((probe.0.as_str(), probe.2.as_deref()), ("CREATE", Some("q.probe")));
        assert_eq!(manage(&connection, 204).await.0, "DELETE");

        let mut client = connect(public).await;
        client.write_all(b"question").await.unwrap();
        let (to_client, to_queue) = pair(&connection).await;
        let name = format!("{}@undefined", client.local_addr().unwrap());
        assert_eq!(to_queue.name(), name);
        assert_eq!(to_queue.target().unwrap().address.as_deref(), Some("q"));
        let mut queue = to_queue.accept_receiver(0, true).unwrap();
        let early = tokio::time::timeout(Duration::from_millis(50), queue.recv()).await;
        assert!(early.is_err(), "sent without credit");
        queue.grant(10);
        let (bytes, reply_to) = next(&mut queue).await;
        assert_eq!(bytes, "question");
        assert!(reply_to.is_some());
        to_client.send(data("answer")).await.unwrap();
        let mut seen = [0; 6];
        client.read_exact(&mut seen).await.unwrap();
        assert_eq!(&seen, b"answer");
        drop(queue);
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty());
        proxy.shutdown().await;
    });
}
