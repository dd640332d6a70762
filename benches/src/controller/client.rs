//! An HTTP/1.1 client that keeps connections or makes a new one per request, as it is told.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// A guard against hanging, not a limit of the measurement.
const PATIENCE: Duration = Duration::from_secs(120);

/// The Controller under load.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    host: String,
    prefix: String,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Call {
    /// Method.
    pub method: &'static str,
    /// Path below the base URL.
    pub path: String,
    /// Access token; empty for none.
    pub token: String,
    /// JSON text; empty for none.
    pub body: Bytes,
    /// The status of success.
    pub expected: u16,
}

/// A connection that may be used again.
#[derive(Default)]
pub struct Connection(Option<SendRequest<Full<Bytes>>>);

impl Target {
    /// Takes a base URL such as `http://127.0.0.1:51121/api/v3`.
    ///
    /// # Errors
    /// When it is no plain HTTP URL, or its host is not known.
    pub fn new(base: &str) -> Result<Self> {
        let rest = base.strip_prefix("http://").context("the base URL begins with http://")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let named = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let address = named.to_socket_addrs().with_context(|| format!("no address: {named}"))?;
        let address = address.into_iter().next().context("the host has no address")?;
        let prefix = format!("/{}", path.trim_end_matches('/'));
        Ok(Self { address, host: host.to_owned(), prefix })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(self.address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        // Closed with a reset: ten thousands of closed connections would use up the local ports.
        stream.set_zero_linger()?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::task::spawn_local(connection);
        Ok(sender)
    }

    /// Sends a request over a connection, made first if need be, and reads the whole answer.
    ///
    /// # Errors
    /// When the server cannot be reached, or answers with another status than the expected one.
    pub async fn call(&self, connection: &mut Connection, call: &Call) -> Result<Bytes> {
        let sent = tokio::time::timeout(PATIENCE, self.exchange(connection, call));
        let result = sent.await.unwrap_or_else(|_| bail!("no answer for two minutes"));
        if result.is_err() {
            connection.0 = None;
        }
        result.with_context(|| format!("{} {}", call.method, call.path))
    }

    async fn exchange(&self, connection: &mut Connection, call: &Call) -> Result<Bytes> {
        let is_ready = match &mut connection.0 {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !is_ready {
            connection.0 = Some(self.connect().await?);
        }
        let sender = connection.0.as_mut().ok_or_else(|| anyhow!("no connection"))?;
        let mut request = hyper::Request::builder()
            .method(call.method)
            .uri(format!("{}{}", self.prefix, call.path))
            .header("host", &self.host);
        if !call.token.is_empty() {
            request = request.header("authorization", &call.token);
        }
        if !call.body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let answer = sender.send_request(request.body(Full::new(call.body.clone()))?).await?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await?.to_bytes();
        let shown = String::from_utf8_lossy(body.get(..200).unwrap_or(&body)).into_owned();
        ensure!(status == call.expected, "{status} instead of {}: {shown}", call.expected);
        Ok(body)
    }

    /// As [`Self::call`], for an answer that is JSON.
    ///
    /// # Errors
    /// As [`Self::call`], and when the answer is none.
    pub async fn json(&self, connection: &mut Connection, call: &Call) -> Result<Value> {
        let body = self.call(connection, call).await?;
        serde_json::from_slice(&body).with_context(|| format!("answer to {}", call.path))
    }
}

impl Call {
    /// A request without a body.
    #[must_use]
    pub fn new(method: &'static str, path: impl Into<String>, token: &str, expected: u16) -> Self {
        let (path, token) = (path.into(), token.to_owned());
        Self { method, path, token, body: Bytes::new(), expected }
    }

    /// With a JSON body.
    #[must_use]
    pub fn with(mut self, body: &Value) -> Self {
        self.body = Bytes::from(body.to_string());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls() {
        let target = Target::new("http://127.0.0.1:51121/api/v3/").unwrap();
        assert_eq!(target.address.port(), 51121);
        assert_eq!(target.prefix, "/api/v3");
        assert!(Target::new("https://127.0.0.1/api/v3").is_err());
    }
}
