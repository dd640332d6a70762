//! Bytes of clients and targets on a connection: what is made of them is read again by the other side, which must see
//! the same. "Never two views" as a property.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1 as http1_client;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::{check_headers, envelope};
use crate::domain::budget::Budget;
use crate::domain::envelope::Envelope;
use crate::domain::request::RequestHead;
use crate::domain::{request, response};
use crate::http::body::collect;
use crate::http::serve::rules;
use crate::link::{decode, encode};

/// More than any input; what does not fit would wait for a reader that does not come.
const ROOM: usize = 1 << 20;
const NEVER: Duration = Duration::from_secs(3600);

/// What a client sends on one connection, up to the bytes that a target gets.
///
/// # Panics
/// The target sees another request than the proxy, more than one, or none.
pub fn client(bytes: &[u8]) {
    run(async {
        for message in requests(bytes).await {
            envelope(&message);
            let decoded = decode(&encode(message.clone()));
            let decoded = decoded.unwrap_or_else(|error| fail(&error));
            assert_eq!(Envelope { raw: message.raw, ..decoded.clone() }, message);
            let Ok(request) = request::from_envelope(&decoded, "localhost:80") else {
                fail(&"a request that was taken cannot be sent on")
            };
            check_headers(request.headers(), request.body().len());
            let seen = seen_by_target(request.clone()).await;
            assert_eq!(seen.len(), 1);
            for (parts, body) in seen {
                assert_eq!(&parts.method, request.method());
                assert_eq!(parts.uri.path_and_query(), request.uri().path_and_query());
                assert_eq!(&parts.headers, request.headers());
                assert_eq!(&body, request.body());
            }
        }
    });
}

/// What a target sends as its answer, up to the response that a client gets: the first byte says whether it was asked
/// by `HEAD`.
///
/// # Panics
/// The client sees another response than the proxy.
pub fn target(bytes: &[u8]) {
    let [head, answer @ ..] = bytes else { return };
    let method = if head & 1 == 1 { Method::HEAD } else { Method::GET };
    run(async {
        let Some(message) = answered(answer, &method).await else { return };
        envelope(&message);
        let Ok(decoded) = decode(&encode(message.clone())) else { fail(&"no message") };
        assert_eq!(Envelope { raw: message.raw, ..decoded.clone() }, message);
        // The status of an answer may be one that no client is to get.
        let Ok(response) = response::from_envelope(&decoded, &method) else { return };
        let (parts, body) = seen_by_client(response.clone(), &method).await;
        assert_eq!(parts.status, response.status());
        assert_eq!(&body, response.body());
        // The HTTP library leaves the length out of a 304, as the standard allows.
        let length = parts.status != StatusCode::NOT_MODIFIED;
        assert_eq!(compared(&parts.headers, length), compared(response.headers(), length));
    });
}

/// The messages that are sent for a client's bytes.
async fn requests(bytes: &[u8]) -> Vec<Envelope> {
    let messages = Rc::new(RefCell::new(Vec::new()));
    let (mut near, far) = duplex(ROOM);
    if bytes.len() >= ROOM || near.write_all(bytes).await.is_err() {
        return Vec::new();
    }
    let _ = near.shutdown().await;
    let sent = Rc::clone(&messages);
    let service = service_fn(move |request: Request<Incoming>| {
        let sent = Rc::clone(&sent);
        async move {
            let (parts, body) = request.into_parts();
            let head = RequestHead::read(&parts);
            let held = collect(body, ROOM, NEVER, &Budget::new(ROOM)).await;
            let mut response = Response::new(Full::new(Bytes::new()));
            match (head, held) {
                (Ok(head), Ok(held)) => {
                    sent.borrow_mut().push(head.into_envelope(held.bytes, "reply", 1));
                }
                _ => *response.status_mut() = StatusCode::BAD_REQUEST,
            }
            Ok::<_, Infallible>(response)
        }
    });
    let _ = rules().serve_connection(TokioIo::new(far), service).await;
    messages.take()
}

