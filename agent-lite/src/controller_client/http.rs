//! HTTP/1.1 calls with a few kept connections, bound to the configured source address.

use std::cell::RefCell;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::http::{HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::connect::Dialler;
use super::url::BaseUrl;
use super::{Access, ControllerError};
use iofog_http::Sender;

/// Largest body taken from a Controller.
const BODY_LIMIT: usize = 8 * 1024 * 1024;
/// Connections kept between calls: one for held requests, one for the rest.
const KEPT: usize = 2;

/// One call.
pub(super) struct Exchange {
    pub(super) method: Method,
    /// Below the base URL.
    pub(super) path: &'static str,
    pub(super) body: Option<Value>,
    pub(super) headers: Vec<(&'static str, String)>,
    /// Longest time until the whole answer is there.
    pub(super) limit: Duration,
}

/// A successful answer; no body counts as an empty object.
pub(super) struct Reply {
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

/// Idle connections.
#[derive(Default)]
pub(super) struct Pool {
    idle: RefCell<Vec<Sender>>,
}

// === impl Pool ===

impl Pool {
    pub(super) fn clear(&self) {
        self.idle.borrow_mut().clear();
    }

    pub(super) async fn exchange(
        &self,
        dialler: &Dialler,
        base: &BaseUrl,
        access: &Access,
        exchange: Exchange,
    ) -> Result<Reply, ControllerError> {
        let request = build(base, access, &exchange)?;
        let work = async {
            // A kept connection may have been closed meanwhile: then the request never left, so a new one is safe.
            while let Some(mut sender) = self.take() {
                if sender.ready().await.is_err() {
                    continue;
                }
                let mut error = match sender.try_send_request(request.clone()).await {
                    Ok(response) => return self.receive(sender, response).await,
                    Err(error) => error,
                };
                let never_left = error.take_message().is_some();
                if !never_left && !is_repeatable(&exchange.method) {
                    return Err(ControllerError::Broken(error.into_error()));
                }
            }
            let mut sender = dialler.sender(base, access).await?;
            let response =
                sender.send_request(request.clone()).await.map_err(ControllerError::Broken)?;
            self.receive(sender, response).await
        };
        timeout(exchange.limit, work).await.map_err(|_| ControllerError::Timeout)?
    }

    fn take(&self) -> Option<Sender> {
        let mut idle = self.idle.borrow_mut();
        idle.retain(|sender| !sender.is_closed());
        idle.pop()
    }

    async fn receive(
        &self,
        sender: Sender,
        response: Response<hyper::body::Incoming>,
    ) -> Result<Reply, ControllerError> {
        let (head, body) = response.into_parts();
        let collected = Limited::new(body, BODY_LIMIT).collect().await;
        let bytes =
            collected.map_err(|error| ControllerError::malformed(error.to_string()))?.to_bytes();
        if !sender.is_closed() && self.idle.borrow().len() < KEPT {
            self.idle.borrow_mut().push(sender);
        }
        if !head.status.is_success() {
            return Err(refusal(head.status, &head.headers, &bytes));
        }
        if head.status == StatusCode::NO_CONTENT || bytes.is_empty() {
            return Ok(Reply { headers: head.headers, body: json!({}) });
        }
        let body = serde_json::from_slice(&bytes)
            .map_err(|_| ControllerError::malformed("body is not json"))?;
        Ok(Reply { headers: head.headers, body })
    }
}

/// Repeating it does no harm even if the first one was executed.
fn is_repeatable(method: &Method) -> bool {
    *method != Method::POST
}

pub(super) fn build(
    base: &BaseUrl,
    access: &Access,
    exchange: &Exchange,
) -> Result<Request<Full<Bytes>>, ControllerError> {
    let unusable = |what: &str| {
        ControllerError::Url(format!("{what} holds characters that http does not allow"))
    };
    let uri = format!("{}{}", base.prefix, exchange.path);
    let host = if base.host.contains(':') { format!("[{}]", base.host) } else { base.host.clone() };
    let mut request = Request::builder()
        .method(exchange.method.clone())
        .uri(uri)
        .header(HOST, format!("{host}:{}", base.port))
        .header("request-id", request_id());
    if !access.token.is_empty() {
        let mut token = HeaderValue::from_str(&access.token).map_err(|_| unusable("token"))?;
        token.set_sensitive(true);
        request = request.header(AUTHORIZATION, token);
    }
    for (name, value) in &exchange.headers {
        request = request.header(*name, value);
    }
    let body = match &exchange.body {
        Some(body) => {
            request = request.header(CONTENT_TYPE, "application/json; charset=UTF-8");
            Bytes::from(body.to_string())
        }
        None => Bytes::new(),
    };
    request.body(Full::new(body)).map_err(|_| unusable("url"))
}

/// The Controller's `message` for the statuses that carry one, else the reason phrase.
pub(super) fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ControllerError {
    let told = serde_json::from_slice::<Value>(body).ok();
    let message = told.as_ref().and_then(|body| body.get("message")).and_then(Value::as_str);
    let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let fallback = || status.canonical_reason().unwrap_or("unknown status").to_owned();
    ControllerError::Status {
        code: status.as_u16(),
        message: message.map_or_else(fallback, str::to_owned),
        retry_after: retry_after.and_then(|text| text.trim().parse().ok()),
    }
}

/// A random UUID (version 4), so that both logs can be matched.
fn request_id() -> String {
    let mut bytes = [0_u8; 16];
    // Without randomness the id is only less useful.
    let _ = getrandom::fill(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
