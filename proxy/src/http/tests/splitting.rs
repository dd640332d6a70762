//! Raw answers of a target that try to be two, or to be taken in two ways: the client sees exactly one response,
//! or that there is none, and the next client sees nothing of it.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::link::memory::MemoryNetwork;
use crate::testing::{config, free_port, limits, proxy, run, talk};

/// What the client must see.
#[derive(Debug)]
enum Fate {
    /// A status of the proxy, or a body that is visibly cut.
    None,
    /// This status and body.
    One(u16, &'static str),
}

use Fate::{None as Nothing, One};

#[rustfmt::skip]
const CASES: &[(&str, Fate)] = &[
    ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", One(200, "abc")),
    ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", One(200, "abc")),
    ("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", One(204, "")),
    ("HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil", One(304, "")),
    ("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", One(200, "abc")),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", One(200, "abc")),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", One(200, "abc")),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nabc\r\n0\r\nX-T: y\r\n\r\n", One(200, "abc")),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", One(200, "abc")),
    ("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nevil", Nothing),
    ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", Nothing),
    ("HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\nabcd", Nothing),
    ("HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc", Nothing),
    ("HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc", Nothing),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0x3\r\n\r\nabc", Nothing),
    ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabc", Nothing),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n", Nothing),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n", Nothing),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", Nothing),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n", Nothing),
    ("HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc", Nothing),
    ("HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 3\r\n\r\nabc", Nothing),
    ("HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 3\r\n\r\nabc", Nothing),
    ("HTTP/1.1 200 OK\r\nNoColon\r\nContent-Length: 3\r\n\r\nabc", Nothing),
    ("HTTP/1.1 99 Low\r\nContent-Length: 3\r\n\r\nabc", Nothing),
    ("HTTP/1.1 2 OK\r\nContent-Length: 3\r\n\r\nabc", Nothing),
    ("HTTP/1.1 2000 OK\r\nContent-Length: 3\r\n\r\nabc", Nothing),
    ("HTTP/2.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", Nothing),
    ("ICY 200 OK\r\nContent-Length: 3\r\n\r\nabc", Nothing),
    ("abc\r\n\r\n", Nothing),
    ("\x16\x03\x01\x02\x00", Nothing),
    ("HTTP/1.1 200 OK\r\nConnection: X-Secret, close\r\nX-Secret: s\r\nContent-Length: 3\r\n\r\nabc", One(200, "abc")),
    ("HTTP/1.1 200 OK\r\nKeep-Alive: 5\r\nProxy-Authenticate: x\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc", One(200, "abc")),
];

/// Status and body of a response that is complete by its own account.
fn complete(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status: u16 = head.get(9..12)?.parse().ok()?;
    let head = head.to_ascii_lowercase();
    for name in ["keep-alive:", "proxy-", "upgrade:", "x-secret", "x-t:", "trailer:"] {
        assert!(!head.contains(name), "{head}");
    }
    if !head.contains("transfer-encoding: chunked") {
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: Option<usize> = length.map(|text| text.parse().unwrap());
        let whole = status == 304 || length.unwrap_or(0) == body.len();
        return whole.then(|| (status, body.to_owned()));
    }
    let (mut rest, mut all) = (body, String::new());
    loop {
        let (length, after) = rest.split_once("\r\n")?;
        let length = usize::from_str_radix(length, 16).ok()?;
        if length == 0 {
            return (after == "\r\n").then_some((status, all));
        }
        all.push_str(after.get(..length)?);
        rest = after.get(length..)?.strip_prefix("\r\n")?;
    }
}

/// A target whose first answer is `raw` and whose others are `second`.
async fn target(raw: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let first = Rc::new(Cell::new(true));
    tokio::task::spawn_local(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let first = Rc::clone(&first);
            tokio::task::spawn_local(async move {
                let mut buffer = [0; 4096];
                while let Ok(1..) = stream.read(&mut buffer).await {
                    let good = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecond";
                    let answer = if first.replace(false) { raw } else { good };
                    let _ = stream.write_all(answer.as_bytes()).await;
                    if !answer.starts_with("HTTP/1.1 2") && !answer.starts_with("HTTP/1.1 1") {
                        // No one can tell where such an answer ends.
                        return;
                    }
                }
            });
        }
    });
    port
}

#[test]
fn splitting_answers_are_one_response_or_none() {
    assert!(CASES.len() >= 30);
    run(async {
        for (raw, fate) in CASES {
            let network = MemoryNetwork::default();
            let (port, target) = (free_port(), target(raw).await);
            let mut limits = limits();
            limits.timings.target = Duration::from_millis(500);
            let proxy = proxy(&network, limits);
            let mappings = [format!("http:{port}=>amqp:q"), format!("amqp:q=>http:{target}")];
            proxy.apply(config(&mappings), Option::None);
            network.served("q").await;
            // A POST is asked once only, so that the second answer is not taken for the first.
            let post =
                b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\nconnection: close\r\n\r\nx";
            let answer = talk(port, post).await;
            match fate {
                One(status, body) => {
                    assert_eq!(complete(&answer), Some((*status, (*body).to_owned())), "{raw:?}");
                }
                Nothing => {
                    let seen = complete(&answer).map(|(status, _)| status);
                    assert!(matches!(seen, Option::None | Some(502 | 504)), "{raw:?}: {answer}");
                    assert!(!answer.contains("evil"), "{raw:?}: {answer}");
                }
            }
            let next = complete(&talk(port, post).await);
            assert_eq!(next, Some((200, "second".to_owned())), "{raw:?}");
        }
    });
}
