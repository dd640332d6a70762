//! Version 1 of router metadata: keys at the end of the message annotations (router.md 5.2). Annotations of
//! users stand before them and are passed on as they are.

use bytes::{BufMut, Bytes, BytesMut};
use iofog_amqp::section::{self, Scan};
use iofog_amqp::{DecodeError, Reader, codes};

use super::{MAX_HOPS, Metadata, STREAMING, list, put_text, text};

/// What all keys begin with.
const PREFIX: &[u8] = b"x-opt-qd.";
const TO: &[u8] = b"x-opt-qd.to";
const INGRESS: &[u8] = b"x-opt-qd.ingress";
const TRACE: &[u8] = b"x-opt-qd.trace";
const STREAM: &[u8] = b"x-opt-qd.stream";
/// Bytes that header and annotations can reasonably have.
const MAX_HEAD: usize = 64 * 1024;

/// The beginning of a message, taken apart.
struct Head<'a> {
    /// Header and delivery annotations.
    before: &'a [u8],
    /// Where the message goes on behind its annotations.
    after: usize,
    /// Encoded keys and values of users.
    user: Vec<&'a [u8]>,
    /// Encoded keys and values of routers.
    router: Vec<(&'a [u8], &'a [u8])>,
    /// There was a section.
    there: bool,
}

impl<'a> Head<'a> {
    /// None = more bytes are needed.
    fn read(bytes: &'a [u8], complete: bool) -> Result<Option<Self>, DecodeError> {
        let (sections, whole) = match section::scan(bytes)? {
            Scan::Done(sections) => (sections, true),
            Scan::NeedMore(sections) => (sections, false),
        };
        let beyond = sections.properties.is_some()
            || sections.application_properties.is_some()
            || sections.body.is_some();
        if sections.message_annotations.is_none() && !beyond && !(complete && whole) {
            return match complete || bytes.len() > MAX_HEAD {
                true => Err(DecodeError::Truncated),
                false => Ok(None),
            };
        }
        if sections.leading.is_some() {
            return Err(DecodeError::SectionOrder);
        }
        let first = sections.delivery_annotations.or(sections.header).map_or(0, |range| range.end);
        let mut head = Self {
            before: bytes.get(..first).unwrap_or_default(),
            after: first,
            user: Vec::new(),
            router: Vec::new(),
            there: false,
        };
        if let Some(range) = sections.message_annotations {
            head.after = range.end;
            head.there = true;
            head.entries(bytes.get(range).unwrap_or_default())?;
        }
        Ok(Some(head))
    }

    fn entries(&mut self, section: &'a [u8]) -> Result<(), DecodeError> {
        let mut reader = Reader::new(section);
        reader.descriptor()?;
        let (mut entries, count) = map(&mut reader)?;
        for _ in 0..count / 2 {
            let start = entries.rest();
            entries.skip()?;
            let key = piece(start, entries.rest());
            let value_start = entries.rest();
            entries.skip()?;
            let value = piece(value_start, entries.rest());
            match name(key) {
                Some(name) if name.starts_with(PREFIX) => self.router.push((name, value)),
                _ => self.user.push(piece(start, entries.rest())),
            }
        }
        Ok(())
    }

    fn metadata(&self, bytes: &Bytes) -> Result<Metadata, DecodeError> {
        let mut metadata = Metadata::default();
        for (name, value) in &self.router {
            let mut value = Reader::new(value);
            match *name {
                TO => metadata.to = text(bytes, &mut value)?,
                INGRESS => metadata.ingress = text(bytes, &mut value)?,
                STREAM => metadata.flags |= STREAMING,
                TRACE => {
                    let (mut hops, count) = list(&mut value)?;
                    metadata.hops = u8::try_from(count)
                        .ok()
                        .filter(|hops| usize::from(*hops) <= MAX_HOPS)
                        .ok_or(DecodeError::TooMany)?;
                    metadata.trace = bytes.slice_ref(hops.rest());
                    for _ in 0..count {
                        text(bytes, &mut hops)?;
                    }
                }
                // Phases other than 0 belong to addresses that have way-points: there are none here.
                _ => {}
            }
        }
        Ok(metadata)
    }

