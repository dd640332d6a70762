//! Messages of byte streams, which differ in their bodies only: written and read without a copy of the bytes,
//! and without decoding what was the same in the message before.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use iofog_amqp::section::{self, Scan};

use super::{Undecodable, codec};
use crate::domain::envelope::Envelope;
use crate::domain::tunnel::{Piece, is_marked};

/// Descriptors of a value and of a data section.
const BODIES: [[u8; 3]; 2] = [[0x00, 0x53, 0x77], [0x00, 0x53, 0x75]];
/// Codes of a binary with a length of one byte, and of four.
const SHORT: u8 = 0xa0;
const LONG: u8 = 0xb0;

/// A message in which only the body is missing.
#[derive(Clone, Debug)]
pub(crate) struct Blank {
    head: Vec<u8>,
}

/// A received message of a byte stream.
#[derive(Debug)]
pub(crate) struct Part {
    /// What it stands for.
    pub(crate) piece: Piece,
    /// Sent by a proxy of ours.
    pub(crate) ours: bool,
    /// Its bytes.
    pub(crate) body: VecDeque<Bytes>,
}

/// Reads the messages of one link.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// The sections in front of the last body, and what they said.
    head: Bytes,
    piece: Piece,
    ours: bool,
}

// === impl Blank ===

impl Blank {
    /// A message like `envelope`, with a body of bytes.
    pub(crate) fn new(envelope: Envelope) -> Self {
        let empty = codec::encode(Envelope { body: Bytes::new(), raw: true, ..envelope });
        // The empty binary at the end is a code and a length of one byte.
        let before = empty.get(..empty.len().saturating_sub(2)).unwrap_or_default();
        // Made in its size: an idle tunnel holds it.
        let head = [before, &[LONG, 0, 0, 0, 0]].concat();
        Self { head }
    }

    /// Bytes in front of the body.
    pub(crate) fn length(&self) -> usize {
        self.head.len()
    }

    /// The empty `buffer` with what stands in front of the body.
    pub(crate) fn begin(&self, mut buffer: BytesMut) -> BytesMut {
        buffer.extend_from_slice(&self.head);
        buffer
    }

    /// Bytes of body in a buffer.
    pub(crate) fn body(&self, buffer: &BytesMut) -> usize {
        buffer.len().saturating_sub(self.head.len())
    }

    /// The message.
    pub(crate) fn seal(&self, mut buffer: BytesMut) -> Bytes {
        let length = u32::try_from(self.body(&buffer)).unwrap_or(u32::MAX);
        let end = self.head.len();
        if let Some(place) = buffer.get_mut(end.saturating_sub(4)..end) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        buffer.freeze()
    }
}

// === impl Part ===

impl Part {
    /// The part that a decoded message is.
    pub(crate) fn of(message: &Envelope) -> Self {
        let body = message.body.clone();
        let body = if body.is_empty() { VecDeque::new() } else { VecDeque::from([body]) };
        Self { piece: Piece::of(message), ours: is_marked(message), body }
    }

    /// Bytes of body.
    pub(crate) fn len(&self) -> usize {
        self.body.iter().map(Bytes::len).sum()
    }
}

// === impl Parts ===

impl Parts {
    /// Reads a message from the fragments it came in.
    pub(crate) fn read(&mut self, fragments: &VecDeque<Bytes>) -> Result<Part, Undecodable> {
        match self.quick(fragments) {
            Some(part) => Ok(part),
            None => {
                let message = codec::decode(&join(fragments));
                Ok(Part::of(&message.map_err(|error| Undecodable(error.to_string()))?))
            }
        }
    }

    /// None unless the body is a single binary to the end of the message, and begins in the first fragment.
    fn quick(&mut self, fragments: &VecDeque<Bytes>) -> Option<Part> {
        let first = fragments.front()?;
        if self.head.is_empty() || !first.starts_with(&self.head) {
            let Ok(Scan::Done(sections)) = section::scan(first) else { return None };
            let head = first.slice(..sections.body?);
            let message = codec::decode(&head).ok()?;
            (self.piece, self.ours) = (Piece::of(&message), is_marked(&message));
            // Not a slice: it would keep the buffer it came in.
            self.head = Bytes::copy_from_slice(&head);
        }
        let body = first.get(self.head.len()..)?;
        let (descriptor, rest) = body.split_at_checked(3)?;
        if !BODIES.iter().any(|known| known == descriptor) {
            return None;
        }
        let (length, code) = match *rest {
            [SHORT, length, ..] => (usize::from(length), 2),
            [LONG, a, b, c, d, ..] => (usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?, 5),
            _ => return None,
        };
        let mut body = fragments.clone();
        body.front_mut()?.advance(self.head.len() + 3 + code);
        body.retain(|bytes| !bytes.is_empty());
        let part = Part { piece: self.piece, ours: self.ours, body };
        (part.len() == length).then_some(part)
    }
}

