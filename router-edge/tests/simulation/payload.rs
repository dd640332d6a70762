//! Bodies that say which message they belong to.

use bytes::Bytes;
use iofog_amqp::{Body, Message};

use super::books::MessageId;

/// The number, the length, then bytes that follow from the number.
pub(crate) fn write(message: MessageId, size: u64) -> Bytes {
    let mut data = Vec::from(message.to_be_bytes());
    data.resize(4 + usize::try_from(size).unwrap_or(0), message.to_be_bytes()[3]);
    Message { body: Body::Data(vec![data.into()]), ..Message::default() }.encode()
}

pub(crate) fn read(bytes: &Bytes) -> Option<MessageId> {
    let Body::Data(data) = Message::decode(bytes).ok()?.body else {
        return None;
    };
    let data = data.concat();
    let (number, rest) = data.split_first_chunk::<4>()?;
    let message = u32::from_be_bytes(*number);
    rest.iter().all(|byte| *byte == number[3]).then_some(message)
}
