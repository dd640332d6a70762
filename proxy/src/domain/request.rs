//! HTTP request to message and back (proxy.md sections 3.1, 3.2 and 3.4).

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use http::{Method, Request, Uri, Version, request};

use super::envelope::{CorrelationId, Envelope, Form, HeaderField};
use super::failure::Refusal;
use super::headers::{self, HeaderError};

const WEBSOCKET: &str =
    "upgrade is not possible on an http port: expose the port with protocol tcp";

/// A request line and headers that passed the checks, ready to be sent once the body is complete.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestHead {
    method: Method,
    to: String,
    content_type: Option<String>,
    headers: Vec<(String, HeaderField)>,
    has_length: bool,
}

/// A message that is not a usable request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// The subject is not a method that can be sent on.
    #[error("subject is not a usable method")]
    Method,
    /// The path in `to` is not valid in a request line.
    #[error("`to` holds no valid path")]
    Path,
    /// The host is not valid.
    #[error("host is not valid")]
    Host,
    /// A header cannot be written.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

// === impl RequestHead ===

impl RequestHead {
    /// Checks a client's request and takes over what travels.
    ///
    /// # Errors
    /// The answer that the client gets instead.
    pub fn read(parts: &request::Parts) -> Result<Self, Refusal> {
        let headers = &parts.headers;
        if parts.method == Method::CONNECT {
            return Err(Refusal::NotSupported("CONNECT is not possible on an http port"));
        }
        check_framing(headers)?;
        let host = check_host(parts)?;
        if wants_websocket(headers) {
            return Err(Refusal::NotSupported(WEBSOCKET));
        }
        if headers
            .get_all("expect")
            .iter()
            .any(|v| !v.as_bytes().eq_ignore_ascii_case(b"100-continue"))
        {
            return Err(Refusal::Expectation);
        }
        let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let slash = if path.starts_with('?') { "/" } else { "" };
        if slash.is_empty() && !path.starts_with('/') {
            return Err(Refusal::NotSupported("a request target without a path is not possible"));
        }
        if headers.len() > headers::MAX_HEADERS {
            return Err(Refusal::BadRequest("too many headers"));
        }
        let mut fields = headers::to_fields(headers);
        if parts.uri.authority().is_some() {
            // An absolute target overrides the Host header (RFC 9112 section 3.2.2).
            fields.retain(|(name, _)| name != "host");
            fields.push(("host".to_owned(), HeaderField::One(host.clone())));
        }
        Ok(Self {
            method: parts.method.clone(),
            to: format!("{}{slash}{path}", without_port(&host)),
            content_type: headers.get(CONTENT_TYPE).map(headers::to_text),
            headers: fields,
            has_length: headers.contains_key(CONTENT_LENGTH),
        })
    }

    /// The method, which decides whether the response has a body.
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The message for this request with its complete body.
    pub fn into_envelope(mut self, body: Bytes, reply_to: &str, correlation: u64) -> Envelope {
        if self.has_length || !body.is_empty() {
            let length = HeaderField::One(body.len().to_string());
            self.headers.push(("content-length".to_owned(), length));
        }
        Envelope {
            to: Some(self.to),
            subject: Some(self.method.as_str().to_owned()),
            reply_to: Some(reply_to.to_owned()),
            correlation_id: Some(CorrelationId::Number(correlation)),
            content_type: self.content_type,
            headers: self.headers,
            body,
            raw: false,
            form: Form::PartsWelcome,
            stream: None,
        }
    }
}

/// The request that a message stands for, addressed to `target` (`host:port`) when it names no host.
///
/// # Errors
/// The message cannot be written as exactly one HTTP request.
pub fn from_envelope(message: &Envelope, target: &str) -> Result<Request<Bytes>, BadRequest> {
    let subject = message.subject.as_deref().ok_or(BadRequest::Method)?;
    let method = Method::from_bytes(subject.as_bytes()).map_err(|_| BadRequest::Method)?;
    if method == Method::CONNECT {
        return Err(BadRequest::Method);
    }
    let mut headers = headers::from_fields(&message.headers)?;
    match headers.get(HOST) {
        Some(host) => {
            let single = headers.get_all(HOST).iter().count() == 1;
            if !single || !host.to_str().is_ok_and(valid_host) {
                return Err(BadRequest::Host);
            }
        }
        None => {
            headers.insert(HOST, HeaderValue::from_str(target).map_err(|_| BadRequest::Host)?);
        }
    }
    let content_type = message.content_type.as_deref().or_else(|| message.header("content-type"));
    if let Some(text) = content_type {
        let value = headers::to_value(text);
        let value = value.ok_or_else(|| HeaderError::Value("content-type".to_owned()))?;
        headers.insert(CONTENT_TYPE, value);
    }
    if !message.body.is_empty() || message.header("content-length").is_some() {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(message.body.len()));
    }
    let mut request = Request::new(message.body.clone());
    *request.uri_mut() = path_of(message.to.as_deref().unwrap_or_default())?;
    *request.method_mut() = method;
    *request.headers_mut() = headers;
    Ok(request)
}

