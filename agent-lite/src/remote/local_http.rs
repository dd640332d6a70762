//! One request to a service beside the Agent, which need not be there.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);
const LARGEST: usize = 1 << 20;

/// What the service answers.
#[derive(Clone, Debug)]
pub struct LocalAnswer {
    /// Status.
    pub status: StatusCode,
    /// Type of the body, when it says one.
    pub content_type: Option<String>,
    /// Body, at most 1 MiB.
    pub body: Bytes,
}

/// Sends a request to a port of loopback.
///
/// # Errors
/// When nothing listens there, or what answers is no HTTP, too large or too slow.
pub async fn request(
    port: u16,
    method: Method,
    path: &str,
    content_type: Option<&str>,
    body: Bytes,
) -> io::Result<LocalAnswer> {
    let work = async {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let wire = Box::new(TokioIo::new(stream));
        let mut sender = iofog_http::sender(wire).await.map_err(broken)?;
        let mut request = Request::builder().method(method).uri(path).header(HOST, "localhost");
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let request = request.body(Full::new(body)).map_err(broken)?;
        let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
        let body = Limited::new(body, LARGEST).collect().await.map_err(io::Error::other)?;
        let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Ok(LocalAnswer {
            status: head.status,
            content_type: content_type.map(str::to_owned),
            body: body.to_bytes(),
        })
    };
    timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::other(error)
}
