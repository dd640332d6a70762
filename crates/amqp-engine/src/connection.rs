//! One AMQP connection: its state and the calls that move bytes and time. The other calls stand in the
//! modules below, by subject.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use iofog_amqp::{Error, Open, condition};

use crate::blocks::{Blocks, LARGE};
use crate::link::Link;
use crate::output::Output;
use crate::session::Session;
use crate::slab::Slab;
use crate::{CloseReason, Config, Event, Millis};

mod closing;
mod flows;
mod frames;
mod handshake;
mod links;
mod receiving;
mod sending;
mod sessions;
mod settling;
mod timers;

use handshake::Phase;
use settling::Walk;

/// A connection of either side. A driver's loop:
///
/// 1. read from the stream into [`Self::input`], then call [`Self::received`];
/// 2. take events by [`Self::poll_event`] until there is none, calling commands in between;
/// 3. [`Self::flush`], then write [`Self::output_chunks`] and report by [`Self::wrote`];
/// 4. sleep until readable, writable (if output is left), or [`Self::next_deadline`]; call [`Self::tick`].
///
/// Commands, `tick` and `wrote` may leave events: poll again after them. Commands on ids that are gone do
/// nothing: a peer may detach at any time. Stop reading while [`Self::wants_input`] is false.
#[derive(Debug, Clone)]
pub struct Connection {
    config: Config,
    phase: Phase,
    input: BytesMut,
    blocks: Blocks,
    /// `input` begins with a block that was not lent yet.
    fresh: bool,
    /// Bytes that follow those in `input`, in the pieces in which they came.
    fed: VecDeque<Bytes>,
    /// Whole frames that were read, and how far they were handled.
    batch: Bytes,
    batch_at: usize,
    input_ended: bool,
    out: Output,
    output_blocked: bool,
    events: VecDeque<Event>,
    walk: Option<Walk>,
    sessions: Slab<Session>,
    /// Session by the peer's channel.
    remote_channels: Vec<Option<u16>>,
    links: Slab<Link>,
    /// Sessions and links with something to flush.
    dirty_sessions: Vec<u16>,
    dirty_links: Vec<u32>,
    remote_open: Option<Box<Open>>,
    open_sent: bool,
    /// Largest frame we send.
    send_frame_size: usize,
    now: Millis,
    last_received: Millis,
    /// A silent peer is not waited for twice.
    impatient: bool,
    oversized: u32,
    last_sent: Millis,
    close_reason: Option<CloseReason>,
}

/// A connection that was silent for so long gives back its buffers, in ms.
const QUIET_MS: u64 = 1_000;

impl Connection {
    /// A new connection; a client's first bytes are in the output at once.
    #[must_use]
    pub fn new(config: Config, now: Millis) -> Self {
        let mut connection = Self {
            phase: Phase::start(&config.security),
            config,
            input: BytesMut::new(),
            blocks: Blocks::default(),
            fresh: false,
            fed: VecDeque::new(),
            batch: Bytes::new(),
            batch_at: 0,
            input_ended: false,
            out: Output::default(),
            output_blocked: false,
            events: VecDeque::new(),
            walk: None,
            sessions: Slab::new(),
            remote_channels: Vec::new(),
            links: Slab::new(),
            dirty_sessions: Vec::new(),
            dirty_links: Vec::new(),
            remote_open: None,
            open_sent: false,
            send_frame_size: 512,
            now,
            last_received: now,
            impatient: false,
            oversized: 0,
            last_sent: now,
            close_reason: None,
        };
        connection.start();
        connection
    }

    /// Buffer to append read bytes to; `room` bytes are reserved.
    pub fn input(&mut self, room: usize) -> &mut BytesMut {
        self.gather_fed();
        if room >= LARGE && self.input.capacity() - self.input.len() < room {
            self.next_block(room);
        } else {
            self.input.reserve(room);
        }
        &mut self.input
    }

    /// Goes on in another block, with what was not handled of the one before.
    fn next_block(&mut self, room: usize) {
        if self.batch_at >= self.batch.len() {
            // It may be the last to refer to a block.
            (self.batch, self.batch_at) = (Bytes::new(), 0);
        }
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        let mut block = self.blocks.take(self.input.len() + room);
        block.extend_from_slice(&self.input);
        (self.input, self.fresh) = (block, true);
    }

    /// Takes the next bytes as they are: the other way to give input, for bytes that exist as a value. A frame whose
    /// payload is a piece by itself is read without a copy; call [`Self::received`] as after [`Self::input`].
    pub fn feed(&mut self, piece: Bytes) {
        self.fed.push_back(piece);
    }

    /// Bytes were appended to the input.
    pub fn received(&mut self, now: Millis) {
        self.now = now;
        // Before its open a peer is timed from the start, and after our close from that: bytes that trickle in do
        // not keep its place.
        if self.remote_open.is_some() && self.phase != Phase::Closing {
            self.last_received = now;
        }
    }

    /// The peer's stream ended: [`Event::Closed`] follows what was received before.
    pub fn input_ended(&mut self) {
        self.input_ended = true;
    }

