//! Raw requests that try to be two, or to reach what they must not: refused, or carried as exactly one.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::domain::envelope::Envelope;
use crate::limits::Limits;
use crate::link::memory::MemoryNetwork;
use crate::link::memory::take;
use crate::link::{Connection, Network, ReceiveFrom};
use crate::testing::{config, connect, free_port, limits, proxy, run};

/// What must become of the raw bytes.
enum Fate {
    /// Answered with this status class; nothing is sent on.
    Refused,
    /// Sent on as one message with this body; none of its headers tells of the framing.
    Carried(&'static str),
}

use Fate::{Carried, Refused};

#[rustfmt::skip]
const CASES: &[(&str, Fate)] = &[
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n5c\r\nGPOST / HTTP/1.1\r\n\r\n0\r\n\r\n", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 4\r\n\r\nabcd", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -3\r\n\r\nabc", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x3\r\n\r\nabc", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3 \r\n\r\nabc", Carried("abc")),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\nabc", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1 2\r\n\r\nabc", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length : 3\r\n\r\nabc", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\nabc", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", Refused),
    ("POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: CHUNKED\r\n\r\n3\r\nabc\r\n0\r\n\r\n", Carried("abc")),
    ("POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n0\r\nx: y\r\n\r\n", Carried("abc")),
    ("POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", Refused),
    ("POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: chunked\r\n\r\n3\nabc\n0\n\n", Refused),
    ("GET / HTTP/1.1\r\n\r\n", Refused),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", Refused),
    ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Refused),
    ("GET / HTTP/1.1\r\nHost: a/../b\r\n\r\n", Refused),
    ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", Refused),
    ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", Refused),
    ("GET / HTTP/1.1\r\nHost: a\r\n X: b\r\n\r\n", Refused),
    ("GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n", Refused),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n", Refused),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n", Refused),
    ("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", Refused),
    ("GET / HTTP/1.1\r\nHost: a\r\nNoColon\r\n\r\n", Refused),
    ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", Refused),
    ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Refused),
    ("G\x01T / HTTP/1.1\r\nHost: a\r\n\r\n", Refused),
    ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", Refused),
    ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", Refused),
    ("GET /\r\n\r\n", Refused),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refused),
    ("CONNECT inner:22 HTTP/1.1\r\nHost: inner:22\r\n\r\n", Refused),
    ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", Refused),
    ("GET http://u:p@b/ HTTP/1.1\r\nHost: a\r\n\r\n", Refused),
    ("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", Refused),
    ("GET / HTTP/1.1\r\nHost: a\r\nExpect: something\r\n\r\n", Refused),
    ("GET / HTTP/1.1\r\nHost: a\r\nConnection: host, close, te\r\nTE: trailers\r\n\r\n", Carried("")),
    ("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\nUpgrade: h2c\r\n\r\n", Carried("")),
    ("GET / HTTP/1.1\r\nHost: a\r\nProxy-Authorization: x\r\nKeep-Alive: 5\r\n\r\n", Carried("")),
    ("GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n", Carried("")),
    ("GET / HTTP/1.0\r\n\r\n", Carried("")),
];

#[test]
fn smuggling_requests_are_refused_or_carried_as_one() {
    assert!(CASES.len() >= 40);
    run(async {
        for (raw, fate) in CASES {
            check(raw, fate).await;
        }
    });
}

async fn check(raw: &str, fate: &Fate) {
    let network = MemoryNetwork::default();
    let port = free_port();
    let proxy = proxy(&network, Limits { waiting: 4, ..limits() });
    proxy.apply(config(&[format!("http:{port}=>amqp:q")]), None);
    while !proxy.status().mappings[0].router_connected {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let connection = network.connect("test").await.unwrap();
    let source = Some("q".to_owned());
    let from = ReceiveFrom { source, credit: 10, renew: true, most: 1 << 20, session: None };
    let mut queue = connection.receiver(from).await.unwrap();
    let mut client = connect(port).await;
    client.write_all(raw.as_bytes()).await.unwrap();
    match fate {
        Refused => {
            // No more bytes will come: whoever waits for the rest of the body has to give up.
            let mut answer = Vec::new();
            let _ = client.shutdown().await;
            let read = client.read_to_end(&mut answer);
            let read = tokio::time::timeout(Duration::from_secs(5), read).await;
            assert!(read.is_ok(), "{raw:?} is not answered");
            let answer = String::from_utf8_lossy(&answer);
            let refused = ["400", "413", "417", "501", "505"];
            let status = answer.get(9..12).unwrap_or("");
            assert!(answer.is_empty() || refused.contains(&status), "{raw:?}: {answer}");
            assert!(network.sent().is_empty(), "{raw:?} was sent on: {:?}", network.sent());
        }
        Carried(body) => {
            let message: Envelope = take(&mut queue, 1).await.remove(0).unwrap();
            assert_eq!(message.body, *body, "{raw:?}");
            for name in ["transfer-encoding", "connection", "te", "upgrade", "keep-alive", "expect"]
            {
                assert_eq!(message.header(name), None, "{raw:?}");
            }
            let length = (!body.is_empty()).then(|| body.len().to_string());
            assert_eq!(message.header("content-length").map(str::to_owned), length, "{raw:?}");
            assert_eq!(network.sent().len(), 1, "{raw:?}");
        }
    }
}
