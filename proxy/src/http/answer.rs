//! Answers that the proxy gives itself.

use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::body::Held;
use super::parts::ResponseBody;
use crate::domain::failure::{Failure, Refusal};

/// The answer to a request that could not be served.
pub(super) fn failed(failure: Failure, compat: bool) -> Response<ResponseBody> {
    let mut response = text(failure.status(compat), failure.text());
    if let Some(seconds) = failure.retry_after().filter(|_| !compat) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The answer to a request that was not sent on; what is left of its body is not read.
pub(super) fn refused(refusal: Refusal) -> Response<ResponseBody> {
    let mut response = text(refusal.status(), refusal.text());
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn text(status: u16, text: impl Into<String>) -> Response<ResponseBody> {
    let mut line = text.into();
    line.push('\n');
    let mut response = Response::new(Held::text(line).into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}