/// Path and query of `<host><path and query>`; the host part only says where the client came in.
pub(super) fn path_of(to: &str) -> Result<Uri, BadRequest> {
    let start = to.find(['/', '?', '#']).unwrap_or(to.len());
    let rest = to.get(start..).unwrap_or_default();
    let path = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
    if !path.bytes().all(|byte| byte.is_ascii_graphic() || byte >= 0x80) || path.contains('#') {
        return Err(BadRequest::Path);
    }
    let path = http::uri::PathAndQuery::try_from(path).map_err(|_| BadRequest::Path)?;
    Ok(Uri::from(path))
}

/// Two different ideas of where a body ends are how requests are smuggled: refuse instead of choosing.
fn check_framing(headers: &HeaderMap) -> Result<(), Refusal> {
    let coded = headers.contains_key(http::header::TRANSFER_ENCODING);
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    if let Some(first) = lengths.next() {
        if coded {
            return Err(Refusal::BadRequest(
                "content-length and transfer-encoding exclude each other",
            ));
        }
        let digits = |v: &HeaderValue| !v.is_empty() && v.as_bytes().iter().all(u8::is_ascii_digit);
        if !digits(first) || lengths.any(|other| other != first) {
            return Err(Refusal::BadRequest("content-length must be one decimal number"));
        }
    }
    let codings = headers.get_all(http::header::TRANSFER_ENCODING);
    if coded && !codings.iter().all(|v| v.as_bytes().eq_ignore_ascii_case(b"chunked"))
        || codings.iter().count() > 1
    {
        return Err(Refusal::BadRequest("transfer-encoding must be chunked"));
    }
    if headers.get_all(CONTENT_TYPE).iter().count() > 1 {
        return Err(Refusal::BadRequest("content-type may occur once only"));
    }
    Ok(())
}

fn check_host(parts: &request::Parts) -> Result<String, Refusal> {
    const INVALID: Refusal = Refusal::BadRequest("host is not valid");
    let mut hosts = parts.headers.get_all(HOST).iter();
    let header = match hosts.next() {
        Some(host) => host.to_str().map_err(|_| INVALID)?,
        None if parts.version == Version::HTTP_10 => "",
        None => return Err(Refusal::BadRequest("host header is missing")),
    };
    if hosts.next().is_some() {
        return Err(Refusal::BadRequest("host header may occur once only"));
    }
    if !valid_host(header) {
        return Err(INVALID);
    }
    match parts.uri.authority() {
        Some(authority) if valid_host(authority.as_str()) => Ok(authority.as_str().to_owned()),
        Some(_) => Err(INVALID),
        None => Ok(header.to_owned()),
    }
}

/// `uri-host [":" port]`, or empty.
pub(super) fn valid_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(literal) => match literal.split_once(']') {
            Some((address, port)) => {
                let hex = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.' | '%' | 'v');
                if address.is_empty() || !address.chars().all(hex) {
                    return false;
                }
                match port.strip_prefix(':') {
                    Some(port) => ("", port),
                    None if port.is_empty() => ("", ""),
                    None => return false,
                }
            }
            None => return false,
        },
        None => host.split_once(':').unwrap_or((host, "")),
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~%!$&'()*+,;=".contains(c);
    name.chars().all(allowed) && port.len() <= 5 && port.chars().all(|c| c.is_ascii_digit())
}

fn without_port(host: &str) -> &str {
    match host.rfind(']') {
        Some(end) => host.get(..=end).unwrap_or(host),
        None => host.split(':').next().unwrap_or(host),
    }
}

fn wants_websocket(headers: &HeaderMap) -> bool {
    let upgrades = headers.get_all(http::header::UPGRADE).iter().filter_map(|v| v.to_str().ok());
    upgrades.flat_map(|v| v.split(',')).any(|v| v.trim().eq_ignore_ascii_case("websocket"))
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
