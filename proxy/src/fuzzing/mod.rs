//! What the fuzz targets and the property tests drive: foreign bytes up to the point where they would
//! be written to a socket.

mod wire;

use std::collections::VecDeque;

use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::domain::config::ProxyConfig;
use crate::domain::envelope::Envelope;
use crate::domain::mapping::{Mapping, split_list};
use crate::domain::tunnel::Piece;
use crate::domain::{request, response, stream};
use crate::link::{Part, Parts, decode};

pub use wire::{client, target};

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

/// Messages of one tunnel, which come in fragments, beside the same messages decoded whole: the first byte is the
/// length of a fragment, the second one parts the messages.
///
/// # Panics
/// What is known of the message before changes what is read of the next one.
pub fn parts(bytes: &[u8]) {
    let [fragment, at, rest @ ..] = bytes else { return };
    let (first, second) = rest.split_at(usize::from(*at).min(rest.len()));
    let mut parts = Parts::default();
    for message in [first, first, second, first, second] {
        let whole = Bytes::copy_from_slice(message);
        let pieces = message.chunks(usize::from(*fragment).max(1)).map(Bytes::copy_from_slice);
        let read = parts.read(&pieces.collect::<VecDeque<_>>());
        let Ok(expected) = decode(&whole).map(|message| Part::of(&message)) else { continue };
        let content = |part: Part| part.body.into_iter().flatten().collect::<Vec<u8>>();
        let read = read.unwrap_or_else(|error| wire::fail(&error));
        assert_eq!((read.piece, read.ours), (expected.piece, expected.ours));
        assert_eq!(content(read), content(expected));
    }
}

/// A configuration as the Local API gives it, or the list of mappings of an argument.
///
/// # Panics
/// A configuration that was read does not survive being written, or is not reached by its own change.
pub fn config(text: &str) {
    let listed = split_list(text);
    assert!(listed.iter().all(|mapping| !mapping.is_empty() && !mapping.contains(',')));
    listed.iter().for_each(|text| mapping(text));
    let Ok(config) = ProxyConfig::from_json(text) else { return };
    config.mappings.iter().for_each(|text| mapping(text));
    let written = serde_json::to_string(&config).unwrap_or_default();
    assert_eq!(ProxyConfig::from_json(&written).ok().as_ref(), Some(&config));
    let none = ProxyConfig { mappings: Vec::new(), ..config.clone() };
    let change = none.change_to(&config);
    assert!(change.stop.is_empty() && !change.reconnect);
    assert!(config.mappings.iter().all(|wanted| change.start.contains(wanted)));
    let same = config.change_to(&config);
    assert!(same.stop.is_empty() && same.start.is_empty() && !same.reconnect);
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

    fn request_piece() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "GET / HTTP/1.1\r\n",
            "POST /a?b HTTP/1.1\r\n",
            "PUT http://o.example:80/ HTTP/1.0\r\n",
            "Host: h\r\n",
            "Content-Length: 5\r\n",
            "content-length: 05\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked, identity\r\n",
            "Connection: x, close\r\n",
            "X: y\r\n",
            " folded\r\n",
            "\r\n",
            "\n",
            "hello",
            "5\r\nhello\r\n",
            "0\r\n\r\n",
            "0;a=b\r\nTrailer: t\r\n\r\n",
        ])
    }

    fn answer_piece() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.0 404 \r\n",
            "HTTP/1.1 204 No\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 304 Same\r\n",
            "Content-Length: 5\r\n",
            "Content-Length: 6\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Set-Cookie: a=1\r\n",
            "Connection: close\r\n",
            "\r\n",
            "hello",
            "5\r\nhello\r\n",
            "0\r\n\r\n",
        ])
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
        fn fragments_are_read_as_whole_messages(
            message in any_envelope(),
            fragment: u8,
            at: u8,
            noise in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let body = Piece::Data.message(Some("reply"), message.body.clone());
            super::parts(&[&[fragment, at], &*encode(body), &*encode(message), &*noise].concat());
        }

        #[test]
        fn bytes_of_clients_are_requests_or_refused(pieces in prop::collection::vec(request_piece(), 0..12)) {
            client(pieces.concat().as_bytes());
        }

        #[test]
        fn bytes_of_targets_are_answers_or_none(
            head: bool,
            pieces in prop::collection::vec(answer_piece(), 0..12),
        ) {
            target(format!("{}{}", char::from(u8::from(head)), pieces.concat()).as_bytes());
        }

        #[test]
        fn configurations_survive_or_are_refused(mappings in "[a-z0-9:=>, ]{0,30}", port: u32) {
            config(&mappings);
            let list = mappings.replace(',', "\",\"");
            config(&format!(r#"{{"mappings":["{list}"],"networkRouter":{{"host":"h","port":{port}}}}}"#));
        }

        #[test]
        fn mappings_survive_or_are_refused(text in "(http|tcp|amqp|x|:|=>|[0-9a-z ]){0,8}") {
            mapping(&text);
        }
    }
}