/// All fragments as one slice; no copy when there is only one.
pub(crate) fn join(fragments: &VecDeque<Bytes>) -> Bytes {
    match fragments.len() {
        0 | 1 => fragments.front().cloned().unwrap_or_default(),
        _ => {
            let mut whole = BytesMut::with_capacity(fragments.iter().map(Bytes::len).sum());
            fragments.iter().for_each(|fragment| whole.extend_from_slice(fragment));
            whole.freeze()
        }
    }
}

#[cfg(test)]
mod tests {
    use iofog_amqp::{Body, Message, Value};
    use proptest::prelude::*;

    use super::*;

    fn cut(message: &Bytes, at: usize) -> VecDeque<Bytes> {
        message.chunks(at.max(1)).map(Bytes::copy_from_slice).collect()
    }

    fn bytes(part: &Part) -> Vec<u8> {
        part.body.iter().flat_map(|piece| piece.iter().copied()).collect()
    }

    #[test]
    fn blank_makes_what_the_codec_makes() {
        for length in [0, 1, 255, 256, 40_000] {
            let body = vec![7; length];
            let blank = Blank::new(Piece::Data.message(Some("reply"), Bytes::new()));
            let mut buffer = blank.begin(BytesMut::with_capacity(blank.length() + length));
            buffer.extend_from_slice(&body);
            assert_eq!(blank.body(&buffer), length);
            let message = codec::decode(&blank.seal(buffer)).unwrap();
            assert_eq!(message, Piece::Data.message(Some("reply"), body.into()));
        }
    }

    #[test]
    fn parts_are_read_as_the_codec_reads_them() {
        let mut parts = Parts::default();
        let data = |n: usize| {
            Piece::Data.message(Some("r"), vec![u8::try_from(n % 251).unwrap(); n].into())
        };
        let foreign =
            |body: Body| codec::decode(&Message { body, ..Message::default() }.encode()).unwrap();
        let sections = vec![Bytes::from_static(b"ab"), Bytes::from_static(b"c")];
        let messages = [
            data(3),
            data(300),
            data(70_000),
            Piece::Fin.message(None, Bytes::new()),
            data(0),
            foreign(Body::Value(Value::String("text".into()))),
            foreign(Body::Data(sections)),
            Piece::Abort.message(None, Bytes::new()),
            data(5),
        ];
        for message in messages {
            let encoded = codec::encode(message.clone());
            for at in [7, 60, 200, 16_000, usize::MAX] {
                let part = parts.read(&cut(&encoded, at)).unwrap();
                assert_eq!((part.piece, part.ours), (Piece::of(&message), is_marked(&message)));
                assert_eq!(bytes(&part), message.body);
            }
        }
        assert!(parts.read(&VecDeque::from([Bytes::from_static(&[0, 0x53])])).is_err());
    }

    proptest! {
        #[test]
        fn parts_of_damaged_messages_are_the_codecs(at in 0..120_usize, byte: u8, cut_at in 1..130_usize) {
            let mut parts = Parts::default();
            let good = codec::encode(Piece::Data.message(Some("r"), Bytes::from(vec![1; 40])));
            parts.read(&VecDeque::from([good.clone()])).unwrap();
            let mut damaged = good.to_vec();
            let at = at % damaged.len();
            damaged[at] = byte;
            let damaged = Bytes::from(damaged);
            let read = parts.read(&cut(&damaged, cut_at));
            if let Ok(message) = codec::decode(&damaged) {
                let part = read.unwrap();
                prop_assert_eq!(bytes(&part), message.body.to_vec());
                prop_assert_eq!(part.piece, Piece::of(&message));
            }
        }
    }
}