    /// [`Self::shrink`] once the connection has been quiet for a second. Call it now and then.
    pub fn rest(&mut self, now: Millis) {
        let quiet = |since: Millis| since.plus(QUIET_MS) <= now;
        if quiet(self.last_received) && quiet(self.last_sent) {
            self.shrink();
        } else {
            self.blocks.age();
        }
    }

    /// Gives back the memory of buffers in which nothing waits.
    pub fn shrink(&mut self) {
        if self.input.is_empty() && self.input.capacity() > 0 {
            (self.input, self.fresh) = (BytesMut::new(), false);
        }
        self.blocks.clear();
        if self.batch_at >= self.batch.len() && !self.batch.is_empty() {
            (self.batch, self.batch_at) = (Bytes::new(), 0);
        }
        if self.events.is_empty() {
            self.events = VecDeque::new();
        }
        if self.fed.is_empty() {
            self.fed = VecDeque::new();
        }
        self.out.shrink();
        for (_, session) in self.sessions.iter_mut() {
            session.outgoing.shrink();
            session.incoming.shrink();
        }
    }

    /// False while so much output waits that more input must not be read.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.out.len() < 2 * self.config.output_limit
    }

    /// The next event, or none until more bytes arrive.
    #[inline]
    pub fn poll_event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                match &event {
                    Event::Detached { link, .. } => self.links.release(link.0),
                    Event::SessionEnded { session, .. } => self.sessions.release(session.0.into()),
                    _ => {}
                }
                return Some(event);
            }
            if self.walk.is_some()
                && let Some(event) = self.next_walked()
            {
                return Some(event);
            }
            match self.step() {
                Step::Event(event) => return Some(event),
                Step::Again => {}
                Step::Idle if self.input_ended && !self.is_closed() => {
                    let closing = self.phase == Phase::Closing;
                    self.closed(if closing { CloseReason::Local } else { CloseReason::Lost });
                }
                Step::Idle => return None,
            }
        }
    }

    /// Bytes that wait to be written (before [`Self::flush`] there may be more to come).
    #[must_use]
    #[inline]
    pub fn output_len(&self) -> usize {
        self.out.len()
    }

    /// Up to `N` pieces of the output, in order; unused places are empty. For one vectored write.
    #[must_use]
    pub fn output_chunks<const N: usize>(&self) -> [&[u8]; N] {
        self.out.chunks()
    }

    /// Takes the first piece of the output out, as if it were written: the counterpart of [`Self::feed`].
    pub fn take_output(&mut self, now: Millis) -> Option<Bytes> {
        let piece = self.out.take()?;
        self.wrote(0, now);
        Some(piece)
    }

    /// The first `bytes` bytes of the output were written.
    pub fn wrote(&mut self, bytes: usize, now: Millis) {
        self.now = now;
        self.last_sent = now;
        if !self.wants_input() {
            // It is not read while it is slow: what it takes shows that it is there.
            self.last_received = now;
        }
        self.out.advance(bytes);
        if self.output_blocked && self.out.len() <= self.config.output_limit / 2 {
            self.output_blocked = false;
            self.wake_blocked();
        }
    }

    /// The peer's `open`, once it came.
    #[must_use]
    pub fn remote_open(&self) -> Option<&Open> {
        self.remote_open.as_deref()
    }

    /// Whether the connection is open on both sides.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Running
    }

    /// Why the connection is over, once it is.
    #[must_use]
    pub fn close_reason(&self) -> Option<&CloseReason> {
        self.close_reason.as_ref()
    }

    fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Takes the next bytes apart.
    #[inline]
    fn step(&mut self) -> Step {
        match self.phase {
            Phase::Closed => Step::Idle,
            Phase::Open | Phase::Running | Phase::Closing => self.step_frame(),
            _ => {
                self.gather_fed();
                self.step_handshake()
            }
        }
    }

    /// The peer broke the protocol.
    fn protocol_error(&mut self, error: Error) -> Step {
        self.fail(error, None);
        Step::Again
    }

    fn decode_error(&mut self, error: iofog_amqp::DecodeError) -> Step {
        use iofog_amqp::DecodeError as E;
        let condition = match error {
            E::MissingField(_) | E::OutOfRange(_) | E::TagTooLong => condition::INVALID_FIELD,
            E::UnknownDescriptor(_) => condition::NOT_IMPLEMENTED,
            _ => condition::DECODE_ERROR,
        };
        self.protocol_error(Error::new(condition, error.to_string()))
    }
}

/// What taking bytes apart led to.
enum Step {
    /// Tell the user.
    Event(Event),
    /// Look again.
    Again,
    /// More bytes are needed.
    Idle,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thousands of connections, links and sessions must fit on a device; an event is moved about.
    #[test]
    fn states_stay_small() {
        let sizes = [
            ("connection", size_of::<Connection>(), 1024),
            ("session", size_of::<Session>(), 512),
            ("link", size_of::<Link>(), 192),
            ("event", size_of::<Event>(), 160),
        ];
        for (name, size, limit) in sizes {
            assert!(size <= limit, "{name} takes {size} bytes");
        }
    }
}
