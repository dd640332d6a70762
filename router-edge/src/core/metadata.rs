//! Router metadata of a message (router.md 5.2): one model; the codec of version 2, the section in
//! front of the message.

use bytes::Bytes;
use iofog_amqp::{DecodeError, Reader, codes};

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

/// Routers that a message may pass.
const MAX_HOPS: usize = 128;
/// Descriptor of the section, as it stands on the wire.
const DESCRIPTOR: [u8; 10] = *b"\x00\x80SKPR--RA";

/// Whether bytes begin with the section.
pub(crate) fn leads(bytes: &[u8]) -> bool {
    bytes.starts_with(&DESCRIPTOR)
}

impl Metadata {
    /// Reads the section at the front of `bytes`; gives its length too. None = more bytes needed.
    pub(crate) fn decode(bytes: &Bytes) -> Result<Option<(Self, usize)>, DecodeError> {
        if bytes.len() < DESCRIPTOR.len() {
            return Ok(None);
        }
        let mut reader = Reader::new(bytes);
        if reader.descriptor()? != codes::ROUTER_ANNOTATIONS {
            return Ok(Some((Self::default(), 0)));
        }
        match Self::fields(bytes, &mut reader) {
            Ok(metadata) => Ok(Some((metadata, bytes.len() - reader.rest().len()))),
            Err(DecodeError::Truncated) if bytes.len() < MAX_SECTION => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn fields(bytes: &Bytes, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (mut fields, count) = list(reader)?;
        let mut metadata = Self::default();
        if count > 0 {
            metadata.flags = uint(&mut fields)?;
        }
        if count > 1 {
            metadata.to = text(bytes, &mut fields)?;
        }
        if count > 2 {
            metadata.ingress = text(bytes, &mut fields)?;
        }
        if count > 3 {
            let (mut elements, hops) = list(&mut fields)?;
            metadata.hops = u8::try_from(hops)
                .ok()
                .filter(|hops| usize::from(*hops) <= MAX_HOPS)
                .ok_or(DecodeError::TooMany)?;
            metadata.trace = bytes.slice_ref(elements.rest());
            for _ in 0..hops {
                text(bytes, &mut elements)?;
            }
        }
        Ok(metadata)
    }

    /// Whether the message passed the router `node` (`0/<id>`).
    pub(crate) fn passed(&self, node: &[u8]) -> bool {
        let mut rest = Reader::new(&self.trace);
        (0..self.hops)
            .any(|_| text(&self.trace, &mut rest).ok().flatten().is_some_and(|hop| hop == node))
    }

    /// Appends the section. `stamp`: an interior router adds itself to trace, and as ingress.
    pub(crate) fn encode(&self, stamp: Option<&[u8]>, out: &mut Vec<u8>) {
        out.extend_from_slice(&DESCRIPTOR);
        out.push(codes::LIST_32);
        let size_at = out.len();
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&4_u32.to_be_bytes());
        match (self.flags, u8::try_from(self.flags)) {
            (0, _) => out.push(codes::UINT_0),
            (_, Ok(small)) => out.extend_from_slice(&[codes::SMALL_UINT, small]),
            (flags, Err(_)) => {
                out.push(codes::UINT);
                out.extend_from_slice(&flags.to_be_bytes());
            }
        }
        put_text(self.to.as_deref(), out);
        put_text(self.ingress.as_deref().or(stamp), out);
        self.put_trace(stamp, out);
        let size = u32::try_from(out.len() - size_at - 4).unwrap_or(u32::MAX);
        if let Some(place) = out.get_mut(size_at..size_at + 4) {
            place.copy_from_slice(&size.to_be_bytes());
        }
    }

    fn put_trace(&self, stamp: Option<&[u8]>, out: &mut Vec<u8>) {
        if stamp.is_none() && self.hops == 0 {
            out.push(codes::LIST_0);
            return;
        }
        out.push(codes::LIST_32);
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

/// Bytes that the section can reasonably have.
const MAX_SECTION: usize = 64 * 1024;

fn byte(reader: &mut Reader<'_>) -> Result<u8, DecodeError> {
    reader.take(1).map(|taken| taken.first().copied().unwrap_or_default())
}

fn word(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
    let taken = reader.take(4)?;
    Ok(taken.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
}

fn uint(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
    match byte(reader)? {
        codes::UINT_0 | codes::NULL => Ok(0),
        codes::SMALL_UINT => byte(reader).map(u32::from),
        codes::UINT => word(reader),
        code => Err(DecodeError::WrongType { field: "flags", code }),
    }
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
    let (size, head) = match byte(reader)? {
        codes::LIST_0 => return Ok((Reader::new(&[]), 0)),
        codes::LIST_8 => (u32::from(byte(reader)?), 1),
        codes::LIST_32 => (word(reader)?, 4),
        code => return Err(DecodeError::WrongType { field: "router metadata", code }),
    };
    let size = usize::try_from(size).map_err(|_| DecodeError::Truncated)?;
    let mut inner = Reader::new(reader.take(size)?);
    let count = if head == 1 { u32::from(byte(&mut inner)?) } else { word(&mut inner)? };
    Ok((inner, count))
}

fn put_text(text: Option<&[u8]>, out: &mut Vec<u8>) {
    let Some(text) = text else {
        out.push(codes::NULL);
        return;
    };
    match u8::try_from(text.len()) {
        Ok(len) => out.extend_from_slice(&[codes::STRING_8, len]),
        Err(_) => {
            out.push(codes::STRING_32);
            out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        }
    }
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Metadata {
        Metadata {
            flags: 0x105,
            to: Some(Bytes::from_static(b"q/1")),
            ingress: Some(Bytes::from_static(b"0/A")),
            trace: Bytes::from_static(b"\xa1\x030/A\xa1\x030/B"),
            hops: 2,
        }
    }

    #[test]
    fn round_trip_at_every_cut() {
        let mut out = Vec::new();
        sample().encode(None, &mut out);
        let len = out.len();
        out.extend_from_slice(b"\x00\x53\x77\x40");
        let bytes = Bytes::from(out);
        assert_eq!(Metadata::decode(&bytes), Ok(Some((sample(), len))));
        for cut in 0..len {
            assert_eq!(Metadata::decode(&bytes.slice(..cut)), Ok(None), "{cut}");
        }
    }

    #[test]
    fn stamps_add_the_router_to_the_trace() {
        let mut out = Vec::new();
        Metadata::default().encode(Some(b"0/me"), &mut out);
        let (metadata, _) = Metadata::decode(&out.into()).unwrap().unwrap();
        assert_eq!(metadata.ingress.as_deref(), Some(&b"0/me"[..]));
        assert!(metadata.passed(b"0/me") && !metadata.passed(b"0/m"));
        let mut out = Vec::new();
        sample().encode(Some(b"0/C"), &mut out);
        let (metadata, _) = Metadata::decode(&out.into()).unwrap().unwrap();
        assert_eq!((metadata.hops, metadata.ingress.as_deref()), (3, Some(&b"0/A"[..])));
        assert!(metadata.passed(b"0/B") && metadata.passed(b"0/C"));
    }

    #[test]
    fn the_form_seen_on_the_wire_is_read() {
        // Flags 0, to `tq`, no ingress, empty trace.
        let bytes = Bytes::from_static(
            b"\x00\x80SKPR--RA\xd0\x00\x00\x00\x0b\x00\x00\x00\x04\x43\xa1\x02tq\x40\x45\x00",
        );
        let (metadata, len) = Metadata::decode(&bytes).unwrap().unwrap();
        assert_eq!(metadata.to.as_deref(), Some(&b"tq"[..]));
        assert_eq!((metadata.ingress, metadata.hops, len), (None, 0, 26));
    }

    #[test]
    fn nonsense_is_refused() {
        let none = Bytes::from_static(b"\x00\x53\x77\xa1\x05hello");
        assert_eq!(Metadata::decode(&none), Ok(Some((Metadata::default(), 0))));
        for bytes in [
            &b"\x00\x80SKPR--RA\x40"[..],
            b"\x00\x80SKPR--RA\xc0\x02\x01\x40\x40\x00",
            b"\x00\x80SKPR--RA\xc0\x05\x02\x43\xa1\x01\xff",
        ] {
            let bytes = Bytes::copy_from_slice(bytes);
            let result = Metadata::decode(&bytes);
            assert!(!matches!(result, Ok(Some((_, 0)))), "{result:?}");
        }
    }
}
