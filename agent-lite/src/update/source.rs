//! Where releases come from: an HTTP server or a folder of this device (a stick, a mount). What comes is signed, so
//! the way it comes needs no secrecy.

use std::io;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest silence of a server.
const SILENCE: Duration = Duration::from_secs(60);

/// Fetches `source` + `file` and hands its bytes on piece by piece.
///
/// # Errors
/// When it cannot be had, or `take` refuses a piece.
pub(crate) async fn fetch(
    source: &str,
    file: &str,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    match source.strip_prefix("http://") {
        Some(rest) => {
            let (authority, folder) = rest.split_once('/').unwrap_or((rest, ""));
            over_http(authority, &format!("/{folder}{file}"), take).await
        }
        None => {
            // Pieces are small and the disk is local: a device has no thread to spare for reading.
            let mut opened = std::fs::File::open(format!("{source}{file}"))?;
            let mut buffer = vec![0; 32 * 1024];
            loop {
                let count = io::Read::read(&mut opened, &mut buffer)?;
                if count == 0 {
                    return Ok(());
                }
                take(buffer.get(..count).unwrap_or_default())?;
                tokio::task::yield_now().await;
            }
        }
    }
}

async fn over_http(
    authority: &str,
    path: &str,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let address =
        if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
    let stream = patient(TcpStream::connect(address)).await??;
    let wire = Box::new(TokioIo::new(stream));
    let mut sender = iofog_http::sender(wire).await.map_err(io::Error::other)?;
    let request = Request::get(path)
        .header("host", authority)
        .body(Full::default())
        .map_err(io::Error::other)?;
    let answer = patient(sender.send_request(request)).await?.map_err(io::Error::other)?;
    if answer.status() != 200 {
        return Err(io::Error::other(format!("{path}: status {}", answer.status())));
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
