//! Streams inside a link, each with its own credit, so that a slow one holds up nobody.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use iofog_sorted::SortedMap;

use crate::MAX_CHUNK;
use crate::wire::{DecodeError, Frame, encode};

/// Most streams open at one time, either way.
const STREAMS: usize = 16;
/// Bytes that may be under way to a reader that has not read yet.
const WINDOW: u32 = 16 * 1024;
/// Bytes that wait for credit, per stream.
const SEND_BUFFER: usize = 8 * 1024;

/// Number of a stream.
pub type StreamId = u32;

/// Result of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamRead {
    /// So many bytes were read.
    Bytes(usize),
    /// Nothing is there yet.
    Later,
    /// The other end has sent everything.
    End,
    /// The stream was broken off.
    Reset,
}

/// All streams of a link.
#[derive(Debug)]
pub struct Streams {
    next: StreamId,
    open: SortedMap<StreamId, Stream>,
    arrived: VecDeque<StreamId>,
    /// Where the next round of sending begins.
    turn: StreamId,
    closing: Vec<StreamId>,
}

#[derive(Debug, Default)]
struct Stream {
    announced: bool,
    received: VecDeque<u8>,
    /// Bytes the other end may still send.
    window: u32,
    unsent: VecDeque<u8>,
    credit: u32,
    /// Bytes read since the last credit.
    owed: u32,
    finished: bool,
    finish_sent: bool,
    ended: bool,
    was_reset: bool,
}

// === impl Streams ===

impl Streams {
    pub(super) fn new(first: StreamId) -> Self {
        Self {
            next: first,
            open: SortedMap::new(),
            arrived: VecDeque::new(),
            turn: 0,
            closing: Vec::new(),
        }
    }

    /// Opens a stream; none when too many are open.
    pub fn open(&mut self) -> Option<StreamId> {
        if self.open.len() >= STREAMS {
            return None;
        }
        let id = self.next;
        self.next = self.next.checked_add(2)?;
        self.open.insert(id, Stream { window: WINDOW, credit: WINDOW, ..Stream::default() });
        Some(id)
    }

    /// The next stream that the other end opened.
    pub fn accept(&mut self) -> Option<StreamId> {
        self.arrived.pop_front()
    }

    /// Queues bytes to send; says how many fitted, none when the stream cannot be written to.
    pub fn write(&mut self, id: StreamId, bytes: &[u8]) -> Option<usize> {
        let stream = self.open.get_mut(&id).filter(|one| !one.was_reset && !one.finished)?;
        let room = SEND_BUFFER.saturating_sub(stream.unsent.len()).min(bytes.len());
        stream.unsent.extend(bytes.iter().take(room));
        Some(room)
    }

    /// Takes received bytes.
    pub fn read(&mut self, id: StreamId, buffer: &mut [u8]) -> StreamRead {
        let Some(stream) = self.open.get_mut(&id) else { return StreamRead::Reset };
        if stream.was_reset {
            return StreamRead::Reset;
        }
        let count = stream.received.len().min(buffer.len());
        if count == 0 && !buffer.is_empty() {
            return if stream.ended { StreamRead::End } else { StreamRead::Later };
        }
        for (place, byte) in buffer.iter_mut().zip(stream.received.drain(..count)) {
            *place = byte;
        }
        stream.owed = stream.owed.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        StreamRead::Bytes(count)
    }

    /// No more bytes follow in our direction.
    pub fn finish(&mut self, id: StreamId) {
        if let Some(stream) = self.open.get_mut(&id) {
            stream.finished = true;
        }
    }

    /// Gives the stream up; unsent bytes still leave when it was finished before.
    pub fn close(&mut self, id: StreamId) {
        let Some(stream) = self.open.get(&id) else { return };
        if stream.was_reset || !stream.announced {
            self.open.remove(&id);
        } else if !self.closing.contains(&id) {
            self.closing.push(id);
        }
    }

    /// Everything that was written has left.
    #[must_use]
    pub fn is_flushed(&self, id: StreamId) -> bool {
        self.open.get(&id).is_none_or(|stream| stream.unsent.is_empty() || stream.was_reset)
    }

