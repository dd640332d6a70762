//! Another protocol on a connection that began with HTTP.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::BoxWire;

/// The connection after the switch.
pub struct Switched {
    /// What came in one piece with the answer.
    early: Bytes,
    wire: TokioIo<BoxWire>,
}

/// Sends a request for another protocol: the answer, and where it agrees the connection.
///
/// # Errors
/// The connection broke before there was an answer.
pub async fn switch(
    wire: BoxWire,
    request: Request<Full<Bytes>>,
) -> Result<(Response<Incoming>, Option<Switched>), hyper::Error> {
    let (mut sender, mut connection) = handshake(wire).await?;
    let mut asking = pin!(sender.send_request(request));
    let answer = poll_fn(|cx| {
        // How it ended is told by the question.
        let _ = connection.poll_without_shutdown(cx);
        asking.as_mut().poll(cx)
    })
    .await?;
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok((answer, None));
    }
    let parts = connection.into_parts();
    Ok((answer, Some(Switched { early: parts.read_buf, wire: TokioIo::new(parts.io) })))
}

impl AsyncRead for Switched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.wire).poll_read(cx, buffer);
        }
        let length = self.early.len().min(buffer.remaining());
        buffer.put_slice(&self.early[..length]);
        self.early.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Switched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{CONNECTION, UPGRADE};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    /// Who is asked answers once the question is there: the question, the outcome and the other end.
    async fn asked(answer: &str) -> (String, Response<Incoming>, Option<Switched>, DuplexStream) {
        let (near, mut far) = duplex(1024);
        let request = Request::get("/link").header(CONNECTION, "upgrade").header(UPGRADE, "x");
        let request = request.body(Full::default()).unwrap();
        let answering = async {
            let mut question = String::new();
            while !question.ends_with("\r\n\r\n") {
                question.push(char::from(far.read_u8().await.unwrap()));
            }
            far.write_all(answer.as_bytes()).await.unwrap();
            question
        };
        let asking = switch(Box::new(TokioIo::new(near)), request);
        let (outcome, question) = tokio::join!(asking, answering);
        let (answer, switched) = outcome.unwrap();
        (question, answer, switched, far)
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_came_with_the_answer_is_read_first_and_both_ways_work() {
        let text =
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nearly";
        let (question, _, switched, mut far) = asked(text).await;
        assert!(question.starts_with("GET /link HTTP/1.1\r\n"), "{question}");
        let mut near = switched.unwrap();
        far.write_all(b" and late").await.unwrap();
        near.write_all(b"back").await.unwrap();
        near.shutdown().await.unwrap();
        let mut back = String::new();
        far.read_to_string(&mut back).await.unwrap();
        assert_eq!(back, "back");
        drop(far);
        let mut heard = String::new();
        near.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "early and late");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn another_answer_is_no_switch() {
        let (_, answer, switched, _far) =
            asked("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        assert!(switched.is_none());
    }
}
