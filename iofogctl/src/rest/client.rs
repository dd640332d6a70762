//! A logged-in client of one Controller.

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::Method;

use super::transport::{Body, Transport};
use super::{base_url, json};
use crate::text::{Error, Result};

/// A client; cheap to clone and usable from several threads.
#[derive(Clone)]
pub struct Client {
    transport: Transport,
    base: String,
    token: String,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Client {
    /// A client without a token, for status and login.
    pub fn new(endpoint: &str) -> Self {
        let base = base_url(endpoint);
        Self { transport: Transport::new(&base), base, token: String::new() }
    }

    /// Where requests go.
    pub fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn set_token(&mut self, token: String) {
        self.token = token;
    }

    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let bytes = self.send(&Method::GET, path, &Body::Empty)?;
        self.read(path, &bytes)
    }

    pub(super) fn head(&self, path: &str) -> Result<()> {
        self.send(&Method::HEAD, path, &Body::Empty).map(|_| ())
    }

    pub(super) fn delete(&self, path: &str) -> Result<()> {
        self.send(&Method::DELETE, path, &Body::Empty).map(|_| ())
    }

    /// Sends a request without content, or with JSON, and ignores the answer's content.
    pub(super) fn command<B: Serialize>(&self, method: Method, path: &str, body: &B) -> Result<()> {
        self.send(&method, path, &json_body(body)?).map(|_| ())
    }

    /// A request without content whose answer does not matter.
    pub(super) fn poke(&self, path: &str) -> Result<()> {
        self.send(&Method::POST, path, &Body::Empty).map(|_| ())
    }

    pub(super) fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T> {
        let bytes = self.send(&Method::POST, path, &json_body(body)?)?;
        self.read(path, &bytes)
    }

    /// Uploads a YAML document as a form file.
    pub(super) fn upload(
        &self,
        method: Method,
        path: &str,
        field: &'static str,
        yaml: &str,
    ) -> Result<()> {
        self.send(&method, path, &Body::Form(field, yaml.to_owned())).map(|_| ())
    }

    fn send(&self, method: &Method, path: &str, body: &Body) -> Result<Vec<u8>> {
        self.transport.send(method, &format!("{}{path}", self.base), &self.token, body)
    }

    fn read<T: DeserializeOwned>(&self, path: &str, bytes: &[u8]) -> Result<T> {
        json::decode(bytes).map_err(|error| {
            Error::Internal(format!("the answer of {}{path} cannot be used: {error}", self.base))
        })
    }
}

fn json_body<B: Serialize>(body: &B) -> Result<Body> {
    serde_json::to_string(body).map(Body::Json).map_err(|error| Error::internal(error.to_string()))
}

/// Escapes one part of a path.
pub(super) fn part(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_parts_are_escaped() {
        assert_eq!(part("a b/ü.1"), "a%20b%2F%C3%BC.1");
    }
}
