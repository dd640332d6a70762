//! Request bodies: JSON, form and multipart, each within a limit.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::HeaderMap;
use hyper::body::{Body as _, Incoming};
use serde_json::Value;

use super::block::Block;
use super::budget::Claim;
use super::query;
use super::request::Upload;

/// Largest JSON or form body (controller contract 0.1).
pub const SMALL: usize = 100 * 1024;
/// What is still read, and thrown away, of a body that is too large: closing on unread bytes would reset the connection, and a reverse
/// proxy in between would tell its client of that instead of our answer.
const DISCARDED: usize = 4 * 1024 * 1024;
/// Largest multipart body with a YAML document.
pub const DOCUMENT: usize = 4 * 1024 * 1024;

/// How long a client may send nothing of its body.
const PAUSE: Duration = Duration::from_secs(10);

/// Why a body is refused, before any route sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// 413.
    TooLarge,
    /// 503: too much is held for others.
    Overloaded,
    /// 400: malformed JSON.
    Malformed,
    /// 500: a multipart field that the route does not know.
    UnexpectedField,
    /// The peer went away.
    Broken,
    /// 500: the disk refused; the log says why.
    Failed,
}

/// A body as parsed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// JSON value; null when there is none.
    pub value: Value,
    /// Uploaded file.
    pub file: Option<Upload>,
}

impl Parsed {
    /// About the bytes of memory that it takes: parsed text may be many times as large as the text.
    #[must_use]
    pub fn weight(&self) -> usize {
        let file = self.file.as_ref().map_or(0, |file| file.content.len());
        file.saturating_add(weight(&self.value))
    }
}

/// Bytes of a value, beside its own place.
fn weight(value: &Value) -> usize {
    /// A value with a key, its hash and its place in the index of its object.
    const ENTRY: usize = size_of::<Value>() + size_of::<String>() + 2 * size_of::<usize>();
    /// What the heap adds to what it gives.
    const ALLOCATION: usize = 16;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) if text.is_empty() => 0,
        Value::String(text) => text.len() + ALLOCATION,
        Value::Array(list) => {
            list.capacity() * size_of::<Value>() + list.iter().map(weight).sum::<usize>()
        }
        Value::Object(object) => {
            object.iter().map(|(key, value)| ENTRY + key.len() + weight(value)).sum()
        }
    }
}

/// Collects a body; `claim` is for what is kept of it.
///
/// # Errors
/// [`Refused::TooLarge`] beyond the limit, [`Refused::Overloaded`] beyond the budget, [`Refused::Broken`] when the stream fails or stops.
pub async fn collect(
    body: &mut Incoming,
    limit: usize,
    claim: &mut Claim,
) -> Result<Bytes, Refused> {
    let (mut kept, mut length) = (Block::default(), 0_usize);
    // For all of it at once, where its length is told: of many that grow together none would come to its end.
    let told = body.size_hint().exact().and_then(|told| usize::try_from(told).ok()).unwrap_or(0);
    if told <= limit && !claim.hold(told) {
        return Err(Refused::Overloaded);
    }
    loop {
        let next = tokio::time::timeout(PAUSE, body.frame()).await;
        let Some(frame) = next.map_err(|_| Refused::Broken)? else { break };
        let Ok(data) = frame.map_err(|_| Refused::Broken)?.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > limit {
            drop(kept);
            drain(body, DISCARDED).await;
            return Err(Refused::TooLarge);
        }
        if !(claim.hold(length.max(told.min(limit))) && kept.extend(&data, limit)) {
            return Err(Refused::Overloaded);
        }
    }
    Ok(kept.into_bytes())
}

/// Reads on and keeps nothing.
async fn drain(body: &mut Incoming, limit: usize) {
    let mut length = 0_usize;
    while let Some(Ok(frame)) = body.frame().await {
        length = length.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if length > limit {
            return;
        }
    }
}

