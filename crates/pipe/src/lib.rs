//! A byte stream between two tasks of one thread. Who knows both ends passes pieces on without a copy; to others it
//! is a stream like any other.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that wait in one direction before its writer has to; a piece that is longer goes through alone. Two messages of a
/// tunnel under load.
const ROOM: usize = 512 * 1024;

/// One end. The other one sees the end of the stream when this is dropped or shut down.
#[derive(Debug)]
pub struct PipeEnd {
    incoming: Rc<RefCell<Way>>,
    outgoing: Rc<RefCell<Way>>,
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    pieces: VecDeque<Bytes>,
    waiting: usize,
    /// The writer has ended.
    ended: bool,
    /// The reader has gone.
    unread: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// Both ends.
#[must_use]
pub fn pipe() -> (PipeEnd, PipeEnd) {
    let (one, two) = (Rc::default(), Rc::default());
    let near = PipeEnd { incoming: Rc::clone(&one), outgoing: Rc::clone(&two) };
    (near, PipeEnd { incoming: two, outgoing: one })
}

// === impl Way ===

impl Way {
    fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn wake_writer(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }

    fn end(&mut self) {
        self.ended = true;
        self.wake_reader();
    }

    fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.waiting += piece.len();
            self.pieces.push_back(piece);
            self.wake_reader();
        }
    }

    /// Accounts for bytes that were taken.
    fn taken(&mut self, bytes: usize) {
        self.waiting -= bytes;
        if self.pieces.is_empty() {
            // An idle stream holds no buffers.
            self.pieces = VecDeque::new();
        }
        if self.waiting < ROOM {
            self.wake_writer();
        }
    }
}

/// Keeps a waker, without a copy of the one that is there already.
fn keep(place: &mut Option<Waker>, cx: &Context<'_>) {
    if !place.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
        *place = Some(cx.waker().clone());
    }
}

// === impl PipeEnd ===

impl PipeEnd {
    /// Resolves when a piece may be sent.
    ///
    /// # Errors
    /// `BrokenPipe` when the other end is gone, or this one was shut down.
    pub fn poll_room(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let mut way = self.outgoing.borrow_mut();
        if way.unread || way.ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if way.waiting < ROOM {
            return Poll::Ready(Ok(()));
        }
        keep(&mut way.writer, cx);
        Poll::Pending
    }

    /// Sends a piece; ask [`Self::poll_room`] before.
    pub fn send(&self, piece: Bytes) {
        self.outgoing.borrow_mut().push(piece);
    }

    /// The next piece; none at the end of the stream.
    pub fn poll_receive(&self, cx: &Context<'_>) -> Poll<Option<Bytes>> {
        let mut way = self.incoming.borrow_mut();
        match way.pieces.pop_front() {
            Some(piece) => {
                way.taken(piece.len());
                Poll::Ready(Some(piece))
            }
            None if way.ended => Poll::Ready(None),
            None => {
                keep(&mut way.reader, cx);
                Poll::Pending
            }
        }
    }

    /// Ends the outgoing direction.
    pub fn end(&self) {
        self.outgoing.borrow_mut().end();
    }
}

impl Drop for PipeEnd {
    fn drop(&mut self) {
        self.end();
        let mut way = self.incoming.borrow_mut();
        way.unread = true;
        way.pieces = VecDeque::new();
        way.waiting = 0;
        way.wake_writer();
    }
}

impl AsyncRead for PipeEnd {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut way = self.incoming.borrow_mut();
        let mut taken = 0;
        while buffer.remaining() > 0
            && let Some(piece) = way.pieces.front_mut()
        {
            let length = piece.len().min(buffer.remaining());
            buffer.put_slice(&piece.split_to(length));
            taken += length;
            if !piece.has_remaining() {
                way.pieces.pop_front();
            }
        }
        if taken > 0 {
            way.taken(taken);
        } else if buffer.remaining() > 0 && !way.ended {
            keep(&mut way.reader, cx);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PipeEnd {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_room(cx).map_ok(|()| {
            let bytes = bytes.get(..ROOM).unwrap_or(bytes);
            self.send(Bytes::copy_from_slice(bytes));
            bytes.len()
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end();
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn pipe_carries_megabytes_both_ways_as_a_stream() {
        let (mut near, mut far) = pipe();
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
        let send = async {
            near.write_all(&bytes).await.unwrap();
            near.shutdown().await.unwrap();
            let mut back = Vec::new();
            near.read_to_end(&mut back).await.unwrap();
            back
        };
        let echo = async {
            let mut all = Vec::new();
            far.read_to_end(&mut all).await.unwrap();
            far.write_all(&all).await.unwrap();
            far.end();
        };
        let (back, ()) = tokio::join!(send, echo);
        assert!(back == bytes);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn pipe_pieces_are_passed_on_as_they_are_within_its_room() {
        let (near, mut far) = pipe();
        let piece = Bytes::from(vec![1; ROOM]);
        poll_fn(|cx| near.poll_room(cx)).await.unwrap();
        near.send(piece.clone());
        poll_fn(|cx| {
            assert!(near.poll_room(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        let received = poll_fn(|cx| far.poll_receive(cx)).await.unwrap();
        assert_eq!(received.as_ptr(), piece.as_ptr());
        poll_fn(|cx| near.poll_room(cx)).await.unwrap();
        // What was sent before the end is read before it.
        near.send(Bytes::from_static(b"last"));
        drop(near);
        let mut rest = Vec::new();
        far.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"last");
        assert!(poll_fn(|cx| far.poll_room(cx)).await.is_err());
        assert!(far.write_all(b"x").await.is_err());
    }
}
