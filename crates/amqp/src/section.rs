//! Finds the sections of a message without decoding them: offsets only, on a message that may still be
//! arriving. Bodies are never looked into.

use core::ops::Range;

use crate::{DecodeError, Fields, Reader, codes};

/// Sections of a message, in the order they must have (AMQP 1.0 part 3, 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SectionKind {
    /// Header.
    Header,
    /// Delivery annotations.
    DeliveryAnnotations,
    /// Message annotations.
    MessageAnnotations,
    /// Properties.
    Properties,
    /// Application properties.
    ApplicationProperties,
    /// Body: data.
    Data,
    /// Body: sequence.
    Sequence,
    /// Body: value.
    Value,
    /// Footer.
    Footer,
}

impl SectionKind {
    /// The kind that a descriptor stands for.
    #[must_use]
    #[inline]
    pub const fn from_descriptor(descriptor: u64) -> Option<Self> {
        Some(match descriptor {
            codes::HEADER => Self::Header,
            codes::DELIVERY_ANNOTATIONS => Self::DeliveryAnnotations,
            codes::MESSAGE_ANNOTATIONS => Self::MessageAnnotations,
            codes::PROPERTIES => Self::Properties,
            codes::APPLICATION_PROPERTIES => Self::ApplicationProperties,
            codes::DATA => Self::Data,
            codes::AMQP_SEQUENCE => Self::Sequence,
            codes::AMQP_VALUE => Self::Value,
            codes::FOOTER => Self::Footer,
            _ => return None,
        })
    }

    /// Whether this section may come after `last`. Data and sequences may repeat; kinds of body do not mix.
    pub(crate) fn may_follow(self, last: Option<Self>) -> bool {
        match (last, self) {
            (None, _) => true,
            (Some(Self::Data), Self::Data) | (Some(Self::Sequence), Self::Sequence) => true,
            (Some(last), _) if last.is_body() => self == Self::Footer,
            (Some(last), _) => self > last,
        }
    }

    const fn is_body(self) -> bool {
        matches!(self, Self::Data | Self::Sequence | Self::Value)
    }
}

/// Where the sections in front of the body are; each range covers descriptor and value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sections {
    /// A section in front of all others that the standard does not know: router metadata (router.md 5.2).
    pub leading: Option<Range<usize>>,
    /// Descriptor of the leading section.
    pub leading_descriptor: u64,
    /// Header.
    pub header: Option<Range<usize>>,
    /// Delivery annotations.
    pub delivery_annotations: Option<Range<usize>>,
    /// Message annotations.
    pub message_annotations: Option<Range<usize>>,
    /// Properties.
    pub properties: Option<Range<usize>>,
    /// Application properties.
    pub application_properties: Option<Range<usize>>,
    /// Where the first body section (or a footer without body) begins; absent when the bytes end before.
    pub body: Option<usize>,
}

/// How far a scan came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scan {
    /// All sections in front of the body are known, or the bytes end right between two sections.
    Done(Sections),
    /// The bytes end within a section: more are needed (of a whole message: it is truncated).
    NeedMore(Sections),
}

/// Finds the sections in front of the body. Costs a few steps per section, whatever they hold.
///
/// # Errors
/// [`DecodeError`] when the bytes cannot be the start of a message.
pub fn scan(bytes: &[u8]) -> Result<Scan, DecodeError> {
    let mut sections = Sections::default();
    let mut reader = Reader::new(bytes);
    let mut last = None;
    while !reader.is_empty() {
        let start = bytes.len() - reader.rest().len();
        let descriptor = match reader.descriptor() {
            Ok(descriptor) => descriptor,
            Err(DecodeError::Truncated) => return Ok(Scan::NeedMore(sections)),
            Err(error) => return Err(error),
        };
        let kind = SectionKind::from_descriptor(descriptor);
        match kind {
            Some(kind) if !kind.may_follow(last) => return Err(DecodeError::SectionOrder),
            Some(kind) if kind >= SectionKind::Data => {
                sections.body = Some(start);
                return Ok(Scan::Done(sections));
            }
            None if start != 0 => return Err(DecodeError::UnknownDescriptor(descriptor)),
            _ => {}
        }
        match reader.skip() {
            Ok(()) => {}
            Err(DecodeError::Truncated) => return Ok(Scan::NeedMore(sections)),
            Err(error) => return Err(error),
        }
        let range = Some(start..bytes.len() - reader.rest().len());
        match kind {
            Some(SectionKind::Header) => sections.header = range,
            Some(SectionKind::DeliveryAnnotations) => sections.delivery_annotations = range,
            Some(SectionKind::MessageAnnotations) => sections.message_annotations = range,
            Some(SectionKind::Properties) => sections.properties = range,
            Some(SectionKind::ApplicationProperties) => sections.application_properties = range,
            _ => {
                sections.leading = range;
                sections.leading_descriptor = descriptor;
            }
        }
        last = kind.or(last);
    }
    Ok(Scan::Done(sections))
}

