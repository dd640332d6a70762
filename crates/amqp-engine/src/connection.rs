//! One AMQP connection, seen from outside: the calls a driver and a user make.

use bytes::{Bytes, BytesMut};
use iofog_amqp::{Attach, DeliveryState, DeliveryTag, Error, Open};

use crate::{CloseReason, Config, DeliveryKey, Event, LinkId, Millis, SessionId, Token};

/// What a delivery is told with its first frame.
#[derive(Debug, Clone, Default)]
pub struct SendHead {
    /// Tag; absent = the link's own counter, 8 bytes little-endian.
    pub tag: Option<DeliveryTag>,
    /// Message format; 0 = AMQP message.
    pub message_format: u32,
    /// Pre-settled: the engine keeps nothing of it.
    pub settled: bool,
    /// Given back with each [`Event::Updated`].
    pub token: Token,
    /// State at our end, for resumed or transactional deliveries; usually absent.
    pub state: Option<DeliveryState>,
}

/// How far [`Connection::send`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The delivery that the bytes belong to.
    pub delivery: DeliveryKey,
    /// All bytes were taken. False: the rest is still in `payload`; call again after
    /// [`Event::Writable`], or once the output was written.
    pub complete: bool,
}

/// Why nothing of a delivery was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The link has no credit: wait for [`Event::Credit`].
    #[error("link has no credit")]
    Credit,
    /// The session's window is closed: wait for [`Event::Writable`].
    #[error("session window is closed")]
    Window,
    /// Too much output waits for the socket: write it, then try again.
    #[error("output is full")]
    Output,
    /// Too many unsettled deliveries on the session: wait for outcomes.
    #[error("too many unsettled deliveries")]
    Unsettled,
    /// No such attached sending link.
    #[error("link is not attached for sending")]
    NotAttached,
}

/// Why a session or link cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// The limit of sessions or links, ours or the peer's, is reached.
    #[error("no more sessions or links on this connection")]
    Limit,
    /// The session or connection is not open.
    #[error("session or connection is not open")]
    NotOpen,
}

/// A connection of either side. A driver's loop:
///
/// 1. read from the stream into [`Self::input`], then call [`Self::received`];
/// 2. take events by [`Self::poll_event`] until there is none, calling commands in between;
/// 3. [`Self::flush`], then write [`Self::output_chunks`] and report by [`Self::wrote`];
/// 4. sleep until readable, writable (if output is left), or [`Self::next_deadline`]; call [`Self::tick`].
///
/// Commands on ids that are gone do nothing: a peer may detach at any time. Stop reading while
/// [`Self::wants_input`] is false.
#[derive(Debug)]
pub struct Connection {
    config: Config,
    input: BytesMut,
}

impl Connection {
    /// A new connection; a client's first bytes are in the output at once.
    #[must_use]
    pub fn new(config: Config, _now: Millis) -> Self {
        Self { config, input: BytesMut::new() }
    }

    // --- bytes and time

    /// Buffer to append read bytes to; `room` bytes are reserved.
    pub fn input(&mut self, room: usize) -> &mut BytesMut {
        self.input.reserve(room);
        &mut self.input
    }

    /// Bytes were appended to the input.
    pub fn received(&mut self, _now: Millis) {}

    /// The peer's stream ended: [`Event::Closed`] follows what was received before.
    pub fn input_ended(&mut self) {}

