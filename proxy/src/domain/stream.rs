//! HTTP/2 requests and responses as messages and back, and the later messages of their streams
//! (proxy.md section 5).

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, TE};
use http::uri::{Authority, Scheme, Uri};
use http::{Method, Request, Response, StatusCode, request, response};

use super::envelope::{CorrelationId, Envelope, Form, HeaderField, Part, Streamed, Then};
use super::failure::Refusal;
use super::headers::{self, HeaderError};
use super::request::{BadRequest, path_of, valid_host};
use super::response::BadResponse;

/// Subject of the message that carries a response's head.
const RESPONSE: &str = "response";
const SCHEME: &str = ":scheme";
const AUTHORITY: &str = ":authority";
const STATUS: &str = ":status";

/// One direction of a stream: who sends, and which stream it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// Where the other direction's messages arrive.
    pub reply_to: String,
    /// The stream, as the listening proxy named it.
    pub correlation_id: Option<CorrelationId>,
}

/// The message that opens a stream: a client's request without its body.
///
/// # Errors
/// The answer that the client gets instead.
pub fn from_request(parts: &request::Parts) -> Result<Envelope, Refusal> {
    if parts.method == Method::CONNECT {
        return Err(Refusal::NotSupported("CONNECT is not possible on an http2 port"));
    }
    let authority = authority_of(parts)?;
    let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    if !path.starts_with('/') {
        return Err(Refusal::NotSupported("a request target without a path is not possible"));
    }
    if parts.headers.len() > headers::MAX_HEADERS {
        return Err(Refusal::BadRequest("too many headers"));
    }
    for single in [CONTENT_LENGTH, CONTENT_TYPE] {
        if parts.headers.get_all(&single).iter().count() > 1 {
            return Err(Refusal::BadRequest(if single == CONTENT_TYPE {
                "content-type may occur once only"
            } else {
                "content-length may occur once only"
            }));
        }
    }
    let mut fields = fields_of(&parts.headers);
    // `:authority` is what counts; a Host header beside it can only contradict.
    fields.retain(|(name, _)| name != "host");
    let scheme = parts.uri.scheme_str().unwrap_or("http").to_owned();
    fields.push((SCHEME.to_owned(), HeaderField::One(scheme)));
    fields.push((AUTHORITY.to_owned(), HeaderField::One(authority)));
    Ok(Envelope {
        to: Some(path.to_owned()),
        subject: Some(parts.method.as_str().to_owned()),
        content_type: parts.headers.get(CONTENT_TYPE).map(headers::to_text),
        headers: fields,
        ..Envelope::default()
    })
}

/// The request that a message opens, addressed to `target` (`host:port`) when it names no authority.
///
/// # Errors
/// The message cannot be sent as exactly one HTTP/2 request.
pub fn to_request(message: &Envelope, target: &str) -> Result<Request<()>, BadRequest> {
    let subject = message.subject.as_deref().ok_or(BadRequest::Method)?;
    let method = Method::from_bytes(subject.as_bytes()).map_err(|_| BadRequest::Method)?;
    if method == Method::CONNECT {
        return Err(BadRequest::Method);
    }
    let mut headers = headers_of(message)?;
    let named = message.header(AUTHORITY).or_else(|| message.header("host"));
    let authority = named.filter(|text| !text.is_empty()).unwrap_or(target);
    if !valid_host(authority) {
        return Err(BadRequest::Host);
    }
    headers.remove(HOST);
    let mut uri = path_of(message.to.as_deref().unwrap_or_default())?.into_parts();
    uri.authority = Some(Authority::try_from(authority).map_err(|_| BadRequest::Host)?);
    // The target is reached in the clear; what the client used is for its eyes only when it is known.
    uri.scheme = Some(match message.header(SCHEME) {
        Some("https") => Scheme::HTTPS,
        _ => Scheme::HTTP,
    });
    let mut request = Request::new(());
    *request.uri_mut() = Uri::from_parts(uri).map_err(|_| BadRequest::Path)?;
    *request.method_mut() = method;
    *request.headers_mut() = headers;
    Ok(request)
}

/// The message for the head of a target's response.
pub fn from_response(parts: &response::Parts) -> Envelope {
    let mut fields = fields_of(&parts.headers);
    let status = HeaderField::One(parts.status.as_u16().to_string());
    fields.push((STATUS.to_owned(), status));
    Envelope {
        subject: Some(RESPONSE.to_owned()),
        content_type: parts.headers.get(CONTENT_TYPE).map(headers::to_text),
        headers: fields,
        ..Envelope::default()
    }
}

/// True for the message that carries a response's head.
pub fn is_response(message: &Envelope) -> bool {
    message.subject.as_deref() == Some(RESPONSE)
}

