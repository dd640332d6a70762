//! The task that moves bytes between a stream and the engine.

use std::future::{Future, poll_fn};
use std::io::IoSlice;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use iofog_amqp_engine::{Millis, Patience};
use iofog_pipe::PipeEnd;
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::BoxStream;
use crate::shared::Shared;

/// Bytes read at once: little at first, more while the peer fills the buffer.
const LEAST_READ: usize = 4 * 1024;
const MOST_READ: usize = 64 * 1024;

/// From here on much comes.
const BUSY_READ: usize = 16 * 1024;

/// Pieces of one write, and taken at once from a pipe inside the process.
const PIECES: usize = 64;

/// Turns of reading and writing before other tasks have theirs.
const TURNS: u32 = 16;

/// Turns of other tasks that a drain waits for: more than a `LocalSet` runs before its main future.
const DRAIN_TURNS: u32 = 64;

/// Silence after which buffers are given back, in ms.
const IDLE_MS: u64 = 1_000;

/// How long the last bytes may take.
const LINGER: Duration = Duration::from_secs(5);

struct Driver {
    stream: BoxStream,
    shared: Rc<Shared>,
    start: Instant,
    read_size: usize,
    last_read: Millis,
    timer: Pin<Box<Sleep>>,
    unflushed: bool,
    drain_turns: u32,
    patience: Patience,
}

/// Runs a connection until it is over.
pub(crate) async fn drive(stream: BoxStream, shared: Rc<Shared>) {
    let start = Instant::now();
    let timer = Box::pin(sleep_until(start));
    let mut driver = Driver {
        stream,
        shared,
        start,
        read_size: LEAST_READ,
        last_read: Millis(0),
        timer,
        unflushed: false,
        drain_turns: 0,
        patience: Patience::default(),
    };
    poll_fn(|cx| driver.poll(cx)).await;
    // The peer learns why, if it still reads.
    let _ = timeout(LINGER, poll_fn(|cx| driver.poll_linger(cx))).await;
}

