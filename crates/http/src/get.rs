//! Files over plain HTTP, piece by piece: for what needs no secrecy on its way, as it is signed or public.

use std::io;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest silence of a server.
const SILENCE: Duration = Duration::from_secs(60);

/// Fetches `http://authority/path` and hands its bytes on as they come. Redirects are not followed. Must be called on the local
/// task set.
///
/// # Errors
/// Another scheme, a server that is away, silent for a minute or answers anything but 200, or `take` refuses a piece.
pub async fn get(url: &str, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let rest = url.strip_prefix("http://").ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("{url}: not an http:// address"))
    })?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address =
        if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
    let stream = patient(TcpStream::connect(address)).await??;
    let wire = Box::new(TokioIo::new(stream));
    let mut sender = crate::sender(wire).await.map_err(io::Error::other)?;
    let request = Request::get(format!("/{path}"))
        .header("host", authority)
        .body(Full::default())
        .map_err(io::Error::other)?;
    let answer = patient(sender.send_request(request)).await?.map_err(io::Error::other)?;
    if answer.status() != 200 {
        return Err(io::Error::other(format!("/{path}: status {}", answer.status())));
    }
    let mut body = answer.into_body();
    while let Some(frame) = patient(body.frame()).await? {
        if let Some(data) = frame.map_err(io::Error::other)?.data_ref() {
            take(data)?;
        }
    }
    Ok(())
}

async fn patient<T>(work: impl Future<Output = T>) -> io::Result<T> {
    timeout(SILENCE, work).await.map_err(|_| io::ErrorKind::TimedOut.into())
}