/// The head of the response that a message stands for.
///
/// # Errors
/// The message cannot be written as exactly one HTTP/2 response.
pub fn to_response(message: &Envelope) -> Result<Response<()>, BadResponse> {
    let status = message.header(STATUS).filter(|text| text.len() == 3);
    let status = status.and_then(|text| text.parse::<u16>().ok());
    let status = status.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.filter(|status| !status.is_informational()).ok_or(BadResponse::Status)?;
    let mut response = Response::new(());
    *response.headers_mut() = headers_of(message)?;
    *response.status_mut() = status;
    Ok(response)
}

/// Trailers as they travel.
pub fn from_trailers(trailers: &HeaderMap) -> Vec<(String, HeaderField)> {
    headers::to_fields(trailers)
}

/// Trailers of a message; none when it has none.
///
/// # Errors
/// A name or value that cannot be written, or too many.
pub fn to_trailers(stream: &Streamed) -> Result<Option<HeaderMap>, HeaderError> {
    let trailers = headers::from_fields(&stream.trailers)?;
    Ok((!trailers.is_empty()).then_some(trailers))
}

// === impl Side ===

impl Side {
    /// `message`, which opens a direction, with bytes that belong to it.
    pub fn opening(&self, message: Envelope, bytes: Bytes, stream: Streamed) -> Envelope {
        // The reference writes what it finds in an unfinished request, and cannot write nothing.
        let raw = !bytes.is_empty() || !stream.ended && !is_response(&message);
        Envelope { raw, body: bytes, stream: Some(stream), ..self.blank(message) }
    }

    /// More bytes, or the end.
    pub fn piece(&self, bytes: Bytes, stream: Streamed) -> Envelope {
        let raw = !bytes.is_empty();
        Envelope { raw, body: bytes, stream: Some(stream), ..self.blank(Envelope::default()) }
    }

    /// Says where the rest of a request can be sent, before there is a response.
    pub fn greeting(&self) -> Envelope {
        Envelope { stream: Some(Streamed::default()), ..self.blank(Envelope::default()) }
    }

    /// Asks whether the other side still knows the stream. For proxies of ours only.
    pub fn question(&self) -> Envelope {
        Envelope { form: Form::Pending, ..self.blank(Envelope::default()) }
    }

    /// The stream was reset with this error code; to others than proxies of ours it looks like its end.
    pub fn abort(&self, code: u32) -> Envelope {
        let form = Form::Part(Part { number: code, then: Then::Abort });
        let stream = Some(Streamed { ended: true, trailers: Vec::new() });
        Envelope { form, stream, ..self.blank(Envelope::default()) }
    }

    fn blank(&self, message: Envelope) -> Envelope {
        Envelope {
            reply_to: Some(self.reply_to.clone()),
            correlation_id: self.correlation_id.clone(),
            form: Form::PartsWelcome,
            ..message
        }
    }
}

/// The error code of a stream that was reset.
pub fn abort_code(message: &Envelope) -> Option<u32> {
    match message.form {
        Form::Part(Part { number, then: Then::Abort }) => Some(number),
        _ => None,
    }
}

/// Headers that travel. Unlike in HTTP/1.1 a length is only checked, not used for framing, and `te: trailers`
/// is what a gRPC server looks for.
fn fields_of(headers: &HeaderMap) -> Vec<(String, HeaderField)> {
    let mut fields = headers::to_fields(headers);
    if let Some(length) = headers.get(CONTENT_LENGTH) {
        fields
            .push((CONTENT_LENGTH.as_str().to_owned(), HeaderField::One(headers::to_text(length))));
    }
    if headers.get(TE).is_some_and(|te| te == "trailers") {
        fields.push((TE.as_str().to_owned(), HeaderField::One("trailers".to_owned())));
    }
    fields
}

fn headers_of(message: &Envelope) -> Result<HeaderMap, HeaderError> {
    let mut headers = headers::from_fields(&message.headers)?;
    let content_type = message.content_type.as_deref().or_else(|| message.header("content-type"));
    if let Some(text) = content_type {
        let value = headers::to_value(text);
        let value = value.ok_or_else(|| HeaderError::Value("content-type".to_owned()))?;
        headers.insert(CONTENT_TYPE, value);
    }
    let length = message.header("content-length").and_then(|text| text.parse::<u64>().ok());
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    if message.header("te") == Some("trailers") {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    Ok(headers)
}

fn authority_of(parts: &request::Parts) -> Result<String, Refusal> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let host = hosts.next().map(|host| host.to_str().unwrap_or("\0"));
    if hosts.next().is_some() {
        return Err(Refusal::BadRequest("host header may occur once only"));
    }
    let authority = match (parts.uri.authority(), host) {
        (Some(authority), Some(host)) if !authority.as_str().eq_ignore_ascii_case(host) => {
            return Err(Refusal::BadRequest("host and :authority contradict each other"));
        }
        (Some(authority), _) => authority.as_str(),
        (None, Some(host)) => host,
        (None, None) => return Err(Refusal::BadRequest(":authority is missing")),
    };
    if !valid_host(authority) {
        return Err(Refusal::BadRequest(":authority is not valid"));
    }
    Ok(authority.to_owned())
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
