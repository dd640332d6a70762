//! Reading requests: content type, bounded body, fields.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::reply::Refusal;
use super::server::LocalApiOptions;
use crate::ids::MicroserviceUuid;

/// Longest identifier: it must fit the binary ioMessage.
const MAX_ID_BYTES: usize = 255;

/// Refuses a request whose content type is not JSON (agent contract, 8.1).
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = value.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Refusal::bad_request("content type must be application/json"))
}

/// The whole body, within the bounds of size and time.
pub(super) async fn body(body: Incoming, options: &LocalApiOptions) -> Result<Bytes, Refusal> {
    let reading = Limited::new(body, options.max_body_bytes).collect();
    match tokio::time::timeout(options.request_patience, reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let limit = options.max_body_bytes;
            Err(Refusal::bad_request(format!("body has more than {limit} bytes")))
        }
        Ok(Err(_)) => Err(Refusal::bad_request("body is not complete")),
        Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "body did not arrive in time")),
    }
}

/// A body that is a JSON object.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::bad_request("body must be a JSON object")),
        Err(error) => Err(Refusal::bad_request(format!("body is not JSON: {error}"))),
    }
}

/// The field `id`: which microservice asks.
pub(super) fn id(object: &Map<String, Value>) -> Result<MicroserviceUuid, Refusal> {
    identifier(text(object, "id")?)
}

/// An identifier that can be one.
pub(super) fn identifier(text: &str) -> Result<MicroserviceUuid, Refusal> {
    if text.len() > MAX_ID_BYTES {
        return Err(Refusal::bad_request(format!("id has more than {MAX_ID_BYTES} bytes")));
    }
    Ok(MicroserviceUuid::from(text))
}

/// A field that must be a string with something in it.
pub(super) fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Result<&'a str, Refusal> {
    match object.get(key) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text),
        Some(Value::String(_)) | Some(Value::Null) | None => {
            Err(Refusal::bad_request(format!("{key} is required")))
        }
        Some(_) => Err(Refusal::bad_request(format!("{key} must be a string"))),
    }
}

/// A field that must be a non-negative integer.
pub(super) fn number(object: &Map<String, Value>, key: &str) -> Result<u64, Refusal> {
    let number = object.get(key).and_then(Value::as_u64);
    number.ok_or_else(|| Refusal::bad_request(format!("{key} must be a non-negative integer")))
}

/// Reads a body every way that a route does, and forgets it: for fuzzing.
pub(crate) fn read_any_body(bytes: &[u8]) {
    let _ = iofog_iomessage::IoMessage::from_posted_json(bytes);
    let Ok(object) = object(bytes) else { return };
    let _ = id(&object);
    for key in ["command", "provisioning-key", "timeframestart"] {
        let _ = (text(&object, key), number(&object, key));
    }
    let _ = super::messages::publishers(object.get("publishers"));
}
