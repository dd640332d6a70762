//! Answers: statuses, bodies and the headers that every answer has (controller contract 0.1).

use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use iofog_api::{ApiError, ErrorClass};

use super::block::Block;
use super::body::Refused;
use super::budget::{self, Budget, Claim, Owner};
use super::content::Content;
use super::{Body, Reply};
use crate::app::now_ms;
use crate::routes::{Route, Verb};

/// Seconds after which clients that were refused for want of room may come again; [`TURNED_AWAY`] says the same.
const RETRY_AFTER: i64 = 5;
/// Seconds after which those may come again who asked for more than is given in a minute.
const MINUTE: i64 = 60;

/// Characters of a request that a page repeats, before they are escaped.
const ECHOED: usize = 200;
/// Bytes of a header that a preflight's answer repeats.
const ECHOED_HEADER: usize = 1024;
/// Bytes of an error's message that are told when it is long; and when these are written as six each.
const MESSAGE: [usize; 2] = [2048, 512];

/// The answer to a client whose address has its share of connections; nobody reads its request.
pub(super) const TURNED_AWAY: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json; charset=utf-8\r\n\
    access-control-allow-origin: *\r\nretry-after: 5\r\nconnection: close\r\n\r\n\
    {\"name\":\"OverloadedError\",\"message\":\"Too many connections from one address\"}";

/// An answer of the server.
pub(super) type Answer = hyper::Response<Content>;

/// Text that waits to be taken, with what it holds of the budget. `refusable` says what happens when there is no room: a list is asked for
/// again, but of a change that was made its caller has to hear.
pub(super) fn hold(text: String, mut claim: Claim, refusable: bool) -> Result<Bytes, Refused> {
    if text.len() <= budget::FREE {
        return Ok(Bytes::from(text));
    }
    if !refusable {
        claim.insist(text.len());
    } else if !claim.hold(text.len()) {
        return Err(Refused::Overloaded);
    }
    let mut block = Block::default();
    let bytes = if block.extend(text.as_bytes(), text.len()) {
        block.into_bytes()
    } else {
        Bytes::from(text)
    };
    Ok(Bytes::from_owner(Held { bytes, _claim: claim }))
}

/// Bytes and what they hold of the budget, given back with the last of them.
struct Held {
    bytes: Bytes,
    _claim: Claim,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

pub(super) fn success(
    budget: &Arc<Budget>,
    owner: &Owner,
    route: &Route,
    reply: Reply,
) -> Result<Answer, Refused> {
    let status =
        StatusCode::from_u16(reply.status.unwrap_or(route.status)).unwrap_or(StatusCode::OK);
    let held = |text| hold(text, budget.claim(owner.clone()), route.verb == Verb::Get);
    let mut answer = match (reply.body, reply.file) {
        (Some(Body::Value(body)), _) => json(status, held(body.to_string())?),
        (Some(Body::Text(text)), _) => json(status, held(text)?),
        (None, Some((file, length))) => with(status, Content::file(file, length)),
        (None, None) => empty(status),
    };
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    Ok(answer)
}

pub(super) fn failure(route: &Route, error: &ApiError) -> Answer {
    if error.class == ErrorClass::Internal {
        log::error!("{}: {}", route.id, error.message);
    }
    let status = StatusCode::from_u16(route.status_of(error.class))
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = json(status, told(error));
    if error.class == ErrorClass::TooMany {
        answer.headers_mut().insert("retry-after", HeaderValue::from(MINUTE));
    }
    answer
}

/// An error as it is told. What it repeats of the request is cut, so that no answer of that kind is large enough to be counted.
fn told(error: &ApiError) -> String {
    let mut text = error.body().to_string();
    for most in MESSAGE {
        if text.len() <= budget::FREE {
            break;
        }
        let (start, _) = error.message.split_at(error.message.floor_char_boundary(most));
        text = ApiError::new(error.class, format!("{start}...")).body().to_string();
    }
    text
}

/// The page for a path that there is not.
pub(super) fn unknown(method: &Method, path: &str) -> Answer {
    let text: String = format!("Cannot {method} {path}").chars().take(ECHOED).collect();
    html(StatusCode::NOT_FOUND, &html_escape(&text))
}

pub(super) fn refusal(refused: Refused) -> Answer {
    match refused {
        Refused::TooLarge => html(StatusCode::PAYLOAD_TOO_LARGE, "request entity too large"),
        Refused::Malformed => html(StatusCode::BAD_REQUEST, "malformed request body"),
        Refused::UnexpectedField => html(StatusCode::INTERNAL_SERVER_ERROR, "unexpected field"),
        Refused::Failed => html(StatusCode::INTERNAL_SERVER_ERROR, "the body cannot be stored"),
        Refused::Overloaded => overloaded(),
        Refused::Broken => html(StatusCode::REQUEST_TIMEOUT, "request body did not arrive"),
    }
}

pub(super) fn empty(status: StatusCode) -> Answer {
    with(status, Content::empty())
}

pub(super) fn with(status: StatusCode, content: Content) -> Answer {
    let mut answer = Answer::new(content);
    *answer.status_mut() = status;
    answer
}

/// Too much is held at present, by others as a rule.
fn overloaded() -> Answer {
    let message = "Too much is being received and sent at present, try again later";
    later(StatusCode::SERVICE_UNAVAILABLE, "OverloadedError", message, RETRY_AFTER)
}

/// Too many failures: when to come back.
pub(super) fn too_many(wait_ms: i64) -> Answer {
    let message = "Too many failed attempts, try again later";
    later(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsError", message, wait_ms / 1000 + 1)
}

/// An error that ends by itself, and in how many seconds to come again.
fn later(status: StatusCode, name: &str, message: &str, seconds: i64) -> Answer {
    let body = serde_json::json!({ "name": name, "message": message });
    let mut answer = json(status, body.to_string());
    answer.headers_mut().insert("retry-after", HeaderValue::from(seconds));
    answer
}

pub(super) fn json(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let text = text.into();
    let tag = HeaderValue::from_str(&entity_tag(&text));
    let mut answer = with(status, Content::Whole(text));
    let headers = answer.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json; charset=utf-8"));
    if let Ok(tag) = tag {
        headers.insert("etag", tag);
    }
    answer
}

/// True when an `If-None-Match` header names a tag; weak or not makes no difference there (RFC 9110, 13.1.2).
pub(crate) fn names_tag(known: &str, tag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.trim() == "*" || known.split(',').any(|one| bare(one) == bare(tag))
}

/// A weak entity tag: length and a 64-bit hash, eight bytes at a time; it tells versions apart and guards nothing.
fn entity_tag(body: &[u8]) -> String {
    let mix =
        |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    let (words, rest) = body.as_chunks::<8>();
    let hash =
        words.iter().fold(0xcbf2_9ce4_8422_2325, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let hash = rest.iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte)));
    format!("W/\"{:x}-{hash:016x}\"", body.len())
}

pub(super) fn html(status: StatusCode, text: &str) -> Answer {
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n\
         </head>\n<body>\n<pre>{text}</pre>\n</body>\n</html>\n"
    );
    self::page(status, page)
}