    /// Writes header, delivery annotations and annotations: those of users, then `entries`.
    fn write(&self, entries: &[u8], count: usize, out: &mut BytesMut) {
        out.extend_from_slice(self.before);
        if self.user.is_empty() && count == 0 {
            return;
        }
        let users: usize = self.user.iter().map(|entry| entry.len()).sum();
        out.extend_from_slice(&[codes::DESCRIBED, codes::SMALL_ULONG, MESSAGE_ANNOTATIONS]);
        out.put_u8(codes::MAP_32);
        out.put_u32(u32::try_from(users + entries.len() + 4).unwrap_or(u32::MAX));
        out.put_u32(u32::try_from(2 * (self.user.len() + count)).unwrap_or(u32::MAX));
        for entry in &self.user {
            out.extend_from_slice(entry);
        }
        out.extend_from_slice(entries);
    }
}

/// Descriptor of the section, in one byte.
const MESSAGE_ANNOTATIONS: u8 = 0x72;

impl Metadata {
    /// As [`Metadata::take`]: users' annotations stay in the message.
    pub(super) fn take_annotations(
        bytes: &Bytes,
        complete: bool,
    ) -> Result<Option<(Self, Bytes)>, DecodeError> {
        let Some(head) = Head::read(bytes, complete)? else {
            return Ok(None);
        };
        if head.router.is_empty() {
            return Ok(Some((Self::default(), bytes.clone())));
        }
        let metadata = head.metadata(bytes)?;
        let rest = bytes.get(head.after..).unwrap_or_default();
        let mut out = BytesMut::with_capacity(bytes.len());
        head.write(&[], 0, &mut out);
        out.extend_from_slice(rest);
        Ok(Some((metadata, out.freeze())))
    }

    /// As [`Metadata::put`]: keys of routers that a client has written are dropped.
    pub(super) fn put_annotations(
        &self,
        stamp: Option<&[u8]>,
        message: &[u8],
        complete: bool,
        out: &mut BytesMut,
    ) -> Result<Option<usize>, DecodeError> {
        let Some(head) = Head::read(message, complete)? else {
            return Ok(None);
        };
        let mut entries = BytesMut::new();
        let mut count = 0;
        let mut key = |name: &[u8], entries: &mut BytesMut| {
            count += 1;
            entries.put_u8(codes::SYMBOL_8);
            entries.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
            entries.extend_from_slice(name);
        };
        if self.to.is_some() {
            key(TO, &mut entries);
            put_text(self.to.as_deref(), &mut entries);
        }
        let ingress = self.ingress.as_deref().or(stamp);
        if ingress.is_some() {
            key(INGRESS, &mut entries);
            put_text(ingress, &mut entries);
        }
        if stamp.is_some() || self.hops > 0 {
            key(TRACE, &mut entries);
            self.put_trace(stamp, &mut entries);
        }
        if self.flags & STREAMING != 0 {
            key(STREAM, &mut entries);
            entries.extend_from_slice(&[codes::SMALL_INT, 1]);
        }
        head.write(&entries, count, out);
        Ok(Some(head.after))
    }
}

/// The bytes between two positions of a reader.
fn piece<'a>(from: &'a [u8], to: &[u8]) -> &'a [u8] {
    from.get(..from.len() - to.len()).unwrap_or_default()
}

/// A key, when it is a symbol or a string.
fn name(key: &[u8]) -> Option<&[u8]> {
    match *key.first()? {
        codes::SYMBOL_8 | codes::STRING_8 => key.get(2..),
        codes::SYMBOL_32 | codes::STRING_32 => key.get(5..),
        _ => None,
    }
}

/// The entries of a map, and how many keys and values it says to have.
fn map<'a>(reader: &mut Reader<'a>) -> Result<(Reader<'a>, u32), DecodeError> {
    let wide = match super::byte(reader)? {
        codes::MAP_8 => false,
        codes::MAP_32 => true,
        code => return Err(DecodeError::WrongType { field: "message annotations", code }),
    };
    super::container(reader, wide)
}

