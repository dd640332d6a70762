//! The binary form, version 4 (agent contract, 9.1): 33 bytes of lengths, then the values in the same order.

use bytes::{BufMut, Bytes, BytesMut};

use crate::{DecodeError, EncodeError, IoMessage, VERSION, integer};

/// Bytes of version and lengths before the values.
pub const HEADER_LENGTH: usize = 33;

/// Length prefix widths in bytes, in field order; the header is the version and these.
const WIDTHS: [u8; 19] = [1, 2, 1, 1, 1, 1, 1, 1, 2, 2, 1, 2, 2, 2, 1, 1, 1, 4, 4];

impl IoMessage {
    /// Reads a message that fills `bytes`; data fields share its memory.
    ///
    /// # Errors
    /// [`DecodeError`]; [`DecodeError::NeedMore`] when `bytes` is a prefix of a message.
    pub fn decode(bytes: &Bytes) -> Result<Self, DecodeError> {
        let mut values = Values::new(bytes)?;
        let message = Self {
            id: values.text("id")?,
            tag: values.text("tag")?,
            group_id: values.text("groupid")?,
            sequence_number: values.u32("sequencenumber")?,
            sequence_total: values.u32("sequencetotal")?,
            priority: values.u8("priority")?,
            timestamp: values.u64("timestamp")?,
            publisher: values.text("publisher")?,
            auth_id: values.text("authid")?,
            auth_group: values.text("authgroup")?,
            chain_position: values.u64("chainposition")?,
            hash: values.text("hash")?,
            previous_hash: values.text("previoushash")?,
            nonce: values.text("nonce")?,
            difficulty_target: values.u32("difficultytarget")?,
            info_type: values.text("infotype")?,
            info_format: values.text("infoformat")?,
            context_data: values.take(),
            content_data: values.take(),
        };
        match bytes.len() - values.at {
            0 => Ok(message),
            more => Err(DecodeError::Trailing(more)),
        }
    }

    /// The id of a message that fills `bytes`, of which nothing else is read.
    ///
    /// # Errors
    /// [`DecodeError`] when lengths or id are wrong.
    pub fn id_of(bytes: &Bytes) -> Result<&str, DecodeError> {
        let values = Values::new(bytes)?;
        let id = bytes.get(values.at..values.at + values.lengths[0]).unwrap_or_default();
        match values.lengths.iter().fold(HEADER_LENGTH, |sum, length| sum + length) {
            total if total == bytes.len() => {
                std::str::from_utf8(id).map_err(|_| DecodeError::NotText("id"))
            }
            total => Err(DecodeError::Trailing(bytes.len() - total)),
        }
    }

    /// Writes the message with the integer widths that every reader takes: 0 for zero, else 4, 1 or 8.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] when a field does not fit its length prefix.
    pub fn encode(&self) -> Result<Bytes, EncodeError> {
        let numbers = Numbers::of(self);
        let fields = self.fields(&numbers);
        let total = fields.iter().fold(HEADER_LENGTH, |sum, (_, value)| sum + value.len());
        let mut out = BytesMut::with_capacity(total);
        out.put_u16(VERSION);
        for ((field, value), width) in fields.iter().zip(WIDTHS) {
            let length = value.len();
            let too_long = |limit| EncodeError::TooLong { field, length, limit };
            match width {
                1 => out.put_u8(u8::try_from(length).map_err(|_| too_long(u8::MAX.into()))?),
                2 => out.put_u16(u16::try_from(length).map_err(|_| too_long(u16::MAX.into()))?),
                _ => out.put_u32(u32::try_from(length).map_err(|_| too_long(u32::MAX.into()))?),
            }
        }
        for (_, value) in &fields {
            out.put_slice(value);
        }
        Ok(out.freeze())
    }

