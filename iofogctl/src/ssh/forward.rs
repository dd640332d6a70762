//! One HTTP request to a service that listens on the host's own loopback address, over SSH.

use russh::client::Handle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Most bytes of an answer.
const MAX_ANSWER: u64 = 16 << 20;

/// Status and content of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Content.
    pub body: Vec<u8>,
}

/// Posts JSON to a port. HTTP/1.0, so that the answer ends with the connection and comes in one piece.
pub(super) async fn post<H: russh::client::Handler>(
    handle: &Handle<H>,
    port: u16,
    path: &str,
    authorization: &str,
    body: &str,
) -> Result<Answer, String> {
    let channel = handle
        .channel_open_direct_tcpip("127.0.0.1", port.into(), "127.0.0.1", 0)
        .await
        .map_err(|error| format!("port {port} of the host cannot be reached over SSH: {error}"))?;
    let mut stream = channel.into_stream();
    let request = format!(
        "POST {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: {authorization}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await.map_err(|error| error.to_string())?;
    read(&answer).ok_or_else(|| format!("port {port} of the host does not answer with HTTP"))
}

/// Takes status and content out of an answer without chunks.
fn read(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(answer.get(..end)?).ok()?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: answer.get(end + 4..)?.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_or_refused() {
        let answer = read(b"HTTP/1.1 403 Forbidden\r\nA: b\r\n\r\n{\"x\":1}\r\n\r\n").unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (403, b"{\"x\":1}\r\n\r\n".as_slice()));
        for broken in
            [b"".as_slice(), b"HTTP/1.1 200 OK\r\n", b"SSH-2.0\r\n\r\n", b"HTTP/1.1 x\r\n\r\n"]
        {
            assert_eq!(read(broken), None);
        }
    }
}
