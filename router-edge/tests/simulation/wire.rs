//! A connection's two directions as bytes under way: ordered, slow, small or silent, and cut.

use std::collections::VecDeque;

use bytes::Bytes;

/// One direction. An empty piece is the end of the stream.
#[derive(Default)]
pub(crate) struct Lane {
    pieces: VecDeque<(u64, Bytes)>,
    held: usize,
    last_arrival: u64,
    ended: bool,
}

/// How a wire behaves now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Milliseconds from end to end.
    pub(crate) latency: u64,
    /// Bytes a millisecond.
    pub(crate) rate: usize,
    /// Bytes that may be under way.
    pub(crate) room: usize,
}

impl Manner {
    pub(crate) const QUICK: Self = Self { latency: 1, rate: 4_096, room: 65_536 };
}

/// A connection between two places; side 0 dialled.
pub(crate) struct Wire<P> {
    pub(crate) ends: [P; 2],
    pub(crate) lanes: [Lane; 2],
    pub(crate) manner: Manner,
    /// Nothing arrives and nothing is lost.
    pub(crate) blocked: bool,
    /// Both ends are gone.
    pub(crate) dead: [bool; 2],
}

impl<P> Wire<P> {
    pub(crate) fn new(ends: [P; 2]) -> Self {
        Self {
            ends,
            lanes: [Lane::default(), Lane::default()],
            manner: Manner::QUICK,
            blocked: false,
            dead: [false; 2],
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.dead == [false; 2]
    }
}

impl Lane {
    /// Bytes that can be written now.
    pub(crate) fn room(&self, manner: Manner) -> usize {
        if self.ended { 0 } else { manner.room.saturating_sub(self.held) }
    }

    /// Takes bytes; returns when they arrive.
    pub(crate) fn push(&mut self, bytes: Bytes, now: u64, manner: Manner) -> u64 {
        let busy = (bytes.len() / manner.rate.max(1)) as u64;
        self.last_arrival = self.last_arrival.max(now + manner.latency) + busy;
        self.held += bytes.len();
        self.pieces.push_back((self.last_arrival, bytes));
        self.last_arrival
    }

    /// The writer is gone; what it wrote still arrives.
    pub(crate) fn end(&mut self, now: u64, manner: Manner) -> u64 {
        if !self.ended {
            self.push(Bytes::new(), now, manner);
            self.ended = true;
        }
        self.last_arrival
    }

    /// The wire broke: what was under way is lost, then the stream ends.
    pub(crate) fn cut(&mut self, at: u64) {
        self.pieces.clear();
        self.held = 0;
        self.last_arrival = at;
        self.pieces.push_back((at, Bytes::new()));
        self.ended = true;
    }

    /// When the next piece arrives.
    pub(crate) fn next(&self) -> Option<u64> {
        self.pieces.front().map(|(at, _)| *at)
    }

    /// The next piece, if it has arrived.
    pub(crate) fn pop(&mut self, now: u64) -> Option<Bytes> {
        if self.next()? > now {
            return None;
        }
        let (_, bytes) = self.pieces.pop_front()?;
        self.held -= bytes.len();
        Some(bytes)
    }
}