pub(super) fn page(status: StatusCode, page: impl Into<Bytes>) -> Answer {
    let mut answer = with(status, Content::Whole(page.into()));
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    answer.headers_mut().insert("content-type", kind);
    answer
}

fn html_escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

pub(super) fn preflight(headers: &HeaderMap) -> Answer {
    let mut answer = empty(StatusCode::NO_CONTENT);
    let own = answer.headers_mut();
    let methods = HeaderValue::from_static("GET,HEAD,PUT,PATCH,POST,DELETE");
    own.insert("access-control-allow-methods", methods);
    own.insert("vary", HeaderValue::from_static("Access-Control-Request-Headers"));
    if let Some(wanted) = headers.get("access-control-request-headers")
        && wanted.len() <= ECHOED_HEADER
    {
        own.insert("access-control-allow-headers", wanted.clone());
    }
    answer
}

pub(crate) fn common_headers(headers: &mut HeaderMap) {
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("x-frame-options", "SAMEORIGIN"),
        ("x-content-type-options", "nosniff"),
        ("strict-transport-security", "max-age=15552000; includeSubDomains"),
        ("x-dns-prefetch-control", "off"),
        ("x-download-options", "noopen"),
        ("x-xss-protection", "1; mode=block"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.insert("x-timestamp", HeaderValue::from(now_ms()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditional_requests_name_one_tag_several_or_all() {
        let tag = "W/\"2-ab\"";
        for known in [tag, "\"2-ab\"", "\"x\", W/\"2-ab\"", "*"] {
            assert!(names_tag(known, tag), "{known}");
        }
        for known in ["", "\"2-a\"", "2-ab", "W/\"2-AB\""] {
            assert!(!names_tag(known, tag), "{known}");
        }
    }

    #[test]
    fn errors_are_told_in_short() {
        let told = |message: String| told(&ApiError::validation(message));
        assert!(told("x".repeat(3000)).contains(&"x".repeat(3000)));
        assert!(told("x".repeat(90_000)).contains("xxx...\""));
        for one in ["x", "\u{1}", "\"", "\u{e9}", "\u{1f600}"] {
            for count in [500, 600, 1000, 2049, 5000, 90_000] {
                let text = told(one.repeat(count));
                assert!(text.len() <= budget::FREE, "{one:?} {count}: {}", text.len());
                assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
            }
        }
    }

    #[test]
    fn entity_tags_tell_bodies_apart() {
        assert_eq!(entity_tag(b"{}"), entity_tag(b"{}"));
        assert_ne!(entity_tag(b"{}"), entity_tag(b"[]"));
        let long = b"{\"fogs\":[1,2,3,4,5,6,7,8]}";
        for changed in 0..long.len() {
            let mut other = *long;
            other[changed] ^= 1;
            assert_ne!(entity_tag(long), entity_tag(&other), "byte {changed}");
        }
    }
}
