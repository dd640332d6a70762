//! Messages that no proxy should send, and clients that do not speak the protocol.

use bytes::Bytes;
use hyper::Request;
use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;

use super::{Local, Piece, channel, client, get, target, text};
use crate::domain::envelope::{CorrelationId, Envelope, Form, HeaderField, Part, Streamed, Then};
use crate::domain::exchange::Settled;
use crate::link::memory::{MemoryNetwork, send_once};
use crate::link::{Connection, Delivery, Network, ReceiveFrom, Receiver, SendTo, Sender};
use crate::testing::{config, connect, free_port, limits, proxy, run, talk};

fn header(name: &str, value: &str) -> (String, HeaderField) {
    (name.to_owned(), HeaderField::One(value.to_owned()))
}

#[test]
fn http2_messages_that_open_nothing_are_rejected() {
    run(async {
        let network = MemoryNetwork::default();
        let near = proxy(&network, limits());
        near.apply(config(&[format!("amqp:q=>http2:{}", target().await)]), None);
        network.served("q").await;
        let good = Envelope {
            to: Some("/".to_owned()),
            subject: Some("GET".to_owned()),
            reply_to: Some("r".to_owned()),
            correlation_id: Some(CorrelationId::Number(1)),
            stream: Some(Streamed { ended: true, trailers: Vec::new() }),
            ..Envelope::default()
        };
        let trailers = vec![header("x\r\ny", "z")];
        for bad in [
            Envelope::default(),
            Envelope { stream: None, ..good.clone() },
            Envelope { reply_to: None, ..good.clone() },
            Envelope { reply_to: Some(String::new()), ..good.clone() },
            Envelope { subject: Some("CONNECT".to_owned()), ..good.clone() },
            Envelope { to: Some("/a b".to_owned()), ..good.clone() },
            Envelope { headers: vec![header(":authority", "a/b")], ..good.clone() },
            Envelope { headers: vec![header("x", "a\nb")], ..good.clone() },
            Envelope { stream: Some(Streamed { ended: true, trailers }), ..good.clone() },
        ] {
            assert_eq!(send_once(&network, "q", bad.clone()).await, Settled::Rejected, "{bad:?}");
        }
        assert_eq!(send_once(&network, "q", good).await, Settled::Accepted);
    });
}

