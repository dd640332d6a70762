//! The driver: moves bytes between a connection and a session, wakes whoever waits for either.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use iofog_link::{
    AgentEvent, AgentSession, ControllerEvent, ControllerSession, Lost, Millis, Streams,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::LinkStream;

/// One read.
const READ: usize = 4 * 1024;
/// Time for the last bytes to leave.
const FAREWELL: Duration = Duration::from_secs(2);

/// An end of a link.
pub trait Session {
    /// What it tells its host.
    type Event;
    /// Takes received bytes.
    ///
    /// # Errors
    /// When the link is over.
    fn receive(&mut self, now: Millis, bytes: &[u8]) -> Result<(), Lost>;
    /// Does what is due.
    ///
    /// # Errors
    /// When the link is over.
    fn tick(&mut self, now: Millis) -> Result<(), Lost>;
    /// When something is due.
    fn timeout(&self) -> Millis;
    /// Bytes to send.
    fn output(&mut self, now: Millis) -> Vec<u8>;
    /// True when there are bytes to send.
    fn wants_to_send(&self) -> bool;
    /// So much waits to be taken or sent that nothing more should be received.
    fn is_busy(&self) -> bool;
    /// The next event.
    fn event(&mut self) -> Option<Self::Event>;
    /// Its streams.
    fn streams(&mut self) -> &mut Streams;
}

macro_rules! session {
    ($session:ty, $event:ty) => {
        impl Session for $session {
            type Event = $event;
            fn receive(&mut self, now: Millis, bytes: &[u8]) -> Result<(), Lost> {
                self.receive(now, bytes)
            }
            fn tick(&mut self, now: Millis) -> Result<(), Lost> {
                self.tick(now)
            }
            fn timeout(&self) -> Millis {
                self.timeout()
            }
            fn output(&mut self, now: Millis) -> Vec<u8> {
                self.output(now)
            }
            fn wants_to_send(&self) -> bool {
                self.wants_to_send()
            }
            fn is_busy(&self) -> bool {
                self.is_busy()
            }
            fn event(&mut self) -> Option<Self::Event> {
                self.event()
            }
            fn streams(&mut self) -> &mut Streams {
                self.streams()
            }
        }
    };
}
session!(AgentSession, AgentEvent);
session!(ControllerSession, ControllerEvent);

/// Why a link ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The protocol ended it.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    /// The other end closed the connection.
    #[error("the other end closed the connection")]
    Closed,
    /// This end took leave.
    #[error("this end took leave")]
    Left,
}

/// Handle on a running link; cheap to clone.
pub struct Link<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    state: Mutex<State<S>>,
    /// Wakes the driver.
    wake: Notify,
    start: Instant,
}

struct State<S> {
    session: S,
    /// Whoever waits for an event or a stream.
    wakers: Vec<Waker>,
    leaving: bool,
    is_over: bool,
}

impl<S> Clone for Link<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

// === impl Link ===

impl<S: Session> Link<S> {
    /// A link whose session is made by `make` from the time its clock starts at, 0.
    pub fn new(make: impl FnOnce(Millis) -> S) -> Self {
        let state = State { session: make(0), wakers: Vec::new(), leaving: false, is_over: false };
        let shared =
            Shared { state: Mutex::new(state), wake: Notify::new(), start: Instant::now() };
        Self { shared: Arc::new(shared) }
    }

    /// Milliseconds since the link was made: the time of its session.
    #[must_use]
    pub fn now(&self) -> Millis {
        Millis::try_from(self.shared.start.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }

    /// Does something with the session, then sends what came of it.
    pub fn with<R>(&self, body: impl FnOnce(&mut S) -> R) -> R {
        let result = body(&mut self.lock().session);
        self.shared.wake.notify_one();
        result
    }

    /// The next event; none when the link is over.
    pub async fn event(&self) -> Option<S::Event> {
        self.wait(|session| session.event()).await
    }

    /// The next stream that the other end opens; none when the link is over.
    pub async fn accept(&self) -> Option<LinkStream<S>> {
        let id = self.wait(|session| session.streams().accept()).await?;
        Some(LinkStream::new(self.clone(), id))
    }

    /// Opens a stream; none when too many are open or the link is over.
    #[must_use]
    pub fn open(&self) -> Option<LinkStream<S>> {
        if self.is_over() {
            return None;
        }
        let id = self.with(|session| session.streams().open())?;
        Some(LinkStream::new(self.clone(), id))
    }

    /// Waits until what was queued has left, then ends the link; [`Self::drive`] returns.
    pub fn leave(&self) {
        self.lock().leaving = true;
        self.shared.wake.notify_one();
    }

    /// Nothing moves any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.lock().is_over
    }

