//! A small blocking HTTP/1.1 client: one request per connection, over TCP, TLS or a Unix socket.
//! Enough for a Controller, a container engine and a page, all on this machine.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use iofog_tls::rustls::{ClientConnection, StreamOwned};
use iofog_tls::{ClientOptions, Trust};

/// Answers larger than this are refused: everything asked for here is small.
const MAX_BODY: u64 = 256 * 1024 * 1024;
const MAX_HEADERS: usize = 200;

/// Where a server listens.
#[derive(Clone, Debug)]
pub enum Origin {
    /// `host:port`.
    Tcp(String),
    /// `host:port` over TLS, and the PEM file of the only authority that is believed.
    Tls(String, PathBuf),
    /// Path of a Unix socket.
    Unix(PathBuf),
}

/// One request; build it with [`Request::new`] and the `with_` methods.
#[derive(Debug)]
pub struct Request<'a> {
    method: &'a str,
    path: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: &'a [u8],
    timeout: Duration,
}

/// A complete answer.
#[derive(Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header names in lower case, values trimmed.
    pub headers: Vec<(String, String)>,
    /// Body with any chunked coding removed.
    pub body: Vec<u8>,
}

impl<'a> Request<'a> {
    /// A request without body; `path` is the request target.
    pub fn new(method: &'a str, path: &'a str) -> Self {
        Self { method, path, headers: Vec::new(), body: &[], timeout: Duration::from_secs(30) }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sets the body and its media type.
    #[must_use]
    pub fn with_body(mut self, content_type: &'a str, body: &'a [u8]) -> Self {
        self.headers.push(("Content-Type", content_type));
        self.body = body;
        self
    }

    /// How long a single read or write may block; 30 s unless said.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends the request and reads the whole answer.
    ///
    /// # Errors
    /// When the server cannot be reached, stays silent for longer than the timeout, or answers with
    /// something that is not HTTP/1.1.
    pub fn send(&self, origin: &Origin) -> Result<Response> {
        let answer = match origin {
            Origin::Tcp(address) => self.exchange(self.connect(address)?, address),
            Origin::Tls(address, authority) => {
                let config = ClientOptions::new(Trust::from_file(authority)?).build()?;
                let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
                let connection = ClientConnection::new(config, host.to_owned().try_into()?)?;
                self.exchange(StreamOwned::new(connection, self.connect(address)?), address)
            }
            Origin::Unix(path) => {
                let stream = UnixStream::connect(path)
                    .with_context(|| format!("cannot connect to {}", path.display()))?;
                stream.set_read_timeout(Some(self.timeout))?;
                stream.set_write_timeout(Some(self.timeout))?;
                self.exchange(stream, "localhost")
            }
        };
        answer.with_context(|| format!("{} {}", self.method, self.path))
    }

    fn connect(&self, address: &str) -> Result<TcpStream> {
        let target = address
            .to_socket_addrs()
            .with_context(|| format!("cannot resolve {address}"))?
            .next()
            .with_context(|| format!("no address for {address}"))?;
        let stream = TcpStream::connect_timeout(&target, self.timeout)
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_read_timeout(Some(self.timeout))?;
        stream.set_write_timeout(Some(self.timeout))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn exchange(&self, mut stream: impl Read + Write, host: &str) -> Result<Response> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.method,
            self.path,
            self.body.len()
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        // A server may refuse early and close: its answer is worth more than the write error.
        let sent = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(self.body))
            .and_then(|()| stream.flush());
        match read_response(BufReader::new(stream), self.method == "HEAD") {
            Ok(response) => Ok(response),
            Err(read) => match sent {
                Err(write) => Err(write).context("cannot send the request"),
                Ok(()) => Err(read),
            },
        }
    }
}

impl Response {
    /// First value of a header; the name is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The body as text, lossy.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body decoded as JSON.
    ///
    /// # Errors
    /// When it is not the JSON that the type asks for.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("unexpected body: {}", shorten(&self.text())))
    }

    /// Passes an answer with one of the given statuses on.
    ///
    /// # Errors
    /// With the status and the beginning of the body for every other status.
    pub fn expect(self, allowed: &[u16]) -> Result<Self> {
        ensure!(
            allowed.contains(&self.status),
            "status {} instead of {allowed:?}: {}",
            self.status,
            shorten(&self.text())
        );
        Ok(self)
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(400).collect()
}

fn read_response(mut reader: impl BufRead, head_only: bool) -> Result<Response> {
    let status_line = read_line(&mut reader)?;
    let mut words = status_line.split(' ');
    ensure!(words.next().is_some_and(|v| v.starts_with("HTTP/1.")), "not an HTTP/1 answer");
    let status: u16 = words.next().unwrap_or_default().parse().context("bad status code")?;

    let mut headers = Vec::new();
    loop {
        let line = read_line(&mut reader)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').context("header without a colon")?;
        headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        ensure!(headers.len() <= MAX_HEADERS, "too many headers");
    }
    let mut response = Response { status, headers, body: Vec::new() };
    if head_only || status == 204 || status == 304 {
        return Ok(response);
    }
    let chunked =
        response.header("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked"));
    if chunked {
        response.body = read_chunks(&mut reader)?;
    } else if let Some(length) = response.header("content-length") {
        let length: u64 = length.parse().context("bad content-length")?;
        ensure!(length <= MAX_BODY, "answer too large: {length} bytes");
        reader.by_ref().take(length).read_to_end(&mut response.body)?;
        ensure!(u64::try_from(response.body.len())? == length, "answer cut short");
    } else {
        reader.take(MAX_BODY).read_to_end(&mut response.body)?;
    }
    Ok(response)
}

fn read_chunks(reader: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(reader)?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(digits, 16).context("bad chunk size")?;
        if size == 0 {
            while !read_line(reader)?.is_empty() {}
            return Ok(body);
        }
        ensure!(size + u64::try_from(body.len())? <= MAX_BODY, "answer too large");
        let before = body.len();
        reader.by_ref().take(size).read_to_end(&mut body)?;
        ensure!(u64::try_from(body.len() - before)? == size, "chunk cut short");
        ensure!(read_line(reader)?.is_empty(), "chunk without its line end");
    }
}

fn read_line(reader: &mut impl BufRead) -> Result<String> {
    let mut line = Vec::new();
    reader.by_ref().take(64 * 1024).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        bail!(io::Error::new(io::ErrorKind::UnexpectedEof, "connection closed"));
    }
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    String::from_utf8(line).context("header is not text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Response> {
        read_response(BufReader::new(bytes), false)
    }

    #[test]
    fn body_by_length() {
        let r =
            parse(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-A: b\r\n\r\nokrest").unwrap();
        assert_eq!((r.status, r.header("x-a"), r.body.as_slice()), (201, Some("b"), &b"ok"[..]));
    }

    #[test]
    fn body_in_chunks() {
        let r = parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
        assert_eq!(r.unwrap().body, b"abc");
    }

    #[test]
    fn body_until_close() {
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\n\r\nall of it").unwrap().body, b"all of it");
    }

    #[test]
    fn short_bodies_are_errors() {
        assert!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab").is_err());
        assert!(parse(b"").is_err());
        assert!(parse(b"ROUTER/9 hello\r\n\r\n").is_err());
    }

    #[test]
    fn unexpected_status_shows_the_body() {
        let r = parse(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone").unwrap();
        let text = r.expect(&[200]).unwrap_err().to_string();
        assert!(text.contains("404") && text.contains("gone"), "{text}");
    }
}