    fn fields<'a>(&'a self, numbers: &'a Numbers) -> [(&'static str, &'a [u8]); 19] {
        [
            ("id", self.id.as_bytes()),
            ("tag", self.tag.as_bytes()),
            ("groupid", self.group_id.as_bytes()),
            ("sequencenumber", unless_zero(&numbers.sequence_number)),
            ("sequencetotal", unless_zero(&numbers.sequence_total)),
            ("priority", unless_zero(&numbers.priority)),
            ("timestamp", unless_zero(&numbers.timestamp)),
            ("publisher", self.publisher.as_bytes()),
            ("authid", self.auth_id.as_bytes()),
            ("authgroup", self.auth_group.as_bytes()),
            ("chainposition", unless_zero(&numbers.chain_position)),
            ("hash", self.hash.as_bytes()),
            ("previoushash", self.previous_hash.as_bytes()),
            ("nonce", self.nonce.as_bytes()),
            ("difficultytarget", unless_zero(&numbers.difficulty_target)),
            ("infotype", self.info_type.as_bytes()),
            ("infoformat", self.info_format.as_bytes()),
            ("contextdata", &self.context_data),
            ("contentdata", &self.content_data),
        ]
    }
}

/// The integers in the widths they are written with.
struct Numbers {
    sequence_number: [u8; 4],
    sequence_total: [u8; 4],
    priority: [u8; 1],
    timestamp: [u8; 8],
    chain_position: [u8; 8],
    difficulty_target: [u8; 4],
}

impl Numbers {
    fn of(message: &IoMessage) -> Self {
        Self {
            sequence_number: message.sequence_number.to_be_bytes(),
            sequence_total: message.sequence_total.to_be_bytes(),
            priority: message.priority.to_be_bytes(),
            timestamp: message.timestamp.to_be_bytes(),
            chain_position: message.chain_position.to_be_bytes(),
            difficulty_target: message.difficulty_target.to_be_bytes(),
        }
    }
}

fn unless_zero(bytes: &[u8]) -> &[u8] {
    if bytes.iter().all(|byte| *byte == 0) { &[] } else { bytes }
}

/// Walks the values of a message whose lengths are known to fit.
struct Values<'a> {
    bytes: &'a Bytes,
    lengths: [usize; 19],
    field: usize,
    at: usize,
}

impl<'a> Values<'a> {
    fn new(bytes: &'a Bytes) -> Result<Self, DecodeError> {
        if let Some(version) = bytes.first_chunk::<2>() {
            let version = u16::from_be_bytes(*version);
            if version != VERSION {
                return Err(DecodeError::Version(version));
            }
        }
        let short = |needed: u64| Err(DecodeError::NeedMore(needed));
        let header = u64::try_from(HEADER_LENGTH).unwrap_or(u64::MAX);
        let Some(mut prefixes) = bytes.get(2..HEADER_LENGTH) else { return short(header) };
        let (mut lengths, mut total) = ([0; 19], header);
        for (length, width) in lengths.iter_mut().zip(WIDTHS) {
            let (prefix, rest) = prefixes.split_at(usize::from(width));
            let value = prefix.iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
            prefixes = rest;
            total += u64::from(value);
            // A length that does not fit the address space cannot fit the input either.
            *length = usize::try_from(value).unwrap_or(usize::MAX);
        }
        if usize::try_from(total).map_or(true, |total| total > bytes.len()) {
            return short(total);
        }
        Ok(Self { bytes, lengths, field: 0, at: HEADER_LENGTH })
    }

    fn take(&mut self) -> Bytes {
        let end = self.at + self.lengths[self.field];
        let value = self.bytes.slice(self.at..end);
        self.at = end;
        self.field += 1;
        value
    }

    fn text(&mut self, field: &'static str) -> Result<String, DecodeError> {
        let value = self.take();
        std::str::from_utf8(&value).map(str::to_owned).map_err(|_| DecodeError::NotText(field))
    }

    fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        integer::read(&self.take(), u64::MAX).ok_or(DecodeError::Integer(field))
    }

    fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        let value = integer::read(&self.take(), u32::MAX.into());
        value.and_then(|value| value.try_into().ok()).ok_or(DecodeError::Integer(field))
    }

    fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        let value = integer::read(&self.take(), u8::MAX.into());
        value.and_then(|value| value.try_into().ok()).ok_or(DecodeError::Integer(field))
    }
}