#[cfg(test)]
mod tests {
    use iofog_amqp::{Body, Header, Message, Value};

    use super::super::sample;
    use super::*;

    fn message(annotations: &[(&'static str, &str)]) -> Bytes {
        let mut message = Message {
            header: Some(Header::default()),
            body: Body::Value(Value::from("body")),
            ..Message::default()
        };
        for (key, value) in annotations {
            let key = iofog_amqp::Symbol::from_static(key);
            message.message_annotations.push((Value::Symbol(key), Value::from(*value)));
        }
        message.properties_mut().to = Some("q".to_owned());
        message.encode()
    }

    fn put(metadata: &Metadata, stamp: Option<&[u8]>, message: &Bytes) -> Bytes {
        let mut out = BytesMut::new();
        let taken = metadata.put_annotations(stamp, message, true, &mut out).unwrap().unwrap();
        out.extend_from_slice(&message[taken..]);
        out.freeze()
    }

    fn take(bytes: &Bytes) -> (Metadata, Bytes) {
        Metadata::take_annotations(bytes, true).unwrap().unwrap()
    }

    #[test]
    fn what_was_put_is_taken_and_the_message_is_as_before() {
        let metadata = Metadata { flags: STREAMING, ..sample() };
        for annotations in [&[][..], &[("x-opt-jms-dest", "0")]] {
            let message = message(annotations);
            let sent = put(&metadata, None, &message);
            let (found, rest) = take(&sent);
            assert_eq!(found, metadata);
            let (rest, message) =
                (Message::decode(&rest).unwrap(), Message::decode(&message).unwrap());
            assert_eq!(rest, message);
        }
        let untouched = message(&[("x-opt-jms-dest", "0")]);
        assert_eq!(take(&untouched), (Metadata::default(), untouched.clone()));
    }

    #[test]
    fn stamps_and_nothing_at_all() {
        let message = message(&[]);
        assert_eq!(put(&Metadata::default(), None, &message), message, "an edge adds nothing");
        let (found, _) = take(&put(&Metadata::default(), Some(b"0/me"), &message));
        assert_eq!(found.ingress.as_deref(), Some(&b"0/me"[..]));
        assert!(found.passed(b"0/me") && found.hops == 1);
    }

    #[test]
    fn keys_that_a_client_forged_are_dropped() {
        let message = message(&[("x-opt-qd.to", "elsewhere"), ("mine", "kept")]);
        let sent = put(&Metadata::default(), Some(b"0/me"), &message);
        let (found, rest) = take(&sent);
        assert_eq!(found.to, None);
        assert_eq!(Message::decode(&rest).unwrap().message_annotations.len(), 1);
    }

    #[test]
    fn parts_of_a_message_wait_for_the_rest() {
        let whole = put(&sample(), Some(b"0/me"), &message(&[("mine", "kept")]));
        let mut known = false;
        for cut in 0..whole.len() {
            let part = whole.slice(..cut);
            match Metadata::take_annotations(&part, false).unwrap() {
                None => assert!(!known, "{cut}"),
                Some((found, _)) => {
                    known = true;
                    assert_eq!(found.hops, 3);
                }
            }
            let mut out = BytesMut::new();
            let put = sample().put_annotations(None, &part, false, &mut out).unwrap();
            assert_eq!(put.is_some(), known, "{cut}");
        }
        assert!(known);
        assert!(Metadata::take_annotations(&whole.slice(..9), true).is_err(), "truncated");
    }

    #[test]
    fn nonsense_is_refused() {
        for bytes in [
            &b"\x00\x53\x72\xc1\x03\x02\xa3\x05"[..],
            b"\x00\x53\x72\xd1\xff\xff\xff\xff\x00\x00\x00\x02",
            b"\x00\x53\x72\xa1\x01x",
            b"\x00\x53\x72\xc1\x0e\x02\xa3\x0bx-opt-qd.to",
            b"\x00\x80SKPR--RA\x45\x00\x53\x77\x40",
        ] {
            let bytes = Bytes::copy_from_slice(bytes);
            let result = Metadata::take_annotations(&bytes, true);
            assert!(result.is_err(), "{result:?}");
        }
    }
}