    /// False while so much output waits that more input must not be read.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.output_len() < self.config.output_limit
    }

    /// The next event, or none until more bytes arrive.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// Time passed: sends heartbeats, gives up on a silent peer.
    pub fn tick(&mut self, _now: Millis) {}

    /// When [`Self::tick`] has to be called at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Millis> {
        None
    }

    /// Turns gathered dispositions and credit into frames. Call once per batch, before writing.
    pub fn flush(&mut self) {}

    /// Bytes that wait to be written (before [`Self::flush`] there may be more to come).
    #[must_use]
    pub fn output_len(&self) -> usize {
        0
    }

    /// Up to `N` pieces of the output, in order; unused places are empty. For one vectored write.
    #[must_use]
    pub fn output_chunks<const N: usize>(&self) -> [&[u8]; N] {
        [&[]; N]
    }

    /// The first `bytes` bytes of the output were written.
    pub fn wrote(&mut self, _bytes: usize, _now: Millis) {}

    // --- connection

    /// The peer's `open`, once it came.
    #[must_use]
    pub fn remote_open(&self) -> Option<&Open> {
        None
    }

    /// Answers [`Event::Authenticate`].
    pub fn authenticate(&mut self, _accepted: bool) {}

    /// Closes the connection; [`Event::Closed`] comes when the peer has answered or the stream ended.
    pub fn close(&mut self, _error: Option<Error>) {}

    /// Why the connection is over, once it is.
    #[must_use]
    pub fn close_reason(&self) -> Option<&CloseReason> {
        None
    }

    // --- sessions

    /// Begins a session. Links may be attached to it at once.
    ///
    /// # Errors
    /// [`LimitError`] at either side's limit, or when the connection is not open.
    pub fn begin(&mut self) -> Result<SessionId, LimitError> {
        Err(LimitError::NotOpen)
    }

    /// Ends a session and all its links.
    pub fn end(&mut self, _session: SessionId, _error: Option<Error>) {}

    /// While held, the session's incoming window is not refilled: the peer stops after at most
    /// `incoming_window` frames (back-pressure for streams).
    pub fn hold_window(&mut self, _session: SessionId, _hold: bool) {}

    // --- links

    /// Attaches a link; `attach.role` is our role, `handle` is chosen by the engine.
    ///
    /// # Errors
    /// [`LimitError`] at either side's limit, or when the session is not there.
    pub fn attach(&mut self, _session: SessionId, _attach: Attach) -> Result<LinkId, LimitError> {
        Err(LimitError::NotOpen)
    }

    /// Answers [`Event::Attach`]. Name, handle, role and (for receivers) delivery count are filled in.
    pub fn accept(&mut self, _link: LinkId, _answer: Attach) {}

    /// Answers [`Event::Attach`] with an attach without source and target, and a detach with `error`.
    pub fn refuse(&mut self, _link: LinkId, _error: Error) {}

    /// Detaches a link; [`Event::Detached`] comes when the peer has answered.
    pub fn detach(&mut self, _link: LinkId, _closed: bool, _error: Option<Error>) {}

    /// The session of a link.
    #[must_use]
    pub fn session_of(&self, _link: LinkId) -> Option<SessionId> {
        None
    }

    /// Credit of a link: what may be sent (sending link), what we have granted and is unused (receiving link).
    #[must_use]
    pub fn credit(&self, _link: LinkId) -> u32 {
        0
    }

    // --- sending

    /// Sends bytes of a delivery: begins one with `head` unless one is unfinished on the link (`head` is
    /// then ignored), takes as much from the front of `payload` as frames fit, and finishes the delivery
    /// when all was taken and `last` is set.
    ///
    /// # Errors
    /// [`SendError`]: nothing was taken.
    pub fn send(
        &mut self,
        _link: LinkId,
        _head: &SendHead,
        _payload: &mut Bytes,
        _last: bool,
    ) -> Result<Progress, SendError> {
        Err(SendError::NotAttached)
    }

    /// Gives up the unfinished delivery of a link, if there is one.
    pub fn abort(&mut self, _link: LinkId) {}

    /// The sender has nothing more for a drain: uses up the credit and tells the peer.
    pub fn drained(&mut self, _link: LinkId) {}

    /// How many deliveries wait for the link; told to the peer with the next flow.
    pub fn set_available(&mut self, _link: LinkId, _available: u32) {}

    /// Settles a sent delivery (our side), with the state the peer gave or another one.
    pub fn settle_sent(&mut self, _delivery: DeliveryKey, _state: Option<DeliveryState>) {}

    // --- receiving

    /// Grants `more` deliveries beyond what was granted.
    pub fn add_credit(&mut self, _link: LinkId, _more: u32) {}

    /// Sets the granted credit.
    pub fn set_credit(&mut self, _link: LinkId, _credit: u32) {}

    /// Asks the sender to use up the credit; [`Event::SenderFlow`] with `drained` follows.
    pub fn drain(&mut self, _link: LinkId) {}

    /// Remembers a token for an incoming delivery.
    pub fn set_token(&mut self, _delivery: DeliveryKey, _token: Token) {}

    /// Tells the sender the state of an incoming delivery. Neighbouring deliveries with the same state
    /// share one frame.
    pub fn dispose(
        &mut self,
        _delivery: DeliveryKey,
        _state: Option<DeliveryState>,
        _settled: bool,
    ) {
    }
}