/// The `to` field of an encoded properties section (with its descriptor), without copying it.
///
/// # Errors
/// [`DecodeError`] when the section is malformed up to there.
pub fn properties_to(section: &[u8]) -> Result<Option<&str>, DecodeError> {
    let mut fields = properties_fields(section)?;
    fields.skip_fields(2)?;
    fields.str("to")
}

/// The priority of an encoded header section (with its descriptor), when it has one.
///
/// # Errors
/// [`DecodeError`] when the section is malformed up to there.
pub fn header_priority(section: &[u8]) -> Result<Option<u8>, DecodeError> {
    let mut fields = properties_fields(section)?;
    fields.skip_fields(1)?;
    fields.ubyte("priority")
}

fn properties_fields(section: &[u8]) -> Result<Fields<'_>, DecodeError> {
    let mut reader = Reader::new(section);
    reader.descriptor()?;
    Fields::enter(&mut reader)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::{Body, Header, Message, Properties, Value};

    fn sample() -> Message {
        Message {
            header: Some(Header { priority: Some(7), ..Header::default() }),
            message_annotations: Vec::from([(Value::from("x-opt-a"), Value::from(1u32))]),
            properties: Some(Properties { to: Some("q/1".into()), ..Properties::default() }),
            application_properties: Vec::from([(Value::from("k"), Value::from("v"))]),
            body: Body::Value(Value::from("hello")),
            ..Message::default()
        }
    }

    #[test]
    fn sections_are_found_at_every_cut() {
        let bytes = sample().encode();
        let Ok(Scan::Done(whole)) = scan(&bytes) else { panic!("whole message must scan") };
        let body = whole.body.unwrap();
        assert_eq!(properties_to(&bytes[whole.properties.clone().unwrap()]), Ok(Some("q/1")));
        assert_eq!(header_priority(&bytes[whole.header.clone().unwrap()]), Ok(Some(7)));
        assert_eq!(whole.application_properties.unwrap().end, body);
        for cut in 0..bytes.len() {
            match scan(&bytes[..cut]).unwrap() {
                Scan::Done(s) | Scan::NeedMore(s) => {
                    assert_eq!(s.body.is_some(), cut >= body + 3, "cut {cut}");
                }
            }
        }
    }

    #[test]
    fn leading_router_section_is_stepped_over() {
        let mut bytes = b"\x00\x80SKPR--RA\xc0\x05\x04\x43\x40\x40\x45".to_vec();
        let leading = bytes.len();
        sample().encode_to(&mut bytes);
        let Ok(Scan::Done(sections)) = scan(&bytes) else { panic!("must scan") };
        assert_eq!(sections.leading, Some(0..leading));
        assert_eq!(sections.leading_descriptor, codes::ROUTER_ANNOTATIONS);
        assert_eq!(sections.header.unwrap().start, leading);
        assert_eq!(Message::decode(&bytes.into()).unwrap(), sample());
    }

    #[test]
    fn section_order_is_enforced() {
        let mut bytes = Message { header: None, ..sample() }.encode().to_vec();
        sample().encode_to(&mut bytes);
        assert_eq!(Message::decode(&bytes.into()), Err(DecodeError::SectionOrder));
        let twice = b"\x00\x53\x70\x45\x00\x53\x70\x45";
        assert_eq!(scan(twice), Err(DecodeError::SectionOrder));
        assert_eq!(
            scan(b"\x00\x53\x70\x45\x00\x53\x60\x45"),
            Err(DecodeError::UnknownDescriptor(0x60))
        );
    }
}
