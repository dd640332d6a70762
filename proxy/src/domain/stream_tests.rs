//! What an HTTP/2 head becomes as a message, and what of a message is taken.

use super::*;

fn request(uri: &str, headers: &[(&str, &str)]) -> request::Parts {
    let mut request = Request::builder().method("POST").uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn message(subject: &str, to: &str, headers: &[(&str, &str)]) -> Envelope {
    let field =
        |(name, value): &(&str, &str)| ((*name).to_owned(), HeaderField::One((*value).to_owned()));
    Envelope {
        subject: Some(subject.to_owned()),
        to: Some(to.to_owned()),
        headers: headers.iter().map(field).collect(),
        ..Envelope::default()
    }
}

#[test]
fn stream_request_becomes_the_documented_message_and_back() {
    let given = [("content-type", "application/grpc"), ("te", "trailers"), ("x-a", "1")];
    let sent = from_request(&request("http://h:1/p?q=1", &given)).unwrap();
    assert_eq!(sent.to.as_deref(), Some("/p?q=1"));
    assert_eq!(sent.subject.as_deref(), Some("POST"));
    assert_eq!(sent.content_type.as_deref(), Some("application/grpc"));
    assert_eq!((sent.header(":scheme"), sent.header(":authority")), (Some("http"), Some("h:1")));
    let back = to_request(&sent, "t:9").unwrap();
    assert_eq!((back.method(), back.uri().to_string()), (&Method::POST, "http://h:1/p?q=1".into()));
    for (name, value) in given {
        assert_eq!(back.headers()[name], value);
    }
    assert_eq!(back.headers().len(), given.len());
}

#[test]
fn stream_requests_that_could_be_read_in_two_ways_are_refused() {
    for (uri, headers) in [
        ("http://h/", &[("host", "other")][..]),
        ("http://h/", &[("host", "h"), ("host", "h")]),
        ("http://h/", &[("content-length", "1"), ("content-length", "1")]),
        ("http://h/", &[("content-type", "a"), ("content-type", "b")]),
        ("http://user@h/", &[]),
        ("/", &[]),
        ("/", &[("host", "h/x")]),
        ("*", &[("host", "h")]),
    ] {
        assert!(from_request(&request(uri, headers)).is_err(), "{uri} {headers:?}");
    }
    let mut connect = request("http://h/", &[]);
    connect.method = Method::CONNECT;
    assert!(from_request(&connect).is_err());
}

#[test]
fn stream_messages_that_are_no_request_are_refused() {
    for bad in [
        Envelope::default(),
        message("CONNECT", "/", &[]),
        message("GET x", "/", &[]),
        message("GET", "/a b", &[]),
        message("GET", "/", &[(":authority", "a/b")]),
        message("GET", "/", &[("host", "a b")]),
        message("GET", "/", &[("x", "a\r\nb: c")]),
        message("GET", "/", &[("x y", "a")]),
    ] {
        assert!(to_request(&bad, "t:1").is_err(), "{bad:?}");
    }
    let hop = [("connection", "x-hop"), ("x-hop", "1"), ("upgrade", "h2c"), ("te", "gzip")];
    let taken = to_request(&message("GET", "h/p", &hop), "t:1").unwrap();
    assert_eq!((taken.uri().to_string(), taken.headers().len()), ("http://t:1/p".into(), 0));
}

#[test]
fn stream_response_head_and_trailers_travel() {
    let mut response = Response::new(());
    response.headers_mut().insert("content-length", "3".parse().unwrap());
    response.headers_mut().append("set-cookie", "a=1".parse().unwrap());
    response.headers_mut().append("set-cookie", "b=2".parse().unwrap());
    let sent = from_response(&response.into_parts().0);
    assert!(is_response(&sent));
    let back = to_response(&sent).unwrap();
    assert_eq!((back.status(), back.headers().len()), (StatusCode::OK, 3));
    for status in ["", "20", "2000", "abc", "101", "+20", "099"] {
        assert!(to_response(&message("response", "", &[(":status", status)])).is_err(), "{status}");
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    trailers.insert("transfer-encoding", "chunked".parse().unwrap());
    let stream = Streamed { ended: true, trailers: from_trailers(&trailers) };
    let back = to_trailers(&stream).unwrap().unwrap();
    assert_eq!((back.len(), &back["grpc-status"]), (1, &HeaderValue::from_static("0")));
    assert_eq!(to_trailers(&Streamed::default()).unwrap(), None);
}

#[test]
fn stream_messages_of_one_side() {
    let side = Side { reply_to: "r".into(), correlation_id: Some(CorrelationId::Number(7)) };
    let open = side.opening(message("POST", "/", &[]), Bytes::new(), Streamed::default());
    assert!(open.raw, "an unfinished request has a body that can be written");
    assert!(!side.greeting().raw, "a greeting has none");
    assert_eq!(abort_code(&side.abort(8)), Some(8));
    assert_eq!(abort_code(&side.piece(Bytes::new(), Streamed::default())), None);
    for one in [open, side.greeting(), side.question(), side.abort(8)] {
        assert_eq!(
            (one.reply_to.as_deref(), one.correlation_id),
            (Some("r"), Some(CorrelationId::Number(7)))
        );
    }
}
