//! Tables of requests in both directions.

use super::*;

fn parts(method: &str, target: &str, headers: &[(&str, &str)]) -> request::Parts {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn read(target: &str, headers: &[(&str, &str)]) -> Result<RequestHead, Refusal> {
    RequestHead::read(&parts("GET", target, headers))
}

fn status(headers: &[(&str, &str)]) -> u16 {
    read("/", headers).map_or_else(Refusal::status, |_| 200)
}

fn message(method: &str, to: &str, headers: &[(&str, &str)], body: &'static str) -> Envelope {
    let field =
        |(name, value): &(&str, &str)| ((*name).to_owned(), HeaderField::One((*value).to_owned()));
    Envelope {
        subject: Some(method.to_owned()),
        to: Some(to.to_owned()),
        headers: headers.iter().map(field).collect(),
        body: Bytes::from_static(body.as_bytes()),
        ..Envelope::default()
    }
}

#[test]
fn request_becomes_the_documented_message() {
    let head = RequestHead::read(&parts(
        "POST",
        "/p/a?x=y",
        &[("Host", "10.0.0.5:6080"), ("Content-Type", "text/plain"), ("X-A", "1")],
    ))
    .unwrap();
    let message = head.into_envelope(Bytes::from_static(b"abc"), "reply", 7);
    assert_eq!(message.to.as_deref(), Some("10.0.0.5/p/a?x=y"));
    assert_eq!(message.subject.as_deref(), Some("POST"));
    assert_eq!(message.reply_to.as_deref(), Some("reply"));
    assert_eq!(message.correlation_id, Some(CorrelationId::Number(7)));
    assert_eq!(message.content_type.as_deref(), Some("text/plain"));
    assert_eq!(message.header("host"), Some("10.0.0.5:6080"));
    assert_eq!(message.header("x-a"), Some("1"));
    assert_eq!(message.header("content-length"), Some("3"));
    assert_eq!(message.body, "abc");
}

#[test]
fn request_without_body_declares_no_length() {
    let head = read("/", &[("host", "h")]).unwrap();
    assert_eq!(head.into_envelope(Bytes::new(), "r", 1).header("content-length"), None);
    let head = read("/", &[("host", "h"), ("content-length", "0")]).unwrap();
    assert_eq!(head.into_envelope(Bytes::new(), "r", 1).header("content-length"), Some("0"));
}

#[test]
fn request_target_forms() {
    for (target, host, to) in [
        ("/", "h", "h/"),
        ("/a//b/../c?d=/e", "h:80", "h/a//b/../c?d=/e"),
        ("/", "[::1]:80", "[::1]/"),
        ("/", "", "/"),
        ("http://other:81/x", "h", "other/x"),
        ("http://other", "h", "other/"),
        ("http://other?q", "h", "other/?q"),
    ] {
        let head = read(target, &[("host", host)]).unwrap();
        let message = head.into_envelope(Bytes::new(), "r", 1);
        assert_eq!(message.to.as_deref(), Some(to), "{target} {host}");
    }
    let message = read("http://other:81/x", &[("host", "h")]).unwrap();
    assert_eq!(message.into_envelope(Bytes::new(), "r", 1).header("host"), Some("other:81"));
}

#[test]
fn request_that_cannot_be_carried_is_refused() {
    let cases: &[(u16, &[(&str, &str)])] = &[
        (200, &[("host", "h")]),
        (400, &[]),
        (400, &[("host", "a"), ("host", "b")]),
        (400, &[("host", "a"), ("host", "a")]),
        (400, &[("host", "a/b")]),
        (400, &[("host", "user@a")]),
        (400, &[("host", "a b")]),
        (400, &[("host", "a:b")]),
        (400, &[("host", "a:1:2")]),
        (400, &[("host", "a:123456")]),
        (400, &[("host", "[::1")]),
        (400, &[("host", "[::1]x")]),
        (400, &[("host", "[]")]),
        (400, &[("host", "a?b")]),
        (400, &[("host", "a#b")]),
        (400, &[("host", "a\\b")]),
        (400, &[("host", "h"), ("content-length", "3"), ("transfer-encoding", "chunked")]),
        (400, &[("host", "h"), ("content-length", "3"), ("content-length", "4")]),
        (200, &[("host", "h"), ("content-length", "3"), ("content-length", "3")]),
        (400, &[("host", "h"), ("content-length", "3, 3")]),
        (400, &[("host", "h"), ("content-length", "+3")]),
        (400, &[("host", "h"), ("content-length", "-3")]),
        (400, &[("host", "h"), ("content-length", "0x3")]),
        (400, &[("host", "h"), ("content-length", "")]),
        (200, &[("host", "h"), ("transfer-encoding", "Chunked")]),
        (400, &[("host", "h"), ("transfer-encoding", "gzip, chunked")]),
        (400, &[("host", "h"), ("transfer-encoding", "xchunked")]),
        (400, &[("host", "h"), ("transfer-encoding", "identity")]),
        (400, &[("host", "h"), ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")]),
        (400, &[("host", "h"), ("content-type", "a/b"), ("content-type", "c/d")]),
        (200, &[("host", "h"), ("expect", "100-Continue")]),
        (417, &[("host", "h"), ("expect", "200-ok")]),
        (501, &[("host", "h"), ("connection", "upgrade"), ("upgrade", "WebSocket")]),
        (200, &[("host", "h"), ("connection", "upgrade"), ("upgrade", "h2c")]),
    ];
    for (expected, headers) in cases {
        assert_eq!(status(headers), *expected, "{headers:?}");
    }
    assert_eq!(
        RequestHead::read(&parts("CONNECT", "h:80", &[("host", "h")])).unwrap_err().status(),
        501
    );
    assert_eq!(
        RequestHead::read(&parts("OPTIONS", "*", &[("host", "h")])).unwrap_err().status(),
        501
    );
    assert_eq!(read("http://u@h/", &[("host", "h")]).unwrap_err().status(), 400);
}

#[test]
fn message_becomes_the_request() {
    let mut message = message("POST", "h/p?x=1", &[("host", "h:80"), ("x-a", "1")], "abc");
    message.content_type = Some("a/b".to_owned());
    let request = from_envelope(&message, "localhost:80").unwrap();
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "/p?x=1");
    assert_eq!(request.headers()["host"], "h:80");
    assert_eq!(request.headers()["x-a"], "1");
    assert_eq!(request.headers()["content-type"], "a/b");
    assert_eq!(request.headers()["content-length"], "3");
    assert_eq!(request.body(), "abc");
}

#[test]
fn message_path_forms() {
    for (to, uri) in [
        ("h/p?x=1", "/p?x=1"),
        ("h", "/"),
        ("", "/"),
        ("/p", "/p"),
        ("h?x=1", "/?x=1"),
        ("h//evil.example/p", "//evil.example/p"),
        ("[::1]/p", "/p"),
    ] {
        let request = from_envelope(&message("GET", to, &[], ""), "localhost:80").unwrap();
        assert_eq!(request.uri().to_string(), uri, "{to}");
        assert_eq!(request.headers()["host"], "localhost:80");
        assert!(!request.headers().contains_key("content-length"));
    }
}

#[test]
fn message_length_is_recomputed() {
    let lying = message("POST", "h/", &[("content-length", "1")], "GET /admin HTTP/1.1\r\n\r\n");
    let request = from_envelope(&lying, "t").unwrap();
    assert_eq!(request.headers()["content-length"], lying.body.len().to_string());
    let empty = message("POST", "h/", &[("content-length", "10")], "");
    assert_eq!(from_envelope(&empty, "t").unwrap().headers()["content-length"], "0");
}

#[test]
fn message_that_would_smuggle_is_refused() {
    let bad: &[Envelope] = &[
        message("", "h/", &[], ""),
        message("GET /x HTTP/1.1\r\nGET", "h/", &[], ""),
        message("GE T", "h/", &[], ""),
        message("CONNECT", "h:80", &[], ""),
        message("GET", "h/a b", &[], ""),
        message("GET", "h/a HTTP/1.1\r\nx: y", &[], ""),
        message("GET", "h/a\nb", &[], ""),
        message("GET", "h/a\tb", &[], ""),
        message("GET", "h/a\0b", &[], ""),
        message("GET", "h/a#b", &[], ""),
        message("GET", "h/", &[("host", "a\r\nx: y")], ""),
        message("GET", "h/", &[("host", "a"), ("host", "b")], ""),
        message("GET", "h/", &[("host", "a/b")], ""),
        message("GET", "h/", &[("x", "1\r\n\r\nGET / HTTP/1.1")], ""),
        message("GET", "h/", &[("x\r\n", "1")], ""),
        message("GET", "h/", &[("x:", "1")], ""),
        message("GET", "h/", &[("x ", "1")], ""),
    ];
    for message in bad {
        assert!(from_envelope(message, "t").is_err(), "{message:?}");
    }
    let mut typed = message("GET", "h/", &[], "");
    typed.content_type = Some("a\r\nb: c".to_owned());
    assert!(from_envelope(&typed, "t").is_err());
    let none = Envelope::default();
    assert_eq!(from_envelope(&none, "t").unwrap_err(), BadRequest::Method);
}
