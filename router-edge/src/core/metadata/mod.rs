//! Router metadata of a message (router.md 5.2): one model, and two codecs chosen per connection.

mod annotations;
mod section;

use bytes::{BufMut, Bytes, BytesMut};
use iofog_amqp::{DecodeError, Reader, codes};

use crate::network::Version;

pub(crate) use section::leads;

/// What routers tell each other about a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    /// Streaming, resend-released, no Q2 limit; unknown bits are passed on.
    pub(crate) flags: u32,
    /// Where the message goes, over `properties.to`; UTF-8.
    pub(crate) to: Option<Bytes>,
    /// `0/<id>` of the interior router where it entered; UTF-8.
    pub(crate) ingress: Option<Bytes>,
    /// Encoded strings `0/<id>` of the interior routers it passed.
    pub(crate) trace: Bytes,
    /// Number of strings in `trace`.
    pub(crate) hops: u8,
}

/// Flag: the message was sent before it was complete, and may take long.
pub(crate) const STREAMING: u32 = 1;
/// Routers that a message may pass.
const MAX_HOPS: usize = 128;

impl Metadata {
    /// Takes metadata off the front of a message that may still be arriving; gives what is left of the
    /// bytes. None = more bytes are needed. `version`: of the connection, none = not from a router.
    ///
    /// # Errors
    /// [`DecodeError`] when it is malformed.
    pub(crate) fn take(
        version: Option<Version>,
        bytes: &Bytes,
        complete: bool,
    ) -> Result<Option<(Self, Bytes)>, DecodeError> {
        if version == Some(Version::One) && !leads(bytes) {
            return Self::take_annotations(bytes, complete);
        }
        let found = Self::decode_section(bytes)?;
        Ok(found.map(|(metadata, len)| (metadata, bytes.slice(len..))))
    }

    /// Writes metadata and the beginning of a message, whose first bytes are given, into `out`. Gives how
    /// many of them it took; none = they are too few. `stamp`: an interior router adds itself to the
    /// trace, and as ingress.
    ///
    /// # Errors
    /// [`DecodeError`] when the message is malformed where the metadata belongs.
    pub(crate) fn put(
        &self,
        version: Version,
        stamp: Option<&[u8]>,
        message: &[u8],
        complete: bool,
        out: &mut BytesMut,
    ) -> Result<Option<usize>, DecodeError> {
        match version {
            Version::One => self.put_annotations(stamp, message, complete, out),
            Version::Two => {
                self.encode_section(stamp, out);
                Ok(Some(0))
            }
        }
    }

    /// Whether the message passed the router `node` (`0/<id>`).
    pub(crate) fn passed(&self, node: &[u8]) -> bool {
        let mut rest = Reader::new(&self.trace);
        (0..self.hops)
            .any(|_| text(&self.trace, &mut rest).ok().flatten().is_some_and(|hop| hop == node))
    }

    fn put_trace(&self, stamp: Option<&[u8]>, out: &mut BytesMut) {
        if stamp.is_none() && self.hops == 0 {
            out.put_u8(codes::LIST_0);
            return;
        }
        out.put_u8(codes::LIST_32);
        let size_at = out.len();
        out.extend_from_slice(&[0; 4]);
        let count = u32::from(self.hops) + u32::from(stamp.is_some());
        out.extend_from_slice(&count.to_be_bytes());
        out.extend_from_slice(&self.trace);
        if stamp.is_some() {
            put_text(stamp, out);
        }
        let size = u32::try_from(out.len() - size_at - 4).unwrap_or(u32::MAX);
        if let Some(place) = out.get_mut(size_at..size_at + 4) {
            place.copy_from_slice(&size.to_be_bytes());
        }
    }
}

fn byte(reader: &mut Reader<'_>) -> Result<u8, DecodeError> {
    reader.take(1).map(|taken| taken.first().copied().unwrap_or_default())
}

fn word(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
    let taken = reader.take(4)?;
    Ok(taken.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
}

fn text(bytes: &Bytes, reader: &mut Reader<'_>) -> Result<Option<Bytes>, DecodeError> {
    let len = match byte(reader)? {
        codes::NULL => return Ok(None),
        codes::STRING_8 => u32::from(byte(reader)?),
        codes::STRING_32 => word(reader)?,
        code => return Err(DecodeError::WrongType { field: "router metadata", code }),
    };
    let taken = reader.take(usize::try_from(len).map_err(|_| DecodeError::Truncated)?)?;
    core::str::from_utf8(taken).map_err(|_| DecodeError::BadText)?;
    Ok(Some(bytes.slice_ref(taken)))
}

fn list<'a>(reader: &mut Reader<'a>) -> Result<(Reader<'a>, u32), DecodeError> {
    let wide = match byte(reader)? {
        codes::LIST_0 => return Ok((Reader::new(&[]), 0)),
        codes::LIST_8 => false,
        codes::LIST_32 => true,
        code => return Err(DecodeError::WrongType { field: "router metadata", code }),
    };
    container(reader, wide)
}

/// What a list or map holds, and how many values it says to have.
fn container<'a>(reader: &mut Reader<'a>, wide: bool) -> Result<(Reader<'a>, u32), DecodeError> {
    let number = |from: &mut Reader<'a>| match wide {
        true => word(from),
        false => byte(from).map(u32::from),
    };
    let size = usize::try_from(number(reader)?).map_err(|_| DecodeError::Truncated)?;
    let mut inner = Reader::new(reader.take(size)?);
    let count = number(&mut inner)?;
    Ok((inner, count))
}

fn put_text(text: Option<&[u8]>, out: &mut BytesMut) {
    let Some(text) = text else {
        out.put_u8(codes::NULL);
        return;
    };
    match u8::try_from(text.len()) {
        Ok(len) => out.extend_from_slice(&[codes::STRING_8, len]),
        Err(_) => {
            out.put_u8(codes::STRING_32);
            out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        }
    }
    out.extend_from_slice(text);
}

#[cfg(test)]
fn sample() -> Metadata {
    Metadata {
        flags: 0x105,
        to: Some(Bytes::from_static(b"q/1")),
        ingress: Some(Bytes::from_static(b"0/A")),
        trace: Bytes::from_static(b"\xa1\x030/A\xa1\x030/B"),
        hops: 2,
    }
}
