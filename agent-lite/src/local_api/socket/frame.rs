//! The frames inside of WebSocket binary frames (agent contract, 8.4); pure.

use bytes::{BufMut, Bytes, BytesMut};

pub(super) const PING: u8 = 0x09;
pub(super) const PONG: u8 = 0x0A;
const ACK: u8 = 0x0B;
pub(super) const CONTROL_SIGNAL: u8 = 0x0C;
const MESSAGE: u8 = 0x0D;
const RECEIPT: u8 = 0x0E;
pub(super) const RESOURCE_SIGNAL: u8 = 0x0F;

/// What a microservice sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// It took the oldest frame that waits for this.
    Ack,
    /// A binary ioMessage.
    Message(Bytes),
    /// Something else: ignored, as upstream does.
    Other,
}

/// Reads a frame; a message whose length is wrong is nothing.
pub(super) fn parse(frame: &Bytes) -> Incoming {
    match frame.split_first() {
        Some((&ACK, _)) => Incoming::Ack,
        Some((&MESSAGE, rest)) => match rest.split_first_chunk() {
            Some((length, message))
                if usize::try_from(u32::from_be_bytes(*length)) == Ok(message.len()) =>
            {
                Incoming::Message(frame.slice(frame.len() - message.len()..))
            }
            _ => Incoming::Other,
        },
        _ => Incoming::Other,
    }
}

/// The frame of a message.
pub(super) fn message(payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(5 + payload.len());
    frame.put_u8(MESSAGE);
    frame.put_u32(u32::try_from(payload.len()).unwrap_or(u32::MAX));
    frame.put_slice(payload);
    frame.freeze()
}

/// The frame that confirms a message: its id and time.
pub(super) fn receipt(id: &str, timestamp: u64) -> Bytes {
    let mut frame = BytesMut::with_capacity(3 + id.len() + 8);
    frame.put_u8(RECEIPT);
    frame.put_u8(u8::try_from(id.len()).unwrap_or(u8::MAX));
    frame.put_u8(8);
    frame.put_slice(id.as_bytes());
    frame.put_u64(timestamp);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_the_contract() {
        assert_eq!(message(b"ab"), [0x0D, 0, 0, 0, 2, b'a', b'b'][..]);
        let frame = receipt("id", 258);
        assert_eq!(frame, [0x0E, 2, 8, b'i', b'd', 0, 0, 0, 0, 0, 0, 1, 2][..]);
    }

    #[test]
    fn incoming_frames_are_checked() {
        let parse = |bytes: &[u8]| parse(&Bytes::copy_from_slice(bytes));
        assert_eq!(parse(&[0x0B]), Incoming::Ack);
        assert_eq!(parse(&[0x0B, 1, 2]), Incoming::Ack);
        assert_eq!(parse(&[0x0D, 0, 0, 0, 1, 7]), Incoming::Message(Bytes::from_static(&[7])));
        for bad in [&[][..], &[0x0D], &[0x0D, 0, 0, 0, 2, 7], &[0x0D, 0, 0, 0, 0, 7], &[0x0C]] {
            assert_eq!(parse(bad), Incoming::Other);
        }
    }
}
