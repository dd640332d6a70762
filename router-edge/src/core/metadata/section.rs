//! Version 2 of router metadata: a section in front of the message (router.md 5.2).

use bytes::{BufMut, Bytes, BytesMut};
use iofog_amqp::{DecodeError, Reader, codes};

use super::{MAX_HOPS, Metadata, byte, list, put_text, text, word};

/// Descriptor of the section, as it stands on the wire.
const DESCRIPTOR: [u8; 10] = *b"\x00\x80SKPR--RA";

/// Whether bytes begin with the section.
pub(crate) fn leads(bytes: &[u8]) -> bool {
    bytes.starts_with(&DESCRIPTOR)
}

impl Metadata {
    /// Reads the section at the front of `bytes`; gives its length too. None = more bytes needed.
    pub(crate) fn decode_section(bytes: &Bytes) -> Result<Option<(Self, usize)>, DecodeError> {
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

    /// Appends the section. `stamp`: an interior router adds itself to trace, and as ingress.
    pub(crate) fn encode_section(&self, stamp: Option<&[u8]>, out: &mut BytesMut) {
        out.extend_from_slice(&DESCRIPTOR);
        out.put_u8(codes::LIST_32);
        let size_at = out.len();
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&4_u32.to_be_bytes());
        match (self.flags, u8::try_from(self.flags)) {
            (0, _) => out.put_u8(codes::UINT_0),
            (_, Ok(small)) => out.extend_from_slice(&[codes::SMALL_UINT, small]),
            (flags, Err(_)) => {
                out.put_u8(codes::UINT);
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
}

/// Bytes that the section can reasonably have.
const MAX_SECTION: usize = 64 * 1024;

fn uint(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
    match byte(reader)? {
        codes::UINT_0 | codes::NULL => Ok(0),
        codes::SMALL_UINT => byte(reader).map(u32::from),
        codes::UINT => word(reader),
        code => Err(DecodeError::WrongType { field: "flags", code }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn round_trip_at_every_cut() {
        let mut out = BytesMut::new();
        sample().encode_section(None, &mut out);
        let len = out.len();
        out.extend_from_slice(b"\x00\x53\x77\x40");
        let bytes = out.freeze();
        assert_eq!(Metadata::decode_section(&bytes), Ok(Some((sample(), len))));
        for cut in 0..len {
            assert_eq!(Metadata::decode_section(&bytes.slice(..cut)), Ok(None), "{cut}");
        }
    }

    #[test]
    fn stamps_add_the_router_to_the_trace() {
        let mut out = BytesMut::new();
        Metadata::default().encode_section(Some(b"0/me"), &mut out);
        let (metadata, _) = Metadata::decode_section(&out.freeze()).unwrap().unwrap();
        assert_eq!(metadata.ingress.as_deref(), Some(&b"0/me"[..]));
        assert!(metadata.passed(b"0/me") && !metadata.passed(b"0/m"));
        let mut out = BytesMut::new();
        sample().encode_section(Some(b"0/C"), &mut out);
        let (metadata, _) = Metadata::decode_section(&out.freeze()).unwrap().unwrap();
        assert_eq!((metadata.hops, metadata.ingress.as_deref()), (3, Some(&b"0/A"[..])));
        assert!(metadata.passed(b"0/B") && metadata.passed(b"0/C"));
    }

    #[test]
    fn the_form_seen_on_the_wire_is_read() {
        // Flags 0, to `tq`, no ingress, empty trace.
        let bytes = Bytes::from_static(
            b"\x00\x80SKPR--RA\xd0\x00\x00\x00\x0b\x00\x00\x00\x04\x43\xa1\x02tq\x40\x45\x00",
        );
        let (metadata, len) = Metadata::decode_section(&bytes).unwrap().unwrap();
        assert_eq!(metadata.to.as_deref(), Some(&b"tq"[..]));
        assert_eq!((metadata.ingress, metadata.hops, len), (None, 0, 26));
    }

    #[test]
    fn nonsense_is_refused() {
        let none = Bytes::from_static(b"\x00\x53\x77\xa1\x05hello");
        assert_eq!(Metadata::decode_section(&none), Ok(Some((Metadata::default(), 0))));
        for bytes in [
            &b"\x00\x80SKPR--RA\x40"[..],
            b"\x00\x80SKPR--RA\xc0\x02\x01\x40\x40\x00",
            b"\x00\x80SKPR--RA\xc0\x05\x02\x43\xa1\x01\xff",
        ] {
            let bytes = Bytes::copy_from_slice(bytes);
            let result = Metadata::decode_section(&bytes);
            assert!(!matches!(result, Ok(Some((_, 0)))), "{result:?}");
        }
    }
}
