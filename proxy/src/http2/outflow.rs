//! One direction of a stream on its way into the router network: body frames in, messages out, a window of
//! them ahead of whoever takes them.

use std::collections::VecDeque;
use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::Reason;
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};

use super::{PART, WINDOW};
use crate::counters::Counters;
use crate::domain::envelope::{Envelope, Streamed};
use crate::domain::exchange::Settled;
use crate::domain::stream::{self, Side};
use crate::link::{LinkDown, Pending, Sender};
use crate::race::{Either, race};

/// Where one direction goes.
pub(super) struct Outflow<S> {
    pub(super) sender: Rc<S>,
    pub(super) side: Side,
    /// The peer is a proxy of ours, which can be asked whether it still knows the stream.
    pub(super) ours: bool,
    /// Pause after which a silent stream is asked for.
    pub(super) probe: Duration,
    /// Longest wait for credit: peers grant enough for all their streams, unless they are gone.
    pub(super) patience: Duration,
    pub(super) counters: Rc<Counters>,
}

/// Why a direction did not come to its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The far proxy does not take more.
    Gone(LinkDown),
    /// Its source was reset; the far proxy has been told.
    Reset(Reason),
}

/// Frames that go out as one message.
#[derive(Default)]
pub(super) struct Chunk {
    frames: Vec<Bytes>,
    length: usize,
    trailers: Option<HeaderMap>,
    ended: bool,
    reset: Option<Reason>,
}

/// The code of a stream's error; `otherwise` when it has none, because the connection failed.
pub(super) fn reason_of(error: &(dyn Error + 'static), otherwise: Reason) -> Reason {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(reason) = error.downcast_ref::<h2::Error>().and_then(h2::Error::reason) {
            return reason;
        }
        cause = error.source();
    }
    otherwise
}

// === impl Chunk ===

impl Chunk {
    /// Waits for the next frame, and takes what is there beside it.
    pub(super) async fn fill(&mut self, body: &mut Incoming) {
        poll_fn(|cx| {
            loop {
                if self.ended || self.reset.is_some() || self.length >= PART {
                    return Poll::Ready(());
                }
                match Pin::new(&mut *body).poll_frame(cx) {
                    Poll::Pending if self.length == 0 => return Poll::Pending,
                    Poll::Pending => return Poll::Ready(()),
                    Poll::Ready(None) => self.ended = true,
                    Poll::Ready(Some(Err(error))) => {
                        self.reset = Some(reason_of(&error, Reason::CANCEL));
                    }
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(data) => {
                            self.length += data.len();
                            self.frames.push(data);
                            self.ended = body.is_end_stream();
                        }
                        Err(frame) => {
                            self.trailers = frame.into_trailers().ok();
                            self.ended = true;
                        }
                    },
                }
            }
        })
        .await;
    }

    /// Takes what is there without waiting.
    async fn fill_now(&mut self, body: &mut Incoming) {
        if body.is_end_stream() {
            self.ended = true;
            return;
        }
        // Polled once: a frame that came with the head is there by now.
        race(self.fill(body), std::future::ready(())).await;
    }

    /// The code, when the body was reset.
    pub(super) const fn reset(&self) -> Option<Reason> {
        self.reset
    }

    /// What was collected.
    pub(super) fn take(&mut self) -> (Bytes, Streamed) {
        let mut frames = std::mem::take(&mut self.frames);
        let bytes = match frames.len() {
            0 => Bytes::new(),
            1 => frames.swap_remove(0),
            _ => {
                let mut all = BytesMut::with_capacity(self.length);
                frames.iter().for_each(|frame| all.extend_from_slice(frame));
                all.freeze()
            }
        };
        self.length = 0;
        let trailers = self.trailers.take().map(|map| stream::from_trailers(&map));
        (bytes, Streamed { ended: self.ended, trailers: trailers.unwrap_or_default() })
    }
}

// === impl Outflow ===

impl<S: Sender> Outflow<S> {
    /// Sends a body to its end, after `head` when there is one.
    pub(super) async fn run(
        &self,
        head: Option<Envelope>,
        body: &mut Incoming,
    ) -> Result<(), Stop> {
        let mut under_way = VecDeque::new();
        let mut chunk = Chunk::default();
        if let Some(head) = head {
            chunk.fill_now(body).await;
            let (bytes, stream) = chunk.take();
            let ended = stream.ended;
            self.counters.sent(bytes.len());
            under_way.push_back(self.send(self.side.opening(head, bytes, stream)).await?);
            if ended {
                return flush(under_way).await;
            }
        }
        loop {
            while under_way.len() >= WINDOW {
                oldest(&mut under_way).await?;
                under_way.pop_front();
            }
            let quiet = tokio::time::sleep(self.probe);
            let waiting = race(chunk.fill(body), oldest(&mut under_way));
            match race(waiting, quiet).await {
                Either::Left(Either::Left(())) => {}
                Either::Left(Either::Right(taken)) => {
                    taken?;
                    under_way.pop_front();
                    continue;
                }
                Either::Right(()) => {
                    if self.ours {
                        under_way.push_back(self.send(self.side.question()).await?);
                    }
                    continue;
                }
            }
            let reset = chunk.reset();
            let (bytes, stream) = chunk.take();
            let ended = stream.ended;
            if reset.is_none() || !bytes.is_empty() {
                self.counters.sent(bytes.len());
                under_way.push_back(self.send(self.side.piece(bytes, stream)).await?);
            }
            if let Some(reason) = reset {
                under_way.push_back(self.send(self.side.abort(reason.into())).await?);
                flush(under_way).await?;
                return Err(Stop::Reset(reason));
            }
            if ended {
                return flush(under_way).await;
            }
        }
    }

    /// Asks now and then whether the peer still knows the stream; returns once it does not.
    pub(super) async fn linger(&self) -> LinkDown {
        loop {
            tokio::time::sleep(self.probe).await;
            if self.ours
                && let Err(Stop::Gone(gone)) = self.tell(self.side.question()).await
            {
                return gone;
            }
        }
    }

    /// Sends one message and waits until it is taken.
    pub(super) async fn tell(&self, message: Envelope) -> Result<(), Stop> {
        taken(self.send(message).await?.await)
    }

    async fn send(&self, message: Envelope) -> Result<Pending, Stop> {
        match tokio::time::timeout(self.patience, self.sender.send(message)).await {
            Ok(sent) => sent.map_err(Stop::Gone),
            Err(_) => Err(Stop::Gone(LinkDown("no credit".to_owned()))),
        }
    }
}

/// The outcome of the oldest message, which stays where it is; never without messages.
async fn oldest(under_way: &mut VecDeque<Pending>) -> Result<(), Stop> {
    match under_way.front_mut() {
        Some(oldest) => taken(oldest.await),
        None => std::future::pending().await,
    }
}

async fn flush(under_way: VecDeque<Pending>) -> Result<(), Stop> {
    for pending in under_way {
        taken(pending.await)?;
    }
    Ok(())
}

fn taken(outcome: Result<Settled, LinkDown>) -> Result<(), Stop> {
    match outcome.map_err(Stop::Gone)? {
        Settled::Accepted => Ok(()),
        other => Err(Stop::Gone(LinkDown(format!("{other:?}")))),
    }
}
