//! What both ends have in common: bytes in and out, the time of the last traffic, streams, and the end.

use alloc::vec::Vec;
use core::fmt;

use super::streams::Streams;
use crate::Millis;
use crate::wire::{Bye, DecodeError, Decoder, Frame, encode};

/// Bytes of output that may wait before streams have to.
const OUTPUT: usize = 16 * 1024;

/// Events that may wait to be taken.
pub(super) const EVENTS: usize = 32;

/// Why a link ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The other end sent what is no frame, or one that it may not send now.
    Protocol,
    /// The other end was silent for too long.
    Silent,
    /// The other end said so.
    Bye(Bye),
}

impl From<DecodeError> for Lost {
    fn from(_: DecodeError) -> Self {
        Self::Protocol
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol => f.write_str("the other end broke the link protocol"),
            Self::Silent => f.write_str("the other end fell silent"),
            Self::Bye(Bye::Stopping) => f.write_str("the other end stops"),
            Self::Bye(Bye::Superseded) => f.write_str("a newer link took over"),
            Self::Bye(Bye::Unauthorised) => f.write_str("the token is not valid any more"),
            Self::Bye(Bye::Version) => f.write_str("no common version of the link protocol"),
            Self::Bye(Bye::Protocol) => {
                f.write_str("the other end says that we broke the link protocol")
            }
        }
    }
}

impl core::error::Error for Lost {}

#[derive(Debug)]
pub(super) struct Base {
    pub(super) decoder: Decoder,
    pub(super) out: Vec<u8>,
    pub(super) streams: Streams,
    pub(super) received_at: Millis,
    pub(super) sent_at: Millis,
}

// === impl Base ===

impl Base {
    pub(super) fn new(now: Millis, first_stream: u32) -> Self {
        Self {
            decoder: Decoder::default(),
            out: Vec::new(),
            streams: Streams::new(first_stream),
            received_at: now,
            sent_at: now,
        }
    }

    pub(super) fn send(&mut self, frame: &Frame<'_>) {
        encode(frame, &mut self.out);
    }

    /// A peer that does not read what it asked for is not listened to either.
    pub(super) fn is_busy(&self) -> bool {
        self.out.len() > 4 * OUTPUT
    }

    /// Takes what is to be sent; stream bytes join while there is room.
    pub(super) fn output(&mut self, now: Millis) -> Vec<u8> {
        self.streams.write_out(&mut self.out, OUTPUT);
        let out = core::mem::take(&mut self.out);
        if !out.is_empty() {
            self.sent_at = now;
        }
        out
    }
}

/// Frames that mean the same at both ends; gives back what is left to the role.
pub(super) fn common<'a>(
    frame: Frame<'a>,
    streams: &mut Streams,
    out: &mut Vec<u8>,
) -> Result<Option<Frame<'a>>, Lost> {
    match frame {
        Frame::Bye(reason) => return Err(Lost::Bye(reason)),
        Frame::Ping(number) => encode(&Frame::Pong(number), out),
        Frame::StreamOpen(id) => streams.opened(id, out)?,
        Frame::StreamData(id, bytes) => streams.data(id, bytes)?,
        Frame::StreamCredit(id, more) => streams.credit(id, more)?,
        Frame::StreamEnd(id) => streams.ended(id)?,
        Frame::StreamReset(id) => streams.was_reset(id),
        other => return Ok(Some(other)),
    }
    Ok(None)
}
