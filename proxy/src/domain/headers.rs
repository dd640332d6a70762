//! HTTP headers on their way to and from application properties: what is stripped, joined and refused.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::envelope::HeaderField;

/// Bound on headers of one message, the same as the HTTP parser's.
pub const MAX_HEADERS: usize = 100;

/// A header of a peer's message that cannot be written to HTTP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The name is not an HTTP token.
    #[error("header name is not a token")]
    Name,
    /// The value holds control characters.
    #[error("header `{0}` holds control characters")]
    Value(String),
    /// More than [`MAX_HEADERS`].
    #[error("more than {MAX_HEADERS} headers")]
    TooMany,
}

/// True for headers that belong to one connection and are never passed on (proxy.md section 3.4).
pub fn is_hop_by_hop(name: &str) -> bool {
    const NAMES: [&str; 6] =
        ["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
        || name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("proxy-"))
}

/// Headers as application properties, without those that do not travel. Content-type and content-length
/// are left to the caller: one is a property of its own, the other is computed from the body.
pub fn to_fields(headers: &HeaderMap) -> Vec<(String, HeaderField)> {
    let nominated = nominated(headers.get_all(http::header::CONNECTION).iter());
    let mut fields = Vec::with_capacity(headers.keys_len());
    for name in headers.keys() {
        let key = name.as_str();
        if !travels(key) || nominated.iter().any(|other| other == key) {
            continue;
        }
        let mut values: Vec<String> = headers.get_all(name).iter().map(to_text).collect();
        let field = match values.len() {
            0 => continue,
            1 => HeaderField::One(values.swap_remove(0)),
            _ if key == "set-cookie" => HeaderField::Many(values),
            _ if keeps_first(key) => HeaderField::One(values.swap_remove(0)),
            _ if key == "cookie" => HeaderField::One(values.join("; ")),
            _ => HeaderField::One(values.join(", ")),
        };
        fields.push((key.to_owned(), field));
    }
    fields
}

/// Application properties as headers, without those that do not travel.
///
/// # Errors
/// A name or value that would break out of its header line, or too many headers.
pub fn from_fields(fields: &[(String, HeaderField)]) -> Result<HeaderMap, HeaderError> {
    let connection = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("connection"));
    let values = connection.flat_map(|(_, field)| field.values()).map(to_value);
    let values = values.collect::<Option<Vec<_>>>().unwrap_or_default();
    let nominated = nominated(values.iter());
    let mut headers = HeaderMap::new();
    let mut count = 0_usize;
    for (name, field) in fields {
        // Pseudo headers of an HTTP/2 peer have no place in HTTP/1.1.
        if name.starts_with(':') || !travels(name) {
            continue;
        }
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeaderError::Name)?;
        if nominated.iter().any(|other| other == key.as_str()) {
            continue;
        }
        for value in field.values() {
            count += 1;
            if count > MAX_HEADERS {
                return Err(HeaderError::TooMany);
            }
            let value = to_value(value).ok_or_else(|| HeaderError::Value(key.to_string()))?;
            headers.append(&key, value);
        }
    }
    Ok(headers)
}

/// Header bytes as text, one character per byte, which is how the reference reads them.
pub fn to_text(value: &HeaderValue) -> String {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) if text.is_ascii() => text.to_owned(),
        _ => value.as_bytes().iter().map(|&byte| char::from(byte)).collect(),
    }
}

/// The inverse of [`to_text`]; text with characters above U+00FF is written as UTF-8.
pub fn to_value(text: &str) -> Option<HeaderValue> {
    if text.is_ascii() {
        return HeaderValue::from_bytes(text.as_bytes()).ok();
    }
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    let bytes = bytes.unwrap_or_else(|| text.as_bytes().to_vec());
    HeaderValue::from_bytes(&bytes).ok()
}

fn travels(name: &str) -> bool {
    const COMPUTED: [&str; 3] = ["content-length", "content-type", "expect"];
    !is_hop_by_hop(name) && !COMPUTED.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Names that a `connection` header declares as its own. `host` cannot be dropped that way: the target
/// would answer for another site.
fn nominated<'a>(values: impl Iterator<Item = &'a HeaderValue>) -> Vec<String> {
    let names = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let names = names.map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| !name.is_empty() && name != "host").take(MAX_HEADERS).collect()
}

