//! Answers: always with a length, and errors that close the connection (agent contract, 8.1).

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::Value;

pub(super) type Answer = Response<Full<Bytes>>;

/// A refusal: status and a text that names the field and the rule.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    text: String,
}

/// A body without content type, as the message routes answer.
pub(super) fn plain(body: impl Into<Bytes>) -> Answer {
    Response::new(Full::new(body.into()))
}

/// A JSON body with its content type, as the administration routes answer.
pub(super) fn json(status: StatusCode, body: &Value) -> Answer {
    let mut answer = plain(body.to_string());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    close_unless_ok(&mut answer);
    answer
}

fn close_unless_ok(answer: &mut Answer) {
    if answer.status() != StatusCode::OK {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

// === impl Refusal ===

impl Refusal {
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }

    pub(super) fn bad_request(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        // The text is followed by the status, as upstream does; peers look at the code only.
        let mut answer = plain(format!("{} {}", refusal.text, refusal.status));
        *answer.status_mut() = refusal.status;
        close_unless_ok(&mut answer);
        answer
    }
}
