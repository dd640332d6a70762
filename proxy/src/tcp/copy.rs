//! One end of a tunnel: copies between a socket and two links until both directions have ended.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::gone::over;
use crate::clients::{Activity, Stage};
use crate::context::MappingTask;
use crate::counters::Counters;
use crate::domain::backlog::{Backlog, Place};
use crate::domain::exchange::Settled;
use crate::domain::failure::Failure;
use crate::domain::pace::Pace;
use crate::domain::tunnel::{Action, Event, Piece, Tunnel, Window};
use crate::limits::Limits;
use crate::link::{LinkDown, Pending, Receiver, Sender};
use crate::race::{Either, race};

/// What the peer, or the socket, has not taken when a tunnel ends is waited for at most this long.
pub(super) const FLUSH: Duration = Duration::from_secs(10);

/// One end of a tunnel.
pub(super) struct End<'a, S> {
    pub(super) sender: &'a S,
    /// Put into each message, as the reference does on the way to the queue.
    pub(super) reply_to: Option<&'a str>,
    pub(super) tunnel: Cell<Tunnel>,
    pub(super) around: Around<'a>,
    pub(super) in_flight: RefCell<VecDeque<Pending>>,
    /// How many of these there may be.
    pub(super) pace: RefCell<Pace>,
    /// What came for the socket and was not taken yet.
    pub(super) place: Place,
    /// Set by the first credit.
    pub(super) ready: Cell<bool>,
    /// When the peer last showed that it is there.
    pub(super) heard: Cell<Duration>,
    /// The peer's last word, once there was one: no more bytes follow, or its socket failed.
    pub(super) last: Cell<Option<Piece>>,
}

/// What a tunnel takes part in.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) counters: &'a Counters,
    /// Told that bytes have passed; none at a target.
    pub(super) activity: Option<&'a Activity>,
    pub(super) limits: &'a Limits,
    pub(super) backlog: &'a Backlog,
    /// What may be under way.
    pub(super) window: Window,
    /// Start of the process's clock.
    pub(super) start: Instant,
    /// Silence after which the peer is asked whether it is there; none where the router tells when it goes.
    pub(super) silence: Option<Duration>,
}

/// Why one direction ended.
pub(super) enum Ended {
    /// An event for the tunnel.
    Event(Event),
    /// The peer did not take a message, or the link is gone.
    Lost(LinkDown),
}

// === impl Around ===

impl<'a> Around<'a> {
    /// For a tunnel over a routed link.
    pub(super) fn of<N>(task: &'a MappingTask<N>) -> Self {
        let context = &task.context;
        Self {
            counters: &task.counters,
            activity: None,
            limits: &context.limits,
            backlog: &context.backlog,
            window: context.limits.window,
            start: context.start,
            silence: None,
        }
    }

    /// For a tunnel between two dynamic addresses: neither end sees the links of the other one.
    pub(super) fn plain<N>(task: &'a MappingTask<N>) -> Self {
        let limits = &task.context.limits;
        Self {
            silence: Some(limits.silence),
            window: limits.window.of_single_frames(),
            ..Self::of(task)
        }
    }
}

// === impl End ===

impl<'a, S: Sender> End<'a, S> {
    pub(super) fn new(
        sender: &'a S,
        reply_to: Option<&'a str>,
        tunnel: Tunnel,
        around: Around<'a>,
    ) -> Self {
        Self {
            sender,
            reply_to,
            tunnel: Cell::new(tunnel),
            in_flight: RefCell::default(),
            pace: RefCell::new(Pace::new(around.window.messages)),
            place: around.backlog.join(),
            ready: Cell::new(false),
            heard: Cell::new(around.start.elapsed()),
            last: Cell::new(None),
            around,
        }
    }

    /// Time by the clock of the process.
    pub(super) fn now(&self) -> Duration {
        self.around.start.elapsed()
    }

    /// As [`Self::run`], but gives up when no credit comes within `patience`. What the peer sends before
    /// is taken meanwhile: a proxy of ours wants its greeting taken before it grants credit.
    pub(super) async fn run_within(
        &self,
        patience: Duration,
        socket: &mut TcpStream,
        receiver: &mut impl Receiver,
    ) -> Result<(), LinkDown> {
        let never_ready = async {
            tokio::time::sleep(patience).await;
            if self.ready.get() {
                std::future::pending::<()>().await;
            }
        };
        match race(self.run(socket, receiver), never_ready).await {
            Either::Left(ended) => ended,
            Either::Right(()) => Err(LinkDown("no credit".to_owned())),
        }
    }

    /// Bytes have passed: this is no client that only holds a place.
    pub(super) fn in_use(&self) {
        if let Some(activity) = self.around.activity {
            activity.set(Stage::Served);
        }
    }

    /// What an error of this end counts as.
    pub(super) fn failure(&self) -> Failure {
        if self.place.is_ended() { Failure::OverBudget } else { Failure::RouterLost }
    }

    /// Whether there ever was credit.
    pub(super) fn was_ready(&self) -> bool {
        self.ready.get()
    }

