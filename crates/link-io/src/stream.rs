//! One stream of a link as a byte stream, with the traits of futures-io: hyper takes it through smol-hyper.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use iofog_link::{StreamId, StreamRead};

use crate::link::{Link, Session};

/// A stream; dropping it ends it.
pub struct LinkStream<S: Session> {
    link: Link<S>,
    id: StreamId,
}

// === impl LinkStream ===

impl<S: Session> LinkStream<S> {
    pub(crate) fn new(link: Link<S>, id: StreamId) -> Self {
        Self { link, id }
    }
}

impl<S: Session> Drop for LinkStream<S> {
    fn drop(&mut self) {
        self.link.with(|session| session.streams().close(self.id));
    }
}

impl<S: Session> AsyncRead for LinkStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let read = ready!(self.link.poll(context.waker(), |streams| {
            match streams.read(self.id, buffer) {
                StreamRead::Later => None,
                read => Some(read),
            }
        }));
        Poll::Ready(match read {
            Some(StreamRead::Bytes(count)) => Ok(count),
            Some(StreamRead::End) => Ok(0),
            _ => Err(ErrorKind::ConnectionReset.into()),
        })
    }
}

impl<S: Session> AsyncWrite for LinkStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(self.link.poll(context.waker(), |streams| {
            match streams.write(self.id, bytes) {
                Some(0) if !bytes.is_empty() => None,
                written => Some(written),
            }
        }));
        Poll::Ready(written.flatten().ok_or_else(|| ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(
            self.link
                .poll(context.waker(), |streams| { streams.is_flushed(self.id).then_some(()) })
        );
        Poll::Ready(flushed.ok_or_else(|| ErrorKind::BrokenPipe.into()))
    }

    fn poll_close(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.with(|session| session.streams().finish(self.id));
        Poll::Ready(Ok(()))
    }
}