/// How long a refused body is read on for.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads a body that is refused before its end on for a while and keeps nothing of it, unless its client waits for
/// `100 Continue`: that one has sent nothing yet, and need not.
pub async fn discard(headers: &HeaderMap, body: &mut Incoming) {
    if !headers.contains_key(hyper::header::EXPECT) {
        let _ = tokio::time::timeout(DISCARD_TIMEOUT, drain(body, DISCARDED)).await;
    }
}

/// Parses a collected body by its content type; `field` is the file field that the route knows.
///
/// # Errors
/// [`Refused`] when it is malformed or has an unexpected field.
pub async fn parse(
    content_type: &str,
    body: Bytes,
    field: Option<&'static str>,
) -> Result<Parsed, Refused> {
    if body.is_empty() {
        return Ok(Parsed::default());
    }
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" => match serde_json::from_slice(&body) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => Ok(Parsed { value, file: None }),
            // The reference parser is strict: only objects and arrays are bodies.
            _ => Err(Refused::Malformed),
        },
        "application/x-www-form-urlencoded" => Ok(Parsed { value: query::form(&body), file: None }),
        "multipart/form-data" => multipart(content_type, body, field).await,
        _ => Ok(Parsed::default()),
    }
}

async fn multipart(
    content_type: &str,
    body: Bytes,
    field: Option<&'static str>,
) -> Result<Parsed, Refused> {
    let Some(field) = field else { return Ok(Parsed::default()) };
    let boundary = multer::parse_boundary(content_type).map_err(|_| Refused::Malformed)?;
    let stream = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(body)]);
    let mut form = multer::Multipart::new(stream, boundary);
    let mut file = None;
    while let Some(part) = form.next_field().await.map_err(|_| Refused::Malformed)? {
        let name = part.name().unwrap_or_default().to_owned();
        let is_file = part.file_name().is_some() || part.content_type().is_some();
        if is_file && name != field {
            return Err(Refused::UnexpectedField);
        }
        let content = part.bytes().await.map_err(|_| Refused::Malformed)?;
        if name == field {
            file = Some(Upload { field: name, content, spooled: None });
        }
    }
    Ok(Parsed { value: Value::Null, file })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parsed(kind: &str, body: &'static str) -> Result<Parsed, Refused> {
        parse(kind, Bytes::from_static(body.as_bytes()), Some("application")).await
    }

    #[tokio::test]
    async fn kinds_of_bodies() {
        assert_eq!(parsed("application/json", "").await.unwrap().value, Value::Null);
        assert_eq!(parsed("application/json", "{oops").await, Err(Refused::Malformed));
        assert_eq!(parsed("application/json", "\"text\"").await, Err(Refused::Malformed));
        let form = parsed("application/x-www-form-urlencoded", "a=b").await.unwrap();
        assert_eq!(form.value["a"], "b");
    }

    #[tokio::test]
    async fn parsed_text_weighs_what_it_takes() {
        let many = parsed("application/json", "[[],[],[],[],[],[],[],[],[],[]]").await.unwrap();
        assert!(many.weight() >= 10 * size_of::<Value>());
        let object = parsed("application/json", "{\"key\":\"text\"}").await.unwrap();
        assert!(object.weight() >= 7 + size_of::<Value>());
        assert_eq!(Parsed::default().weight(), 0);
    }

    #[tokio::test]
    async fn only_the_known_file_field_is_taken() {
        let kind = "multipart/form-data; boundary=XX";
        let good = "--XX\r\nContent-Disposition: form-data; name=\"application\"; filename=\"a.yaml\"\r\n\r\nkind: A\r\n--XX--\r\n";
        let file = parsed(kind, good).await.unwrap().file.unwrap();
        assert_eq!(file.content, "kind: A");
        let other = "--XX\r\nContent-Disposition: form-data; name=\"x\"; filename=\"a\"\r\n\r\n1\r\n--XX--\r\n";
        assert_eq!(parsed(kind, other).await, Err(Refused::UnexpectedField));
    }
}