    /// True when [`Self::write_out`] would send something.
    #[must_use]
    pub(crate) fn wants_to_send(&self) -> bool {
        !self.closing.is_empty()
            || self.open.values().any(|one| {
                !one.was_reset
                    && (!one.announced
                        || one.owed >= WINDOW / 2
                        || (!one.unsent.is_empty() && one.credit > 0)
                        || (one.finished && !one.finish_sent && one.unsent.is_empty()))
            })
    }

    /// Appends frames while `out` is shorter than `limit`, one chunk per stream and round.
    pub(super) fn write_out(&mut self, out: &mut Vec<u8>, limit: usize) {
        let mut idle = 0;
        while out.len() < limit && idle < self.open.len() {
            let next = self.open.at_or_after(&self.turn).or_else(|| self.open.first_key_value());
            let Some(id) = next.map(|(id, _)| *id) else { break };
            self.turn = id + 1;
            let sent = self.open.get_mut(&id).is_some_and(|stream| stream.write_out(id, out));
            idle = if sent { 0 } else { idle + 1 };
        }
        for id in core::mem::take(&mut self.closing) {
            let Some(stream) = self.open.get(&id) else { continue };
            if stream.finished && !stream.finish_sent && !stream.was_reset {
                self.closing.push(id);
                continue;
            }
            if !(stream.was_reset || (stream.finish_sent && stream.ended)) {
                encode(&Frame::StreamReset(id), out);
            }
            self.open.remove(&id);
        }
    }

    pub(super) fn opened(&mut self, id: StreamId, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        if id % 2 == self.next % 2 || self.open.contains_key(&id) {
            return Err(DecodeError::Body);
        }
        if self.open.len() >= STREAMS {
            encode(&Frame::StreamReset(id), out);
            return Ok(());
        }
        let stream =
            Stream { announced: true, window: WINDOW, credit: WINDOW, ..Stream::default() };
        self.open.insert(id, stream);
        self.arrived.push_back(id);
        Ok(())
    }

    pub(super) fn data(&mut self, id: StreamId, bytes: &[u8]) -> Result<(), DecodeError> {
        // One that we gave up meanwhile: what is still under way is dropped.
        let Some(stream) = self.open.get_mut(&id) else { return Ok(()) };
        let length = u32::try_from(bytes.len()).map_err(|_| DecodeError::Body)?;
        stream.window = stream.window.checked_sub(length).ok_or(DecodeError::Body)?;
        if stream.ended {
            return Err(DecodeError::Body);
        }
        stream.received.extend(bytes);
        Ok(())
    }

    pub(super) fn credit(&mut self, id: StreamId, more: u32) -> Result<(), DecodeError> {
        if let Some(stream) = self.open.get_mut(&id) {
            stream.credit = stream.credit.checked_add(more).ok_or(DecodeError::Body)?;
        }
        Ok(())
    }

    pub(super) fn ended(&mut self, id: StreamId) -> Result<(), DecodeError> {
        if let Some(stream) = self.open.get_mut(&id) {
            if stream.ended {
                return Err(DecodeError::Body);
            }
            stream.ended = true;
        }
        Ok(())
    }

    pub(super) fn was_reset(&mut self, id: StreamId) {
        if let Some(stream) = self.open.get_mut(&id) {
            stream.was_reset = true;
            stream.received = VecDeque::new();
            stream.unsent = VecDeque::new();
        }
    }
}

impl Stream {
    /// One step of sending; true when something was sent.
    fn write_out(&mut self, id: StreamId, out: &mut Vec<u8>) -> bool {
        if self.was_reset {
            return false;
        }
        let before = out.len();
        if !self.announced {
            self.announced = true;
            encode(&Frame::StreamOpen(id), out);
        }
        if self.owed >= WINDOW / 2 && !self.ended {
            encode(&Frame::StreamCredit(id, self.owed), out);
            self.window = self.window.saturating_add(self.owed);
            self.owed = 0;
        }
        let credit = usize::try_from(self.credit).unwrap_or(usize::MAX);
        let count = self.unsent.len().min(MAX_CHUNK).min(credit);
        if count > 0 {
            let chunk: Vec<u8> = self.unsent.drain(..count).collect();
            self.credit = self.credit.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
            encode(&Frame::StreamData(id, &chunk), out);
        }
        if self.finished && !self.finish_sent && self.unsent.is_empty() {
            self.finish_sent = true;
            encode(&Frame::StreamEnd(id), out);
        }
        out.len() > before
    }
}
