//! Moves the bytes of one connection between its stream and the core. One task each; every task
//! may make output for others, which it wakes.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use iofog_amqp_engine::Patience;
use iofog_pipe::PipeEnd;
use log::debug;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::shared::Shared;
use crate::core::{ConnId, Core};

/// Bytes read at once: little while a connection is quiet, more while it is busy.
const READ_SMALL: usize = 2 * 1024;
const READ_LARGE: usize = 64 * 1024;
/// Pieces of one vectored write, and pieces taken at once from a pipe.
const PIECES: usize = 64;

/// How the bytes of a connection come and go.
pub(super) trait Transport {
    /// Whether so much output is to wait until other tasks have had their turn.
    fn defers(&mut self, output: usize) -> bool;

    /// Writes until nothing is left (true) or the stream takes no more (false).
    fn poll_write(
        &mut self,
        shared: &Shared,
        conn: ConnId,
        cx: &mut Context<'_>,
    ) -> io::Result<bool>;

    /// Reads some into the core; 0 at the end.
    fn poll_read(
        &mut self,
        shared: &Shared,
        conn: ConnId,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>>;

    /// Ends the stream: the peer reads what is left before.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// A socket, or what is like one.
struct Socket<S> {
    stream: S,
    /// Bytes read at once.
    room: usize,
    patience: Patience,
}

/// Runs the connection on a stream until it is over, then forgets it.
pub(super) async fn run<S>(shared: Rc<Shared>, conn: ConnId, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    run_on(shared, conn, Socket { stream, room: READ_SMALL, patience: Patience::default() }).await;
}

/// The same on any transport.
pub(super) async fn run_on(shared: Rc<Shared>, conn: ConnId, mut transport: impl Transport) {
    let guard = Guard { shared: Rc::clone(&shared), conn };
    let result = poll_fn(|cx| poll(&shared, conn, &mut transport, cx)).await;
    if let Err(error) = result {
        debug!("[C{}] {error}", conn.number());
    }
    drop(guard);
}

/// Forgets the connection also when its task is ended from outside.
struct Guard {
    shared: Rc<Shared>,
    conn: ConnId,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.set_waker(self.conn, None);
        self.shared.core.borrow_mut().remove(self.conn);
        self.shared.wake_dirty(None);
    }
}

fn poll(
    shared: &Shared,
    conn: ConnId,
    transport: &mut impl Transport,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    shared.set_waker(conn, Some(cx.waker()));
    // What this task's own connection has to write since it last ran.
    shared.wake_dirty(Some(conn));
    let deferred = {
        let core = shared.core.borrow();
        transport.defers(core.output_len(conn)) && core.close_reason(conn).is_none()
    };
    if deferred {
        cx.waker().wake_by_ref();
    }
    loop {
        let wrote = deferred || transport.poll_write(shared, conn, cx)?;
        shared.wake_dirty(Some(conn));
        {
            let core = shared.core.borrow();
            if core.close_reason(conn).is_some() && (core.output_len(conn) == 0 || !wrote) {
                drop(core);
                // The peer reads what is left, then the end.
                return transport.poll_end(cx).map(|()| Ok(()));
            }
        }
        if !shared.core.borrow().exists(conn) {
            return Poll::Ready(Ok(()));
        }
        if !shared.core.borrow().wants_input(conn) {
            return Poll::Pending;
        }
        match transport.poll_read(shared, conn, cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(error)) => {
                shared.core.borrow_mut().input_ended(conn);
                shared.wake_dirty(Some(conn));
                return Poll::Ready(Err(error));
            }
            Poll::Ready(Ok(0)) => {
                shared.core.borrow_mut().input_ended(conn);
                shared.wake_dirty(Some(conn));
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(Ok(_)) => {
                let now = shared.now();
                shared.core.borrow_mut().received(conn, now);
                shared.wake_dirty(Some(conn));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Transport for Socket<S> {
    fn defers(&mut self, output: usize) -> bool {
        self.patience.waits(output, self.room == READ_LARGE)
    }

    fn poll_write(
        &mut self,
        shared: &Shared,
        conn: ConnId,
        cx: &mut Context<'_>,
    ) -> io::Result<bool> {
        poll_write(shared, conn, &mut self.stream, cx)
    }

    fn poll_read(
        &mut self,
        shared: &Shared,
        conn: ConnId,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let room = self.room;
        let read = if room == READ_SMALL {
            poll_read_quiet(shared, conn, &mut self.stream, cx)
        } else {
            let mut core = shared.core.borrow_mut();
            let Some(input) = core.input(conn, room) else {
                return Poll::Ready(Ok(0));
            };
            pin!(self.stream.read_buf(input)).poll(cx)
        };
        if let Poll::Ready(Ok(n)) = read {
            self.room = match n {
                n if n < READ_SMALL / 2 => READ_SMALL,
                // At once: sizes between are places that some allocators keep for ever.
                n if n >= room => READ_LARGE,
                _ => room,
            };
        }
        read
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.stream).poll_shutdown(cx).map(drop)
    }
}

impl Transport for PipeEnd {
    fn defers(&mut self, _output: usize) -> bool {
        false
    }

    fn poll_write(
        &mut self,
        shared: &Shared,
        conn: ConnId,
        cx: &mut Context<'_>,
    ) -> io::Result<bool> {
        if shared.core.borrow().output_len(conn) == 0 {
            return Ok(true);
        }
        let now = shared.now();
        while shared.core.borrow().output_len(conn) > 0 {
            match self.poll_room(cx) {
                Poll::Pending => return Ok(false),
                Poll::Ready(Err(error)) => {
                    shared.core.borrow_mut().input_ended(conn);
                    return Err(error);
                }
                Poll::Ready(Ok(())) => {}
            }
            let piece = shared.core.borrow_mut().take_output(conn, now);
            if let Some(piece) = piece {
                self.send(piece);
            }
        }
        Ok(true)
    }

    fn poll_read(
        &mut self,
        shared: &Shared,
        conn: ConnId,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut core = shared.core.borrow_mut();
        let mut read = 0;
        for _ in 0..PIECES {
            match self.poll_receive(cx) {
                Poll::Ready(Some(piece)) => {
                    read += piece.len();
                    core.feed(conn, piece);
                }
                // What came before the end is handled first; it is seen again then.
                Poll::Ready(None) => break,
                Poll::Pending if read == 0 => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(Ok(read))
    }

    fn poll_end(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        self.end();
        Poll::Ready(())
    }
}

/// Reads a little by way of the stack: a connection that waits for bytes holds no buffer for them.
fn poll_read_quiet<S>(
    shared: &Shared,
    conn: ConnId,
    stream: &mut S,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>>
where
    S: AsyncRead + Unpin,
{
    let mut space = [MaybeUninit::uninit(); READ_SMALL];
    let mut buffer = ReadBuf::uninit(&mut space);
    match Pin::new(stream).poll_read(cx, &mut buffer) {
        Poll::Pending => Poll::Pending,
        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        Poll::Ready(Ok(())) => {
            let bytes = buffer.filled();
            if let Some(input) = shared.core.borrow_mut().input(conn, bytes.len()) {
                input.extend_from_slice(bytes);
            }
            Poll::Ready(Ok(bytes.len()))
        }
    }
}

/// Writes until nothing is left (true) or the stream takes no more (false).
fn poll_write<S>(
    shared: &Shared,
    conn: ConnId,
    stream: &mut S,
    cx: &mut Context<'_>,
) -> io::Result<bool>
where
    S: AsyncWrite + Unpin,
{
    loop {
        let result = {
            let core: std::cell::Ref<'_, Core> = shared.core.borrow();
            let pieces = core.output::<PIECES>(conn);
            if pieces.iter().all(|piece| piece.is_empty()) {
                drop(core);
                // TLS may hold back a last record.
                return match Pin::new(&mut *stream).poll_flush(cx) {
                    Poll::Ready(result) => result.map(|()| true),
                    Poll::Pending => Ok(false),
                };
            }
            let slices = pieces.map(IoSlice::new);
            let used = pieces.iter().position(|piece| piece.is_empty()).unwrap_or(PIECES);
            let slices = slices.get(..used).unwrap_or_default();
            Pin::new(&mut *stream).poll_write_vectored(cx, slices)
        };
        match result {
            Poll::Pending => return Ok(false),
            Poll::Ready(Err(error)) => {
                shared.core.borrow_mut().input_ended(conn);
                return Err(error);
            }
            Poll::Ready(Ok(n)) => {
                let now = shared.now();
                shared.core.borrow_mut().wrote(conn, n, now);
                shared.wake_dirty(Some(conn));
            }
        }
    }
}
