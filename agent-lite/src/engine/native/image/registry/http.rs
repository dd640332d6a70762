//! One HTTP request per connection, over TLS unless the registry is on loopback and speaks plain HTTP.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{HOST, USER_AGENT};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use iofog_tls::{ClientOptions, Trust};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use iofog_http::{Wire, sender};

const CONNECT: Duration = Duration::from_secs(15);
const HEAD: Duration = Duration::from_secs(60);
/// A transfer that stands still for this long is given up, and continued later.
const STALL: Duration = Duration::from_secs(60);
const BUFFER: usize = 64 << 10;

/// An address: scheme, host, port, path with query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) path: String,
}

// === impl Url ===

impl Url {
    /// The registry's own address; the port is the scheme's unless given.
    pub(super) fn of_host(host: &str, tls: bool, path: &str) -> io::Result<Self> {
        Self::parse(&format!("{}://{host}{path}", if tls { "https" } else { "http" }))
    }

    /// An absolute address.
    pub(super) fn parse(text: &str) -> io::Result<Self> {
        let refuse = || {
            io::Error::new(io::ErrorKind::InvalidData, "registry gave an address that is not valid")
        };
        let uri: Uri = text.parse().map_err(|_| refuse())?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(refuse()),
        };
        let host = uri.host().ok_or_else(refuse)?.trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { tls, host, port, path })
    }

    /// Where a redirect leads.
    pub(super) fn join(&self, location: &str) -> io::Result<Self> {
        if location.starts_with('/') && !location.starts_with("//") {
            return Ok(Self { path: location.to_owned(), ..self.clone() });
        }
        Self::parse(location)
    }

    /// Credentials may go there as well.
    pub(super) fn same_origin(&self, other: &Self) -> bool {
        (self.tls, &self.host, self.port) == (other.tls, &other.host, other.port)
    }

    fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

/// Sends a request without a body; the answer's body is still to come.
pub(super) async fn send(
    method: Method,
    url: &Url,
    headers: &[(&str, String)],
) -> io::Result<Response<Incoming>> {
    let mut request = Request::builder()
        .method(method)
        .uri(&url.path)
        .header(HOST, url.authority())
        .header(USER_AGENT, concat!("iofog-agent/", env!("CARGO_PKG_VERSION")));
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(Full::default()).map_err(io::Error::other)?;
    let stream = timeout(CONNECT, TcpStream::connect((url.host.as_str(), url.port))).await;
    let stream = stream.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    stream.set_nodelay(true)?;
    if !url.tls {
        return exchange(Box::new(TokioIo::new(stream)), request).await;
    }
    let name = ServerName::try_from(url.host.clone()).map_err(io::Error::other)?;
    let connector = TlsConnector::from(client_config(url)?);
    let stream = timeout(CONNECT, connector.connect(name, stream)).await;
    let stream = stream.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    exchange(Box::new(TokioIo::new(stream)), request).await
}

/// The certificate that container engines look for, else the machine's list.
fn client_config(url: &Url) -> io::Result<Arc<rustls::ClientConfig>> {
    let folder = Path::new("/etc/docker/certs.d").join(url.authority());
    let own = folder.join("ca.crt");
    let trust = if own.exists() { Trust::from_file(&own) } else { Trust::system() };
    trust.and_then(|trust| ClientOptions::new(trust).build()).map_err(io::Error::other)
}

async fn exchange(
    wire: Box<dyn Wire>,
    request: Request<Full<Bytes>>,
) -> io::Result<Response<Incoming>> {
    let mut sender = sender(wire).await.map_err(io::Error::other)?;
    let answer = timeout(HEAD, sender.send_request(request)).await;
    answer.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?.map_err(io::Error::other)
}

/// The next bytes of a body; none at its end.
pub(super) async fn next_bytes(body: &mut Incoming) -> io::Result<Option<Bytes>> {
    loop {
        let frame = timeout(STALL, body.frame()).await;
        match frame.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))? {
            None => return Ok(None),
            Some(Err(error)) => return Err(io::Error::other(error)),
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}

/// A whole body of at most `limit` bytes.
pub(super) async fn whole(mut body: Incoming, limit: usize) -> io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    while let Some(bytes) = next_bytes(&mut body).await? {
        if whole.len() + bytes.len() > limit {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "registry's answer is too large",
            ));
        }
        whole.extend_from_slice(&bytes);
    }
    Ok(whole)
}

/// Size of the pieces in which bytes are read back.
pub(super) const fn buffer_size() -> usize {
    BUFFER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_keep_or_leave_the_origin() {
        let url = Url::of_host("h.example:5000", true, "/v2/").unwrap();
        assert_eq!((url.host.as_str(), url.port, url.tls), ("h.example", 5000, true));
        assert!(url.join("/other?x=1").unwrap().same_origin(&url));
        assert!(!url.join("https://cdn.example/blob").unwrap().same_origin(&url));
        assert!(!url.join("http://h.example:5000/x").unwrap().same_origin(&url));
        assert!(url.join("ftp://x/").is_err() && url.join("//x/y").is_err());
        assert_eq!(Url::of_host("[::1]:5000", false, "/").unwrap().authority(), "[::1]:5000");
    }
}
