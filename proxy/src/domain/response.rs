//! HTTP response to message and back (proxy.md sections 3.2 to 3.4).

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode, response};

use super::envelope::{CorrelationId, Envelope, Form, HeaderField, Part, Then};
use super::headers::{self, HeaderError};

/// Status of an answer that names none (proxy.md section 3.3).
const UNNAMED: u16 = 203;

/// A message that is not a usable response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadResponse {
    /// The subject is not a final status code.
    #[error("subject is not a status code from 200 to 999")]
    Status,
    /// A header cannot be written.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

/// True when the response to `method` with this status never has a body.
pub fn is_bodiless(method: &Method, status: StatusCode) -> bool {
    *method == Method::HEAD || matches!(status.as_u16(), 100..=199 | 204 | 304)
}

/// The message for a target's response with its complete body, addressed to `reply_to`.
pub fn into_envelope(
    head: &response::Parts,
    body: Bytes,
    method: &Method,
    reply_to: String,
    correlation_id: Option<CorrelationId>,
) -> Envelope {
    let mut fields = headers::to_fields(&head.headers);
    let length = if is_bodiless(method, head.status) {
        // What a GET would have brought: kept as given.
        head.headers.get(CONTENT_LENGTH).map(headers::to_text)
    } else {
        Some(body.len().to_string())
    };
    if let Some(length) = length {
        fields.push(("content-length".to_owned(), HeaderField::One(length)));
    }
    Envelope {
        to: Some(reply_to),
        subject: Some(head.status.as_u16().to_string()),
        reply_to: None,
        correlation_id,
        content_type: head.headers.get(CONTENT_TYPE).map(headers::to_text),
        headers: fields,
        body: if is_bodiless(method, head.status) { Bytes::new() } else { body },
        raw: false,
        form: Form::Whole,
        stream: None,
    }
}

/// Part 0 of an answer in parts: the head alone, with the length that the target announced, if any.
pub fn into_first_part(
    head: &response::Parts,
    reply_to: String,
    correlation_id: Option<CorrelationId>,
) -> Envelope {
    // A response to HEAD has the same shape: no body, the announced length.
    let first = into_envelope(head, Bytes::new(), &Method::HEAD, reply_to, correlation_id);
    Envelope { form: Form::Part(Part { number: 0, then: Then::More }), ..first }
}