/// Answers one request with `answers`, addressed to it; tells what became of each.
async fn answered_with(answers: Vec<Envelope>) -> (Result<(u16, String), ()>, Vec<Settled>) {
    let network = MemoryNetwork::default();
    let public = free_port();
    let far = proxy(&network, limits());
    let connection = network.connect("peer").await.unwrap();
    let from = ReceiveFrom {
        source: Some("q".to_owned()),
        credit: 10,
        renew: true,
        most: 1 << 20,
        session: None,
    };
    let mut requests = connection.receiver(from).await.unwrap();
    far.apply(config(&[format!("http2:{public}=>amqp:q")]), None);
    let peer = async {
        let delivery = requests.recv().await.unwrap();
        let request = delivery.envelope().unwrap();
        delivery.settle(Settled::Accepted);
        let reply_to = request.reply_to.unwrap();
        let sender = connection.sender(SendTo::target(&reply_to)).await.unwrap();
        let mut outcomes = Vec::new();
        for answer in answers {
            let correlation_id = answer.correlation_id.clone().or(request.correlation_id.clone());
            let sent = sender.send(Envelope { correlation_id, ..answer }).await.unwrap();
            outcomes.push(sent);
        }
        let mut settled = Vec::new();
        for outcome in outcomes {
            settled.push(outcome.await.unwrap());
        }
        settled
    };
    let mut client = client(public).await;
    while far.status().mappings.iter().any(|mapping| !mapping.router_connected) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let asked = async {
        let answer = client.send_request(get("/")).await.map_err(drop)?;
        let status = answer.status().as_u16();
        let body = http_body_util::BodyExt::collect(answer.into_body()).await.map_err(drop)?;
        Ok((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
    };
    tokio::join!(asked, peer)
}

fn head(status: &str, body: &'static str, ended: bool) -> Envelope {
    Envelope {
        subject: Some("response".to_owned()),
        headers: vec![header(":status", status)],
        body: Bytes::from_static(body.as_bytes()),
        stream: Some(Streamed { ended, trailers: Vec::new() }),
        ..Envelope::default()
    }
}

fn more(body: &'static str, ended: bool) -> Envelope {
    Envelope { subject: None, headers: Vec::new(), ..head("", body, ended) }
}

#[test]
fn http2_answers_are_one_response_or_none() {
    run(async {
        let whole = answered_with(vec![head("200", "a", false), more("b", true)]).await;
        assert_eq!(whole, (Ok((200, "ab".to_owned())), vec![Settled::Accepted; 2]));
        let bare = answered_with(vec![head("204", "", true)]).await;
        assert_eq!(bare.0, Ok((204, String::new())));
        for bad in [
            vec![head("101", "", true)],
            vec![head("2", "", true)],
            vec![more("no head", true)],
            vec![Envelope { stream: None, ..head("200", "x", true) }],
            vec![Envelope { headers: vec![header("x", "\r")], ..head("200", "x", true) }],
        ] {
            let (answer, _) = answered_with(bad.clone()).await;
            assert_eq!(answer.map(|(status, _)| status), Ok(502), "{bad:?}");
        }
        // Cut off, by a reset or by more than was granted: never taken for a whole response.
        let abort = Form::Part(Part { number: 2, then: Then::Abort });
        let abort = Envelope { form: abort, ..more("", true) };
        assert!(answered_with(vec![abort.clone()]).await.0.is_err());
        assert!(answered_with(vec![head("200", "x", false), abort]).await.0.is_err());
        let flood: Vec<_> = (0..100).map(|_| more("x", false)).collect();
        let (answer, outcomes) =
            answered_with([vec![head("200", "", false)], flood].concat()).await;
        assert!(answer.is_err());
        assert!(outcomes.contains(&Settled::Rejected), "{outcomes:?}");
    });
}

#[test]
fn http2_answers_to_no_stream_are_rejected() {
    run(async {
        let other =
            Envelope { correlation_id: Some(CorrelationId::Number(99)), ..head("200", "", true) };
        let (answer, outcomes) = answered_with(vec![other, head("200", "x", true)]).await;
        assert_eq!(answer, Ok((200, "x".to_owned())));
        assert_eq!(outcomes, [Settled::Rejected, Settled::Accepted]);
    });
}

#[test]
fn http2_other_protocols_are_turned_away_and_others_served() {
    run(async {
        let network = MemoryNetwork::default();
        let public = free_port();
        let both = proxy(&network, limits());
        let target = target().await;
        both.apply(
            config(&[format!("http2:{public}=>amqp:q"), format!("amqp:q=>http2:{target}")]),
            None,
        );
        network.served("q").await;
        for hello in [
            &b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"[..],
            b"\x16\x03\x01\x00\x01",
            b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        ] {
            let answer = talk(public, hello).await;
            assert!(!answer.contains("200"), "{answer}");
        }
        let mut client = client(public).await;
        let (status, _) = text(client.send_request(get("/")).await.unwrap()).await;
        assert_eq!(status, 200);
    });
}

#[test]
fn http2_a_head_that_overtakes_its_settlement_stops_no_request() {
    run(async {
        let network = MemoryNetwork::default();
        let public = free_port();
        let far = proxy(&network, limits());
        let connection = network.connect("peer").await.unwrap();
        let from =
            |source| ReceiveFrom { source, credit: 10, renew: true, most: 1 << 20, session: None };
        let mut requests = connection.receiver(from(Some("q".to_owned()))).await.unwrap();
        let mut rest = connection.receiver(from(None)).await.unwrap();
        far.apply(config(&[format!("http2:{public}=>amqp:q")]), None);
        let stream = TokioIo::new(connect(public).await);
        let (mut client, serving) = http2::handshake(Local, stream).await.unwrap();
        tokio::task::spawn_local(serving);
        while far.status().mappings.iter().any(|mapping| !mapping.router_connected) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let (inlet, body) = channel();
        let bytes = |text: &'static str| Piece {
            bytes: Bytes::from_static(text.as_bytes()),
            ..Piece::nothing()
        };
        assert!(inlet.add(bytes("first")).is_ok());
        let request = Request::post("http://h/").body(body).unwrap();
        let asked = client.send_request(request);
        let peer = async {
            let delivery = requests.recv().await.unwrap();
            let request = delivery.envelope().unwrap();
            let sender = SendTo::target(request.reply_to.as_deref().unwrap());
            let sender = connection.sender(sender).await.unwrap();
            let reply_to = rest.address().map(str::to_owned);
            let correlation_id = request.correlation_id.clone();
            let answer = Envelope { correlation_id, reply_to, ..head("200", "", false) };
            sender.send(answer).await.unwrap().await.unwrap();
            delivery.settle(Settled::Accepted);
            request.body.to_vec()
        };
        let (answer, mut sent) = tokio::join!(asked, peer);
        // Kept: dropping it would reset the stream.
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(inlet.add(Piece { ended: true, ..bytes("rest") }).is_ok());
        while !sent.ends_with(b"rest") {
            let delivery = rest.recv().await.unwrap();
            sent.extend_from_slice(&delivery.envelope().unwrap().body);
            delivery.settle(Settled::Accepted);
        }
        assert_eq!(sent, b"firstrest");
    });
}