/// What a target makes of the bytes of a request.
async fn seen_by_target(request: Request<Bytes>) -> Vec<(http::request::Parts, Bytes)> {
    let (near, far) = duplex(2 * ROOM);
    let seen = Rc::new(RefCell::new(Vec::new()));
    let record = Rc::clone(&seen);
    let service = service_fn(move |request: Request<Incoming>| {
        let record = Rc::clone(&record);
        async move {
            let (parts, body) = request.into_parts();
            let held = collect(body, ROOM, NEVER, &Budget::new(ROOM)).await;
            if let Ok(held) = held {
                record.borrow_mut().push((parts, held.bytes));
            }
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
        }
    });
    // Its bounds are the target's own business.
    let server = hyper::server::conn::http1::Builder::new();
    let serving = server.serve_connection(TokioIo::new(far), service);
    let _ = both(ask(near, request.map(Full::new)), serving).await;
    seen.take()
}

/// One request, then the end of the connection.
async fn ask(
    stream: DuplexStream,
    request: Request<Full<Bytes>>,
) -> Option<(http::response::Parts, Bytes)> {
    let (mut sender, connection) = http1_client::handshake(TokioIo::new(stream)).await.ok()?;
    let asked = async move {
        let (parts, body) = sender.send_request(request).await.ok()?.into_parts();
        let held = collect(body, ROOM, NEVER, &Budget::new(ROOM)).await.ok()?;
        Some((parts, held.bytes))
    };
    both(asked, connection).await.0
}

/// The message for a target's answer; none when it is no response.
async fn answered(bytes: &[u8], method: &Method) -> Option<Envelope> {
    let (near, mut far) = duplex(ROOM);
    let answer = async {
        // Not before it was asked: what comes too early is no answer.
        let mut asked = [0; 4096];
        let _ = far.read(&mut asked).await;
        let _ = far.write_all(bytes).await;
        let _ = far.shutdown().await;
        drop(far);
    };
    let request = Request::builder().method(method).uri("/").header("host", "h");
    let request = request.body(Full::new(Bytes::new())).ok()?;
    let ((parts, body), ()) = match both(ask(near, request), answer).await {
        (Some(answered), ()) => (answered, ()),
        (None, ()) => return None,
    };
    Some(response::into_envelope(&parts, body, method, "reply".to_owned(), None))
}

/// What a client makes of the bytes of a response.
async fn seen_by_client(
    response: Response<Bytes>,
    method: &Method,
) -> (http::response::Parts, Bytes) {
    let (near, far) = duplex(2 * ROOM);
    let service = service_fn(move |_: Request<Incoming>| {
        let response = response.clone().map(Full::new);
        async move { Ok::<_, Infallible>(response) }
    });
    let request = Request::builder().method(method).uri("/").header("host", "h");
    let Ok(request) = request.body(Full::new(Bytes::new())) else { fail(&"no request") };
    let rules = rules();
    let serving = rules.serve_connection(TokioIo::new(far), service);
    let Some(seen) = both(ask(near, request), serving).await.0 else {
        fail(&"a response that was taken cannot be passed on")
    };
    seen
}

/// Headers without the date, which is the client's proxy's own, and without the length where it does not count.
fn compared(headers: &http::HeaderMap, length: bool) -> http::HeaderMap {
    let mut headers = headers.clone();
    headers.remove("date");
    if !length {
        headers.remove("content-length");
    }
    headers
}

/// Drives both futures to their ends.
async fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut left, mut right) = (None, None);
    poll_fn(|cx| {
        if left.is_none()
            && let Poll::Ready(output) = a.as_mut().poll(cx)
        {
            left = Some(output);
        }
        if right.is_none()
            && let Poll::Ready(output) = b.as_mut().poll(cx)
        {
            right = Some(output);
        }
        match (left.take(), right.take()) {
            (Some(left), Some(right)) => Poll::Ready((left, right)),
            (one, other) => {
                (left, right) = (one, other);
                Poll::Pending
            }
        }
    })
    .await
}

#[allow(clippy::panic, reason = "what is found is to be seen")]
pub(super) fn fail(why: &dyn std::fmt::Display) -> ! {
    panic!("{why}")
}

fn run(work: impl Future<Output = ()>) {
    thread_local! {
        static RUNTIME: Option<tokio::runtime::Runtime> =
            tokio::runtime::Builder::new_current_thread().enable_time().build().ok();
    }
    RUNTIME.with(|runtime| {
        if let Some(runtime) = runtime {
            runtime.block_on(work);
        }
    });
}