    /// Moves bytes until the link ends. Call it once.
    pub async fn drive(&self, connection: impl AsyncRead + AsyncWrite) -> Ended {
        let ended = self.run(connection).await;
        let mut state = self.lock();
        state.is_over = true;
        wake_all(&mut state);
        ended
    }

    async fn run(&self, connection: impl AsyncRead + AsyncWrite) -> Ended {
        let (mut reader, mut writer) = tokio::io::split(connection);
        let mut reader = std::pin::pin!(&mut reader);
        let mut buffer = vec![0; READ];
        let (mut pending, mut sent) = (Vec::new(), 0);
        loop {
            if sent == pending.len() {
                sent = 0;
                let leaving;
                (pending, leaving) = self.take_output();
                if pending.is_empty() && leaving {
                    let _ = tokio::time::timeout(FAREWELL, writer.shutdown()).await;
                    return Ended::Left;
                }
            }
            let (due, is_busy) = {
                let state = self.lock();
                (state.session.timeout(), state.session.is_busy())
            };
            let due = self.shared.start + Duration::from_millis(due);
            tokio::select! {
                biased;
                written = writer.write(&pending[sent..]), if sent < pending.len() => match written {
                    Ok(0) => return Ended::Closed,
                    Ok(count) => {
                        sent += count;
                        if sent == pending.len() && let Err(error) = writer.flush().await {
                            return error.into();
                        }
                    }
                    Err(error) => return error.into(),
                },
                read = reader.read(&mut buffer), if !is_busy => match read {
                    Ok(0) => return Ended::Closed,
                    Ok(count) => {
                        if let Err(lost) = self.take_input(&buffer[..count]) {
                            let (last, _) = self.take_output();
                            let farewell = writer.write_all(&last);
                            let _ = tokio::time::timeout(FAREWELL, farewell).await;
                            return lost.into();
                        }
                    }
                    Err(error) => return error.into(),
                },
                () = self.shared.wake.notified() => {}
                () = tokio::time::sleep_until(due) => {
                    if let Err(lost) = self.lock().session.tick(self.now()) {
                        return lost.into();
                    }
                }
            }
        }
    }

    /// Bytes to send, and whether they are the last ones.
    fn take_output(&self) -> (Vec<u8>, bool) {
        let mut state = self.lock();
        let bytes = state.session.output(self.now());
        // What was taken made room.
        wake_all(&mut state);
        (bytes, state.leaving)
    }

    fn take_input(&self, bytes: &[u8]) -> Result<(), Lost> {
        let mut state = self.lock();
        let result = state.session.receive(self.now(), bytes);
        wake_all(&mut state);
        result
    }

    async fn wait<T>(&self, mut take: impl FnMut(&mut S) -> Option<T>) -> Option<T> {
        poll_fn(|context| {
            let mut state = self.lock();
            if let Some(item) = take(&mut state.session) {
                drop(state);
                // The driver may have stopped reading until this was taken.
                self.shared.wake.notify_one();
                return Poll::Ready(Some(item));
            }
            if state.is_over {
                return Poll::Ready(None);
            }
            state.wakers.push(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Polls a stream: `attempt` gives none when it has to wait.
    pub(crate) fn poll<T>(
        &self,
        waker: &Waker,
        attempt: impl FnOnce(&mut Streams) -> Option<T>,
    ) -> Poll<Option<T>> {
        let mut state = self.lock();
        if state.is_over {
            return Poll::Ready(None);
        }
        let Some(result) = attempt(state.session.streams()) else {
            if !state.wakers.iter().any(|one| one.will_wake(waker)) {
                state.wakers.push(waker.clone());
            }
            return Poll::Pending;
        };
        let sends = state.session.wants_to_send();
        drop(state);
        if sends {
            self.shared.wake.notify_one();
        }
        Poll::Ready(Some(result))
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake_all<S>(state: &mut State<S>) {
    state.wakers.drain(..).for_each(Waker::wake);
}
