//! What the fuzz targets and the property tests drive: foreign bytes up to the point where they would
//! be written to a socket.

use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::domain::envelope::Envelope;
use crate::domain::mapping::Mapping;
use crate::domain::tunnel::Piece;
use crate::domain::{request, response, stream};
use crate::link::decode;

/// A message from the router, taken as a request, a response and a piece of a tunnel. Whatever is taken
/// must be writable as exactly one request or response.
///
/// # Panics
/// A rule is broken.
pub fn message(bytes: &[u8]) {
    if let Ok(message) = decode(&Bytes::copy_from_slice(bytes)) {
        envelope(&message);
    }
}

/// A mapping string.
///
/// # Panics
/// A mapping that was read does not survive being written.
pub fn mapping(text: &str) {
    if let Ok(mapping) = text.parse::<Mapping>() {
        assert_eq!(mapping.to_string().parse(), Ok(mapping));
    }
}

pub(crate) fn envelope(message: &Envelope) {
    let _ = Piece::of(message);
    if let Ok(request) = request::from_envelope(message, "localhost:80") {
        let path = request.uri().to_string();
        assert!(path.starts_with('/') && path.bytes().all(|byte| byte > b' ' && byte != 0x7f));
        assert_eq!(request.headers().get_all("host").iter().count(), 1);
        check_headers(request.headers(), request.body().len());
    }
    if let Ok(request) = stream::to_request(message, "localhost:80") {
        assert!(request.uri().authority().is_some() && request.uri().path().starts_with('/'));
        assert!(!request.headers().contains_key("host"));
        check_names(&without_te(request.headers()));
    }
    if let Ok(response) = stream::to_response(message) {
        assert!(response.status().as_u16() >= 200);
        check_names(&without_te(response.headers()));
    }
    if let Some(Ok(Some(trailers))) = message.stream.as_ref().map(stream::to_trailers) {
        check_names(&trailers);
    }
    for method in [Method::GET, Method::HEAD] {
        if let Ok(response) = response::from_envelope(message, &method) {
            assert!(response.status().as_u16() >= 200);
            assert!(method == Method::GET || response.body().is_empty());
            check_names(response.headers());
        }
    }
}

/// HTTP/2 allows one value of it.
fn without_te(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    assert!(headers.remove("te").is_none_or(|te| te == "trailers"));
    headers
}

fn check_headers(headers: &HeaderMap, body: usize) {
    check_names(headers);
    if let Some(length) = headers.get("content-length") {
        assert_eq!(length.to_str().ok(), Some(body.to_string().as_str()));
    } else {
        assert_eq!(body, 0);
    }
}

fn check_names(headers: &HeaderMap) {
    for name in ["connection", "transfer-encoding", "upgrade", "te", "trailer", "keep-alive"] {
        assert!(!headers.contains_key(name));
    }
    for value in headers.values() {
        assert!(!value.as_bytes().iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::envelope::{Form, HeaderField, Part, Streamed, Then};
    use crate::link::encode;

    fn text() -> impl Strategy<Value = String> {
        let likely = prop::sample::select(vec![
            "GET",
            "200",
            "h/p",
            "/",
            "host",
            "connection",
            "content-length",
            "a, b",
            "a\r\nb: c",
            "transfer-encoding",
            "chunked",
            "\0",
            "[::1]:80",
            "http://x/",
            "999",
            "101",
            ":path",
        ]);
        prop_oneof![likely.prop_map(str::to_owned), any::<String>()]
    }

    fn field() -> impl Strategy<Value = HeaderField> {
        prop_oneof![
            text().prop_map(HeaderField::One),
            prop::collection::vec(text(), 0..3).prop_map(HeaderField::Many),
        ]
    }

    prop_compose! {
        fn any_envelope()(
            to in prop::option::of(text()),
            subject in prop::option::of(text()),
            content_type in prop::option::of(text()),
            headers in prop::collection::vec((text(), field()), 0..5),
            body in prop::collection::vec(any::<u8>(), 0..40),
            part in prop::option::of(any::<u32>()),
            ended in prop::option::of(any::<bool>()),
            trailers in prop::collection::vec((text(), field()), 0..3),
        ) -> Envelope {
            let form = part.map_or(Form::Whole, |number| Form::Part(Part { number, then: Then::End }));
            let stream = ended.map(|ended| Streamed { ended, trailers });
            Envelope { to, subject, content_type, headers, body: body.into(), form, stream, ..Envelope::default() }
        }
    }

    proptest! {
        #[test]
        fn messages_are_one_request_or_response_or_refused(message in any_envelope()) {
            envelope(&message);
        }

        #[test]
        fn damaged_messages_do_no_harm(
            message in any_envelope(),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut encoded = encode(message).to_vec();
            let at = at.index(encoded.len());
            encoded[at] = byte;
            super::message(&encoded);
            super::message(&encoded[..at]);
        }

        #[test]
        fn mappings_survive_or_are_refused(text in "(http|tcp|amqp|x|:|=>|[0-9a-z ]){0,8}") {
            mapping(&text);
        }
    }
}