/// The response that a message stands for, as an answer to `method`. Of an answer in parts the body
/// follows: its length is the announced one, or open.
///
/// # Errors
/// The message cannot be written as exactly one HTTP response.
pub fn from_envelope(message: &Envelope, method: &Method) -> Result<Response<Bytes>, BadResponse> {
    let status = match message.subject.as_deref() {
        None => UNNAMED,
        Some(text) if text.len() == 3 => text.parse().map_err(|_| BadResponse::Status)?,
        Some(_) => return Err(BadResponse::Status),
    };
    // An interim status would leave the client waiting, and 101 would end HTTP on the connection.
    let status = StatusCode::from_u16(status).ok().filter(|s| !s.is_informational());
    let status = status.ok_or(BadResponse::Status)?;
    let mut headers = headers::from_fields(&message.headers)?;
    let content_type = message.content_type.as_deref().or_else(|| message.header("content-type"));
    if let Some(text) = content_type {
        let value = headers::to_value(text);
        let value = value.ok_or_else(|| HeaderError::Value("content-type".to_owned()))?;
        headers.insert(CONTENT_TYPE, value);
    }
    let bodiless = is_bodiless(method, status);
    let in_parts = matches!(message.form, Form::Part(_));
    if !bodiless && !in_parts {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(message.body.len()));
    } else if let Some(length) =
        message.header("content-length").and_then(|v| v.parse::<u64>().ok())
        && status != StatusCode::NO_CONTENT
    {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    let mut response = Response::new(if bodiless { Bytes::new() } else { message.body.clone() });
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16, headers: &[(&str, &str)]) -> response::Parts {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(()).unwrap().into_parts().0
    }

    fn reply(subject: Option<&str>, headers: &[(&str, &str)], body: &'static str) -> Envelope {
        let field = |(name, value): &(&str, &str)| {
            ((*name).to_owned(), HeaderField::One((*value).to_owned()))
        };
        Envelope {
            subject: subject.map(str::to_owned),
            headers: headers.iter().map(field).collect(),
            body: Bytes::from_static(body.as_bytes()),
            ..Envelope::default()
        }
    }

    fn send(
        status: u16,
        headers: &[(&str, &str)],
        method: &Method,
        body: &'static str,
    ) -> Envelope {
        let body = Bytes::from_static(body.as_bytes());
        into_envelope(&head(status, headers), body, method, "r".into(), None)
    }

    #[test]
    fn response_becomes_the_documented_message() {
        let given = [("content-type", "a/b"), ("transfer-encoding", "chunked"), ("x-a", "1")];
        let message = into_envelope(
            &head(201, &given),
            Bytes::from_static(b"abc"),
            &Method::GET,
            "reply".into(),
            Some(CorrelationId::Text("9".into())),
        );
        assert_eq!(message.to.as_deref(), Some("reply"));
        assert_eq!(message.subject.as_deref(), Some("201"));
        assert_eq!(message.correlation_id, Some(CorrelationId::Text("9".into())));
        assert_eq!(message.content_type.as_deref(), Some("a/b"));
        assert_eq!(message.header("transfer-encoding"), None);
        assert_eq!(message.header("content-length"), Some("3"));
        assert_eq!(message.header("x-a"), Some("1"));
        assert_eq!(message.body, "abc");
    }

    #[test]
    fn response_without_body_keeps_its_length() {
        for (status, method) in [(200, Method::HEAD), (304, Method::GET)] {
            let message = send(status, &[("content-length", "42")], &method, "");
            assert_eq!(message.header("content-length"), Some("42"), "{status}");
            let answer = from_envelope(&message, &method).unwrap();
            assert_eq!(answer.headers()["content-length"], "42");
            assert!(answer.body().is_empty());
        }
        let empty = from_envelope(&send(204, &[], &Method::GET, ""), &Method::GET).unwrap();
        assert!(!empty.headers().contains_key("content-length"));
        assert_eq!(send(200, &[], &Method::HEAD, "").header("content-length"), None);
    }

    #[test]
    fn reply_with_a_body_that_may_not_be_is_cut() {
        let headers = [("content-length", "3")];
        for (status, method) in [("204", Method::GET), ("304", Method::GET), ("200", Method::HEAD)]
        {
            let answer = from_envelope(&reply(Some(status), &headers, "abc"), &method).unwrap();
            assert!(answer.body().is_empty(), "{status}");
        }
    }

    #[test]
    fn reply_status_rules() {
        for (subject, expected) in [
            (None, Some(203)),
            (Some("200"), Some(200)),
            (Some("599"), Some(599)),
            (Some("999"), Some(999)),
            (Some("101"), None),
            (Some("099"), None),
            (Some("20"), None),
            (Some("2000"), None),
            (Some("OK"), None),
            (Some("+20"), None),
            (Some("200 OK\r\nx: y"), None),
        ] {
            let answer = from_envelope(&reply(subject, &[], ""), &Method::GET).ok();
            assert_eq!(answer.map(|a| a.status().as_u16()), expected, "{subject:?}");
        }
    }

    #[test]
    fn reply_headers_are_normalised_or_refused() {
        let given = [("connection", "x-hop"), ("x-hop", "1"), ("content-length", "99"), ("a", "b")];
        let answer = from_envelope(&reply(Some("200"), &given, "abc"), &Method::GET).unwrap();
        assert_eq!(answer.headers().len(), 2);
        assert_eq!(answer.headers()["content-length"], "3");
        for headers in [[("x", "a\r\nset-cookie: b")], [("x\n", "a")]] {
            assert!(from_envelope(&reply(Some("200"), &headers, ""), &Method::GET).is_err());
        }
        let mut typed = reply(Some("200"), &[], "");
        typed.content_type = Some("a\r\nb".to_owned());
        assert!(from_envelope(&typed, &Method::GET).is_err());
    }
}