/// Headers with a single value by definition: of repeated ones the first counts, as in the reference.
fn keeps_first(name: &str) -> bool {
    const NAMES: [&str; 14] = [
        "age",
        "authorization",
        "etag",
        "expires",
        "from",
        "host",
        "if-modified-since",
        "if-unmodified-since",
        "last-modified",
        "location",
        "max-forwards",
        "referer",
        "retry-after",
        "user-agent",
    ];
    NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers
                .append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        headers
    }

    fn one(name: &str, value: &str) -> (String, HeaderField) {
        (name.to_owned(), HeaderField::One(value.to_owned()))
    }

    #[test]
    fn headers_hop_by_hop_and_nominated_are_stripped() {
        let headers = map(&[
            ("Host", "h"),
            ("Connection", "close, X-Mine, host"),
            ("Keep-Alive", "timeout=5"),
            ("Proxy-Authorization", "secret"),
            ("Proxy-Connection", "x"),
            ("TE", "trailers"),
            ("Trailer", "x"),
            ("Transfer-Encoding", "chunked"),
            ("Upgrade", "h2c"),
            ("Expect", "100-continue"),
            ("Content-Length", "3"),
            ("Content-Type", "text/plain"),
            ("X-Mine", "1"),
            ("X-Yours", "2"),
        ]);
        assert_eq!(to_fields(&headers), [one("host", "h"), one("x-yours", "2")]);
    }

    #[test]
    fn headers_repeated_are_joined_listed_or_first() {
        let headers = map(&[
            ("accept", "a"),
            ("accept", "b"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
            ("set-cookie", "a=1; Path=/"),
            ("set-cookie", "b=2"),
            ("authorization", "first"),
            ("authorization", "second"),
        ]);
        let cookies = HeaderField::Many(vec!["a=1; Path=/".into(), "b=2".into()]);
        let expected = [
            one("accept", "a, b"),
            one("cookie", "a=1; b=2"),
            ("set-cookie".to_owned(), cookies),
            one("authorization", "first"),
        ];
        let fields = to_fields(&headers);
        assert_eq!(fields.len(), expected.len());
        for field in expected {
            assert!(fields.contains(&field), "{field:?}");
        }
    }

    #[test]
    fn headers_from_a_peer_are_normalised() {
        let fields = [
            one("Host", "h"),
            one("connection", "keep-alive, x-hop"),
            one("x-hop", "1"),
            one("transfer-encoding", "chunked"),
            one("expect", "100-continue"),
            one("content-length", "999"),
            one(":authority", "other"),
            ("set-cookie".to_owned(), HeaderField::Many(vec!["a".into(), "b".into()])),
        ];
        let headers = from_fields(&fields).unwrap();
        assert_eq!(headers.len(), 3);
        assert_eq!(headers["host"], "h");
        let cookies: Vec<_> = headers.get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a", "b"]);
    }

    #[test]
    fn headers_from_a_peer_cannot_break_out_of_their_line() {
        for (name, value) in [
            ("x", "a\r\nhost: b"),
            ("x", "a\nb"),
            ("x", "a\0b"),
            ("x\r\ny", "1"),
            ("x y", "1"),
            ("", "1"),
        ] {
            assert!(from_fields(&[one(name, value)]).is_err(), "{name:?}: {value:?}");
        }
        let many: Vec<_> = (0..101).map(|n| one(&format!("x-{n}"), "1")).collect();
        assert_eq!(from_fields(&many), Err(HeaderError::TooMany));
    }

    #[test]
    fn headers_with_high_bytes_survive_both_ways() {
        let value = HeaderValue::from_bytes(&[b'a', 0xC3, 0xA9]).unwrap();
        let text = to_text(&value);
        assert_eq!(text, "a\u{c3}\u{a9}");
        assert_eq!(to_value(&text), Some(value));
        assert_eq!(to_value("\u{20ac}").unwrap().as_bytes(), "\u{20ac}".as_bytes());
    }
}