impl Driver {
    fn now(&self) -> Millis {
        Millis(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Ready when the connection is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.set_driver(cx.waker());
        let mut deferred = false;
        for turn in 0..TURNS {
            self.shared.handle_events();
            if self.shared.close_reason().is_some() {
                return Poll::Ready(());
            }
            self.shared.engine.borrow_mut().flush();
            if turn == 0 && self.defers() {
                deferred = true;
                cx.waker().wake_by_ref();
            }
            let wrote = !deferred && self.poll_write(cx);
            let read = self.poll_read(cx);
            if !(wrote || read) {
                // Senders that wait for credit have a turn to use it before a drain takes it.
                if self.shared.answer_drains(self.drain_turns < DRAIN_TURNS) {
                    self.drain_turns += 1;
                    break;
                }
                self.drain_turns = 0;
                self.shared.engine.borrow_mut().flush();
                let waiting = self.shared.engine.borrow().output_len() > 0;
                if waiting && !deferred && self.poll_write(cx) {
                    continue;
                }
                if self.poll_timer(cx) {
                    continue;
                }
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether the output is to wait until other tasks have had their turn.
    fn defers(&mut self) -> bool {
        let output = self.shared.engine.borrow().output_len();
        self.patience.waits(output, self.read_size >= BUSY_READ)
    }

    /// The stream, where it is a pipe inside the process.
    fn pipe(&self) -> Option<&PipeEnd> {
        (*self.stream).as_any().downcast_ref()
    }

    /// Passes the output on in its pieces: true when there were any, or the other end is gone.
    fn poll_pass(&self, pipe: &PipeEnd, cx: &Context<'_>) -> bool {
        let mut progress = false;
        let now = self.now();
        let mut engine = self.shared.engine.borrow_mut();
        while engine.output_len() > 0 {
            match pipe.poll_room(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => {
                    engine.input_ended();
                    return true;
                }
                Poll::Pending => break,
            }
            if let Some(piece) = engine.take_output(now) {
                pipe.send(piece);
                progress = true;
            }
        }
        progress
    }

    /// Takes what was passed on: true when there was something, or the stream ended.
    fn poll_take(&self, pipe: &PipeEnd, cx: &Context<'_>) -> bool {
        let mut progress = false;
        let mut engine = self.shared.engine.borrow_mut();
        for _ in 0..PIECES {
            if !engine.wants_input() {
                break;
            }
            match pipe.poll_receive(cx) {
                Poll::Ready(Some(piece)) => engine.feed(piece),
                Poll::Ready(None) => {
                    engine.input_ended();
                    return true;
                }
                Poll::Pending => break,
            }
            progress = true;
        }
        if progress {
            engine.received(self.now());
        }
        progress
    }

    /// True: bytes were written, or the stream broke.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(pipe) = self.pipe() {
            return self.poll_pass(pipe, cx);
        }
        let mut progress = false;
        loop {
            let engine = self.shared.engine.borrow();
            if engine.output_len() == 0 {
                break;
            }
            let chunks = engine.output_chunks::<PIECES>();
            let slices = chunks.map(IoSlice::new);
            let result = Pin::new(&mut self.stream).poll_write_vectored(cx, &slices);
            drop(engine);
            match result {
                Poll::Ready(Ok(n)) if n > 0 => {
                    let now = self.now();
                    self.shared.engine.borrow_mut().wrote(n, now);
                    self.unflushed = true;
                    progress = true;
                }
                Poll::Ready(_) => {
                    self.shared.engine.borrow_mut().input_ended();
                    return true;
                }
                Poll::Pending => return progress,
            }
        }
        if self.unflushed && Pin::new(&mut self.stream).poll_flush(cx).is_ready() {
            self.unflushed = false;
        }
        progress
    }

    /// True: bytes were read, or the stream ended.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> bool {
        let now = self.now();
        if let Some(pipe) = self.pipe() {
            let took = self.poll_take(pipe, cx);
            self.last_read = if took { now } else { self.last_read };
            return took;
        }
        let mut engine = self.shared.engine.borrow_mut();
        if !engine.wants_input() {
            return false;
        }
        let buffer = engine.input(self.read_size);
        let result = pin!(self.stream.read_buf(buffer)).poll(cx);
        match result {
            Poll::Ready(Ok(n)) if n > 0 => {
                engine.received(now);
                self.last_read = now;
                let wanted = if n >= self.read_size { 2 * self.read_size } else { n * 2 };
                self.read_size = wanted.clamp(LEAST_READ, MOST_READ).max(self.read_size / 2);
                true
            }
            Poll::Ready(_) => {
                engine.input_ended();
                true
            }
            Poll::Pending => false,
        }
    }

    /// True: the deadline is here.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(deadline) = self.shared.engine.borrow().next_deadline() else { return false };
        let at = self.start + Duration::from_millis(deadline.0);
        if self.timer.deadline() != at {
            self.timer.as_mut().reset(at);
        }
        if self.timer.as_mut().poll(cx).is_pending() {
            return false;
        }
        let now = self.now().max(deadline);
        let mut engine = self.shared.engine.borrow_mut();
        engine.tick(now);
        if now.0.saturating_sub(self.last_read.0) >= IDLE_MS {
            engine.shrink();
            self.read_size = LEAST_READ;
        }
        true
    }

    /// Writes what is left, then ends the stream.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let engine = self.shared.engine.borrow();
            if engine.output_len() == 0 {
                break;
            }
            let slices = engine.output_chunks::<PIECES>().map(IoSlice::new);
            let result = Pin::new(&mut self.stream).poll_write_vectored(cx, &slices);
            drop(engine);
            match result {
                Poll::Ready(Ok(n)) if n > 0 => {
                    let now = self.now();
                    self.shared.engine.borrow_mut().wrote(n, now);
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        Pin::new(&mut self.stream).poll_shutdown(cx).map(drop)
    }
}
