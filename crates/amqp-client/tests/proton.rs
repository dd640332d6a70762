//! Against Qpid Proton, an independent implementation. Skipped where the system's Python has no `proton`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test code outside of test functions")]

mod common;

use std::process::Stdio;

use bytes::Bytes;
use common::*;
use iofog_amqp::{Body, Message, Value};
use iofog_amqp_client::*;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

const PYTHON: &str = "/usr/bin/python3";

/// A script of `tests/proton`, or none when Proton is not here.
async fn script(name: &str, argument: &str) -> Option<Child> {
    let check = Command::new(PYTHON).args(["-c", "import proton"]).stderr(Stdio::null()).status();
    if !check.await.is_ok_and(|status| status.success()) {
        println!("skipped: no Qpid Proton for {PYTHON}");
        return None;
    }
    let path = format!("{}/tests/proton/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(PYTHON);
    command.arg(path).arg(argument).stdout(Stdio::piped()).kill_on_drop(true);
    Some(command.spawn().unwrap())
}

fn message(subject: &str, body: Value) -> Bytes {
    let mut message = Message::value(body);
    message.properties_mut().subject = Some(subject.into());
    message.encode()
}

#[test]
fn proton_serves_our_client() {
    run(async {
        let Some(mut child) = script("echo.py", "").await else { return };
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.next_line().await.unwrap().unwrap().trim().parse().unwrap();
        let stream = TcpDial::new("127.0.0.1", port).dial().await.unwrap();
        let client = Connection::open(stream, options("ours")).await.unwrap();

        let sender = client.sender(SenderOptions::to("echo")).await.unwrap();
        assert_eq!(sender.address(), Some("echo"));
        let mut receiver = client.receiver(ReceiverOptions::from(Address::Dynamic)).await.unwrap();
        assert_eq!(receiver.address(), Some("made-by-proton"));

        let rejected = sender.send(message("reject", Value::Null)).await.unwrap();
        assert!(matches!(rejected, Outcome::Rejected(_)), "{rejected:?}");
        let released = sender.send(message("release", Value::Null)).await.unwrap();
        assert_eq!(released, Outcome::Released);

        for n in 0..300u32 {
            let body = Value::from("y".repeat(if n == 100 { 1_000_000 } else { 20 }));
            let outcome = sender.send(message(&n.to_string(), body.clone())).await.unwrap();
            assert_eq!(outcome, Outcome::Accepted);
            let delivery = receiver.recv().await.unwrap();
            let echoed = Message::decode(&delivery.message).unwrap();
            assert_eq!(echoed.properties.unwrap().subject, Some(n.to_string()));
            assert_eq!(echoed.body, Body::Value(body));
            delivery.accept();
        }
        receiver.drain().await;
        assert_eq!(receiver.credit(), 0);
        drop((sender, receiver));
        client.close();
        assert_eq!(client.closed().await, CloseReason::Local);
    });
}

#[test]
fn proton_uses_our_server() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let Some(child) = script("client.py", &port).await else { return };
        let (stream, _) = listener.accept().await.unwrap();
        let options = ServerOptions { connection: options("ours") };
        let server = Connection::serve(Box::new(stream), options).await.unwrap();

        let mut receiver = server.accept_link().await.unwrap().accept_receiver(30, true).unwrap();
        let mut kept = vec![];
        for n in 0..200u32 {
            let delivery = receiver.recv().await.unwrap();
            let message = Message::decode(&delivery.message).unwrap();
            assert_eq!(message.application_property("n").and_then(Value::as_u64), Some(n.into()));
            kept.push(delivery.message.clone());
            delivery.accept();
        }
        let sender = server.accept_link().await.unwrap().accept_sender().unwrap();
        for message in kept {
            assert_eq!(sender.send(message).await.unwrap(), Outcome::Accepted);
        }
        assert_eq!(server.closed().await, CloseReason::Remote(None));
        let output = child.wait_with_output().await.unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "200 200");
    });
}
