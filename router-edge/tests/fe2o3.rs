//! fe2o3-amqp, an independent implementation in Rust, as a client of the router over TLS.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test support: failures are its purpose")]

#[path = "support/files.rs"]
mod files;
mod support;

use fe2o3_amqp::sasl_profile::SaslProfile;
use fe2o3_amqp::types::messaging::Body;
use fe2o3_amqp::types::primitives::Value;
use fe2o3_amqp::{Connection, Receiver, Sender, Session};
use files::Files;
use iofog_router::config::{Mode, Role};
use iofog_tls::{ClientOptions, Trust};
use support::{port, run};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How it authenticates, and what the listener asks for.
const WAYS: [(&str, Option<&str>, bool); 3] =
    [("ANONYMOUS", None, false), ("PLAIN", Some("sesame"), false), ("ANONYMOUS", None, true)];

#[test]
fn it_sends_and_receives_over_tls() {
    run(async {
        let files = Files::new("fe2o3");
        for (mechanism, password, mutual) in WAYS {
            let listener = format!(
                "listener {{\n name: normal\n host: 127.0.0.1\n port: 0\n sslProfile: server\n requireSsl: yes\n \
                 saslMechanisms: {mechanism}\n authenticatePeer: {}\n}}\n",
                if password.is_some() { "yes" } else { "no" },
            );
            let router = files.router(Mode::Interior, "A", &listener).await;
            let trust = Trust::from_pem(files.authority.certificate().as_bytes()).unwrap();
            let identity = mutual.then(|| files.identity("client"));
            let config = ClientOptions { identity, ..ClientOptions::new(trust) }.build().unwrap();
            let stream = TcpStream::connect(port(&router, Role::Normal)).await.unwrap();
            let name = "localhost".try_into().unwrap();
            let stream = TlsConnector::from(config).connect(name, stream).await.unwrap();
            let sasl = match password {
                None => SaslProfile::Anonymous,
                Some(password) => {
                    SaslProfile::Plain { username: "ann".into(), password: password.into() }
                }
            };
            let mut connection = Connection::builder()
                .container_id("theirs")
                .hostname("localhost")
                .sasl_profile(sasl)
                .open_with_stream(stream)
                .await
                .unwrap();
            let mut session = Session::begin(&mut connection).await.unwrap();
            let mut receiver = Receiver::attach(&mut session, "r", "q").await.unwrap();
            let mut sender = Sender::attach(&mut session, "s", "q").await.unwrap();
            for n in 0..200_u32 {
                // One of them takes many frames and TLS records.
                let text = if n == 9 { "z".repeat(300_000) } else { n.to_string() };
                let (outcome, ()) = tokio::join!(sender.send(text.clone()), async {
                    let delivery = receiver.recv::<Body<Value>>().await.unwrap();
                    let Body::Value(value) = delivery.body() else { panic!("a value") };
                    assert_eq!(value.0, Value::String(text.clone()));
                    receiver.accept(&delivery).await.unwrap();
                });
                outcome.unwrap().accepted_or("not accepted").unwrap();
            }
            sender.close().await.unwrap();
            receiver.close().await.unwrap();
            session.end().await.unwrap();
            connection.close().await.unwrap();
            router.shutdown().await;
        }
    });
}