    /// Copies both ways; returns when the tunnel is over and the links can be dropped. The socket is lent: as an argument
    /// each future around this one would have room for it, twice.
    pub(super) async fn run(
        &self,
        socket: &mut TcpStream,
        receiver: &mut impl Receiver,
    ) -> Result<(), LinkDown> {
        let (mut reader, mut writer) = socket.split();
        // In a box: tunnels over routed links are to hold no room for it.
        let mut gone = self.around.silence.map(|silence| Box::pin(self.gone(silence)));
        let mut up = pin!(self.up(&mut reader));
        let first = {
            let mut down = pin!(self.down(&mut writer, receiver));
            let first = match race(race(up.as_mut(), down.as_mut()), over(&mut gone)).await {
                Either::Left(first) => first,
                Either::Right(lost) => return Err(lost),
            };
            if matches!(first, Either::Left(Ended::Event(Event::RemoteGone))) {
                // The far socket failed. What it had sent before is still for ours; the peer says when that is all.
                let _ = tokio::time::timeout(FLUSH, down).await;
                return Ok(());
            }
            let (ended, up_goes_on) = match first {
                Either::Left(ended) => (ended, false),
                Either::Right(ended) => (ended, true),
            };
            if self.act(ended).await? {
                return Ok(());
            }
            // One direction has ended and been told; the other one is all that is left.
            if up_goes_on {
                None
            } else {
                let down = race(down, self.sender.detached());
                Some(match race(down, over(&mut gone)).await {
                    Either::Left(Either::Left(ended)) => ended,
                    Either::Left(Either::Right(lost)) | Either::Right(lost) => Ended::Lost(lost),
                })
            }
        };
        let last = match first {
            Some(ended) => ended,
            None => match race(race(up, self.attend(receiver)), over(&mut gone)).await {
                Either::Left(Either::Left(ended) | Either::Right(ended)) => ended,
                Either::Right(lost) => Ended::Lost(lost),
            },
        };
        self.act(last).await?;
        Ok(())
    }

    /// Does what an end asks for; true when the tunnel is over.
    async fn act(&self, ended: Ended) -> Result<bool, LinkDown> {
        let event = match ended {
            Ended::Event(event) => event,
            Ended::Lost(lost) => return Err(lost),
        };
        let mut tunnel = self.tunnel.get();
        let action = tunnel.on(event);
        self.tunnel.set(tunnel);
        match action {
            Action::Continue | Action::ShutdownLocal => Ok(false),
            Action::SendFin => {
                self.tell(Piece::Fin).await?;
                Ok(false)
            }
            Action::FinAndClose => {
                self.tell(Piece::Fin).await?;
                self.flush().await
            }
            Action::FlushAndClose => self.flush().await,
            Action::AbortAndClose => {
                // Without credit the peer is not reading, and will see the link go.
                let _ = tokio::time::timeout(FLUSH, self.tell(Piece::Abort)).await;
                // A peer that learnt of it by what was not taken may have gone before it was told.
                let _ = self.flush().await;
                Ok(true)
            }
            Action::Close => Ok(true),
        }
    }

    async fn tell(&self, piece: Piece) -> Result<(), LinkDown> {
        let pending = self.tell_apart(piece).await?;
        self.in_flight.borrow_mut().push_back(pending);
        Ok(())
    }

    /// Sends a message without bytes whose outcome the caller waits for.
    pub(super) async fn tell_apart(&self, piece: Piece) -> Result<Pending, LinkDown> {
        self.sender.send(piece.message(self.reply_to, Bytes::new())).await
    }

    /// Waits until the peer has taken everything: closing earlier could overtake the last bytes.
    async fn flush(&self) -> Result<bool, LinkDown> {
        let all = async {
            while let Some(pending) = self.next_in_flight() {
                match check(pending.await) {
                    Ok(()) => {}
                    Err(Ended::Lost(lost)) => return Err(lost),
                    Err(Ended::Event(_)) => break,
                }
            }
            Ok(true)
        };
        tokio::time::timeout(FLUSH, all).await.unwrap_or(Ok(true))
    }

    pub(super) fn next_in_flight(&self) -> Option<Pending> {
        let mut in_flight = self.in_flight.borrow_mut();
        let next = in_flight.pop_front();
        if in_flight.is_empty() {
            // An idle tunnel holds no room for messages.
            *in_flight = VecDeque::new();
        }
        next
    }
}

/// Bytes that the peer did not take end the tunnel. A proxy of ours modifies them when its socket failed: a
/// target, or a client, that closes while bytes are under way to it is no failure of the network.
pub(super) fn check(outcome: Result<Settled, LinkDown>) -> Result<(), Ended> {
    match outcome.map_err(Ended::Lost)? {
        Settled::Accepted => Ok(()),
        Settled::Modified => Err(Ended::Event(Event::RemoteGone)),
        other => Err(Ended::Lost(LinkDown(format!("bytes were not taken: {other:?}")))),
    }
}
