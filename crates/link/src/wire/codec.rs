//! Frames in a stream of bytes: a length (little-endian base 128, at most three bytes), then so many bytes of postcard.

use alloc::vec::Vec;
use core::fmt;

use super::Frame;
use crate::MAX_FRAME;

/// Bytes that are no frame. The stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The length is zero, too large or not in its shortest form.
    Length,
    /// The body does not decode, or has bytes left over.
    Body,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "frame length is zero, above the limit or not minimal",
            Self::Body => "frame body does not decode",
        })
    }
}

impl core::error::Error for DecodeError {}

/// Gathers bytes until frames are whole. Holds at most one frame beyond what it was given.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    start: usize,
}

// === impl Decoder ===

impl Decoder {
    /// Adds what arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
        if self.buffer.is_empty() && self.buffer.capacity() > MAX_FRAME {
            self.buffer = Vec::new();
        }
    }

    /// The next whole frame, if there is one; a call takes it out.
    ///
    /// # Errors
    /// When the bytes are no frame.
    pub fn frame(&mut self) -> Result<Option<Frame<'_>>, DecodeError> {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        let Some((length, head)) = length(rest)? else { return Ok(None) };
        if rest.len() < head + length {
            return Ok(None);
        }
        let from = self.start + head;
        self.start = from + length;
        let body = self.buffer.get(from..self.start).ok_or(DecodeError::Length)?;
        match postcard::take_from_bytes(body) {
            Ok((frame, [])) => Ok(Some(frame)),
            _ => Err(DecodeError::Body),
        }
    }
}

/// Length of the body and of the length itself; none while bytes are missing.
fn length(bytes: &[u8]) -> Result<Option<(usize, usize)>, DecodeError> {
    let mut value = 0;
    for (place, byte) in bytes.iter().take(3).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            let minimal = place == 0 || *byte != 0;
            return match value {
                1..=MAX_FRAME if minimal => Ok(Some((value, place + 1))),
                _ => Err(DecodeError::Length),
            };
        }
    }
    if bytes.len() >= 3 { Err(DecodeError::Length) } else { Ok(None) }
}

/// Appends a frame to `out`. Frames of this crate fit their limit by construction; one that did not would be left out.
pub fn encode(frame: &Frame<'_>, out: &mut Vec<u8>) {
    let Ok(body) = postcard::to_allocvec(frame) else { return };
    debug_assert!((1..=MAX_FRAME).contains(&body.len()), "frames are bounded");
    let mut length = body.len();
    let low = |length: usize| length.to_le_bytes()[0];
    while length >= 0x80 {
        out.push(low(length) | 0x80);
        length >>= 7;
    }
    out.push(low(length));
    out.extend_from_slice(&body);
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;

    #[test]
    fn a_ping_is_three_bytes() {
        let mut out = Vec::new();
        encode(&Frame::Ping(7), &mut out);
        assert_eq!(out, [2, 3, 7]);
    }

    #[test]
    fn frames_are_found_however_the_bytes_are_cut() {
        let mut bytes = Vec::new();
        let data = vec![0xa5; 300];
        encode(&Frame::Ping(1), &mut bytes);
        encode(&Frame::StreamData(3, &data), &mut bytes);
        encode(&Frame::Pong(2), &mut bytes);
        for cut in 1..40 {
            let mut decoder = Decoder::default();
            let mut seen = 0;
            for part in bytes.chunks(cut) {
                decoder.push(part);
                while let Some(frame) = decoder.frame().unwrap() {
                    match (seen, frame) {
                        (0, Frame::Ping(1)) | (2, Frame::Pong(2)) => {}
                        (1, Frame::StreamData(3, body)) => assert_eq!(body, data),
                        other => panic!("{other:?}"),
                    }
                    seen += 1;
                }
            }
            assert_eq!(seen, 3);
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let refused = |bytes: &[u8]| {
            let mut decoder = Decoder::default();
            decoder.push(bytes);
            decoder.frame().unwrap_err()
        };
        assert_eq!(refused(&[0]), DecodeError::Length);
        assert_eq!(refused(&[0x81, 0]), DecodeError::Length, "not minimal");
        assert_eq!(refused(&[0xff, 0xff, 0x7f]), DecodeError::Length, "too long");
        assert_eq!(refused(&[0x80, 0x80, 0x80]), DecodeError::Length);
        assert_eq!(refused(&[1, 200]), DecodeError::Body, "unknown frame");
        assert_eq!(refused(&[3, 3, 1, 1]), DecodeError::Body, "bytes left over");
        // A list that says it has 2^32 items.
        assert_eq!(refused(&[7, 5, 255, 255, 255, 255, 15, 0]), DecodeError::Body);
    }
}
