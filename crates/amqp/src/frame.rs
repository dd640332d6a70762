//! Protocol headers and frames (AMQP 1.0 part 2, 2.2 and 2.3). "More bytes needed" is `Ok(None)`,
//! malformed is an error: a stream can be split without knowing what it carries.

use alloc::vec::Vec;

/// Smallest value of `max-frame-size`; SASL frames are never longer.
pub const MIN_MAX_FRAME_SIZE: u32 = 512;

/// Bytes of the fixed part of a frame.
pub const HEADER_SIZE: usize = 8;

/// An empty frame on channel 0: a heartbeat.
pub const HEARTBEAT: [u8; 8] = [0, 0, 0, 8, 2, 0, 0, 0];

/// What follows a protocol header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Plain AMQP.
    Amqp,
    /// TLS, then AMQP.
    Tls,
    /// SASL, then AMQP.
    Sasl,
}

impl Protocol {
    /// The eight bytes of the header, version 1.0.0.
    #[must_use]
    pub const fn header(self) -> [u8; 8] {
        let id = match self {
            Self::Amqp => 0,
            Self::Tls => 2,
            Self::Sasl => 3,
        };
        [b'A', b'M', b'Q', b'P', id, 1, 0, 0]
    }

    /// Reads a protocol header from the front of `bytes`: none when more bytes are needed.
    ///
    /// # Errors
    /// [`FrameError::Header`] as soon as one byte is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, FrameError> {
        let id = match bytes.get(4) {
            None | Some(0) => Self::Amqp,
            Some(2) => Self::Tls,
            Some(3) => Self::Sasl,
            Some(_) => return Err(FrameError::Header),
        };
        let header = id.header();
        let seen = bytes.len().min(header.len());
        if bytes.get(..seen) != header.get(..seen) {
            return Err(FrameError::Header);
        }
        Ok((seen == header.len()).then_some(id))
    }
}

/// Kind of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// Carries a performative, or nothing.
    Amqp {
        /// The session.
        channel: u16,
    },
    /// Carries a SASL frame body.
    Sasl,
}

/// A whole frame at the front of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: FrameKind,
    /// Where the body begins (an extended header is skipped).
    pub body: usize,
    /// Where the next frame begins.
    pub end: usize,
}

/// Bytes that are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Not an AMQP 1.0 protocol header.
    #[error("not an AMQP 1.0 protocol header")]
    Header,
    /// Size below the fixed header.
    #[error("frame size {0} is below 8")]
    TooSmall(u32),
    /// Size above what was agreed.
    #[error("frame size {size} is above the limit of {max}")]
    TooLarge {
        /// Declared size in bytes.
        size: u32,
        /// The limit in bytes.
        max: u32,
    },
    /// Data offset below 2 or past the end.
    #[error("frame data offset {0} is out of range")]
    Offset(u8),
    /// Neither AMQP nor SASL.
    #[error("unknown frame type {0}")]
    Type(u8),
}

impl Frame {
    /// Looks at the front of `bytes`: none when the frame is not whole yet. What the fixed header says is
    /// judged as soon as it is there, before the rest arrives.
    ///
    /// # Errors
    /// [`FrameError`] when no frame can begin so.
    #[inline]
    pub fn parse(bytes: &[u8], max_frame_size: u32) -> Result<Option<Self>, FrameError> {
        let Some((head, _)) = bytes.split_first_chunk::<HEADER_SIZE>() else { return Ok(None) };
        let [a, b, c, d, offset, kind, e, f] = *head;
        let size = u32::from_be_bytes([a, b, c, d]);
        if size < 8 {
            return Err(FrameError::TooSmall(size));
        }
        if size > max_frame_size {
            return Err(FrameError::TooLarge { size, max: max_frame_size });
        }
        if offset < 2 || u32::from(offset) * 4 > size {
            return Err(FrameError::Offset(offset));
        }
        let kind = match kind {
            0 => FrameKind::Amqp { channel: u16::from_be_bytes([e, f]) },
            1 => FrameKind::Sasl,
            other => return Err(FrameError::Type(other)),
        };
        let end = size as usize;
        if bytes.len() < end {
            return Ok(None);
        }
        Ok(Some(Self { kind, body: usize::from(offset) * 4, end }))
    }

    /// Begins a frame; its body is appended next.
    #[inline]
    #[must_use]
    pub fn begin(out: &mut Vec<u8>, kind: FrameKind) -> usize {
        let at = out.len();
        let (kind, [e, f]) = match kind {
            FrameKind::Amqp { channel } => (0, channel.to_be_bytes()),
            FrameKind::Sasl => (1, [0, 0]),
        };
        out.extend_from_slice(&[0, 0, 0, 0, 2, kind, e, f]);
        at
    }

    /// Ends the frame that began at `at`; `more` bytes of payload follow that are not in `out`.
    #[inline]
    pub fn end(out: &mut [u8], at: usize, more: usize) {
        let size = u32::try_from(out.len().saturating_sub(at) + more).unwrap_or(u32::MAX);
        if let Some(place) = out.get_mut(at..at + 4) {
            place.copy_from_slice(&size.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_judged_byte_by_byte() {
        assert_eq!(Protocol::parse(b""), Ok(None));
        assert_eq!(Protocol::parse(b"AMQP"), Ok(None));
        assert_eq!(Protocol::parse(b"AMQP\x03\x01\x00\x00rest"), Ok(Some(Protocol::Sasl)));
        assert_eq!(Protocol::parse(b"AMQP\x00\x01\x00\x00"), Ok(Some(Protocol::Amqp)));
        for wrong in [&b"GET / HTTP"[..], b"AMQP\x01\x01\x00\x00", b"AMQP\x00\x00\x09\x01", b"B"] {
            assert_eq!(Protocol::parse(wrong), Err(FrameError::Header));
        }
    }

    #[test]
    fn frame_with_extended_header_is_whole_or_waits() {
        let bytes = [0, 0, 0, 14, 3, 0, 0, 7, 9, 9, 9, 9, 1, 2];
        for len in 0..bytes.len() {
            assert_eq!(Frame::parse(&bytes[..len], 512), Ok(None));
        }
        let kind = FrameKind::Amqp { channel: 7 };
        assert_eq!(Frame::parse(&bytes, 512), Ok(Some(Frame { kind, body: 12, end: 14 })));
    }

    #[test]
    fn frame_malformed_is_refused_before_it_is_whole() {
        let parse = |head: [u8; 8]| Frame::parse(&head, 1000);
        assert_eq!(parse([0, 0, 0, 7, 2, 0, 0, 0]), Err(FrameError::TooSmall(7)));
        assert_eq!(
            parse([0, 0, 4, 0, 2, 0, 0, 0]),
            Err(FrameError::TooLarge { size: 1024, max: 1000 })
        );
        assert_eq!(parse([0, 0, 0, 9, 1, 0, 0, 0]), Err(FrameError::Offset(1)));
        assert_eq!(parse([0, 0, 0, 9, 3, 0, 0, 0]), Err(FrameError::Offset(3)));
        assert_eq!(parse([0, 0, 0, 9, 2, 2, 0, 0]), Err(FrameError::Type(2)));
    }
}
