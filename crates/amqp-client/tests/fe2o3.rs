//! Against fe2o3-amqp, an independent implementation in Rust: its client and its acceptor.

mod common;

use common::*;
use fe2o3_amqp::acceptor::{ConnectionAcceptor, LinkAcceptor, LinkEndpoint, SessionAcceptor};
use fe2o3_amqp::types::messaging::Body as TheirBody;
use fe2o3_amqp::types::primitives::Value as TheirValue;
use iofog_amqp::{Body, Message, Value};
use iofog_amqp_client::*;
use tokio::net::TcpListener;
use tokio::task::spawn_local;

const COUNT: u32 = 200;

#[test]
fn fe2o3_uses_our_server() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("amqp://{}", listener.local_addr().unwrap());
        let peer = spawn_local(async move {
            let mut connection = fe2o3_amqp::Connection::open("theirs", &url[..]).await.unwrap();
            let mut session = fe2o3_amqp::Session::begin(&mut connection).await.unwrap();
            let mut sender = fe2o3_amqp::Sender::attach(&mut session, "s", "in").await.unwrap();
            for n in 0..COUNT {
                sender.send(n).await.unwrap().accepted_or("not accepted").unwrap();
            }
            sender.close().await.unwrap();
            let mut receiver =
                fe2o3_amqp::Receiver::attach(&mut session, "r", "out").await.unwrap();
            for n in 0..COUNT {
                let delivery = receiver.recv::<TheirBody<TheirValue>>().await.unwrap();
                let TheirBody::Value(value) = delivery.body() else { panic!("value") };
                assert_eq!(value.0, TheirValue::Uint(n));
                receiver.accept(&delivery).await.unwrap();
            }
            receiver.close().await.unwrap();
            session.end().await.unwrap();
            connection.close().await.unwrap();
        });
        let (stream, _) = listener.accept().await.unwrap();
        let options = ServerOptions { connection: options("ours") };
        let server = Connection::serve(Box::new(stream), options).await.unwrap();
        let mut receiver = server.accept_link().await.unwrap().accept_receiver(20, true).unwrap();
        for n in 0..COUNT {
            let delivery = receiver.recv().await.unwrap();
            let message = Message::decode(&delivery.message).unwrap();
            assert_eq!(message.body, Body::Value(Value::Uint(n)));
            delivery.accept();
        }
        let sender = server.accept_link().await.unwrap().accept_sender().unwrap();
        for n in 0..COUNT {
            let outcome = sender.send(Message::value(n).encode()).await.unwrap();
            assert_eq!(outcome, Outcome::Accepted);
        }
        peer.await.unwrap();
        assert_eq!(server.closed().await, CloseReason::Remote(None));
    });
}

#[test]
fn fe2o3_serves_our_client() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let peer = spawn_local(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut connection = ConnectionAcceptor::new("theirs").accept(stream).await.unwrap();
            let mut session = SessionAcceptor::new().accept(&mut connection).await.unwrap();
            let endpoint = LinkAcceptor::new().accept(&mut session).await.unwrap();
            let LinkEndpoint::Receiver(mut receiver) = endpoint else { panic!("receiver") };
            let mut kept = vec![];
            for _ in 0..COUNT {
                let delivery = receiver.recv::<TheirBody<TheirValue>>().await.unwrap();
                receiver.accept(&delivery).await.unwrap();
                kept.push(delivery.into_body());
            }
            let endpoint = LinkAcceptor::new().accept(&mut session).await.unwrap();
            let LinkEndpoint::Sender(mut sender) = endpoint else { panic!("sender") };
            for body in kept {
                let TheirBody::Value(value) = body else { panic!("value") };
                sender.send(value.0).await.unwrap().accepted_or("not accepted").unwrap();
            }
            (connection, session, receiver, sender)
        });
        let stream = TcpDial::new("127.0.0.1", port).dial().await.unwrap();
        // Its acceptor speaks bare AMQP unless told otherwise.
        let options = ConnectionOptions { sasl: Sasl::None, ..options("ours") };
        let client = Connection::open(stream, options).await.unwrap();
        let sender = client.sender(SenderOptions::to("q")).await.unwrap();
        for n in 0..COUNT {
            let body = if n == 9 { "z".repeat(100_000) } else { n.to_string() };
            let outcome = sender.send(Message::value(body.as_str()).encode()).await.unwrap();
            assert_eq!(outcome, Outcome::Accepted);
        }
        let mut receiver = client.receiver(ReceiverOptions::from("q")).await.unwrap();
        for n in 0..COUNT {
            let delivery = receiver.recv().await.unwrap();
            let Body::Value(Value::String(text)) = Message::decode(&delivery.message).unwrap().body
            else {
                panic!("string")
            };
            assert!(text == n.to_string() || n == 9 && text.len() == 100_000);
            delivery.accept();
        }
        drop(peer.await.unwrap());
    });
}
