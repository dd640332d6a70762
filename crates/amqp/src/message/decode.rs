//! Reading of messages: data sections are slices of what came in.

use alloc::vec::Vec;

use bytes::Bytes;

use super::{Body, Header, Message, Properties};
use crate::section::SectionKind;
use crate::value::Budget;
use crate::{DecodeError, Fields, Map, Reader, Value, codes};

/// Body sections in one message: a message of empty ones must not become a long list.
const MAX_BODY_SECTIONS: usize = 65_536;

impl Message {
    /// Reads a whole message. A leading section that routers put in front (router.md 5.2) is stepped over, and
    /// a footer may stand before the body, where rhea puts it.
    ///
    /// # Errors
    /// [`DecodeError`] when it is malformed or above the bounds of [`Value::decode`].
    pub fn decode(bytes: &Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::shared(bytes);
        let mut message = Self::default();
        let mut last = None;
        let mut early_footer = false;
        while !reader.is_empty() {
            let first = reader.rest().len() == bytes.len();
            let Some(kind) = SectionKind::from_descriptor(reader.descriptor()?) else {
                if !first {
                    return Err(DecodeError::SectionOrder);
                }
                reader.skip()?;
                continue;
            };
            let is_footer = kind == SectionKind::Footer;
            let misplaced = early_footer && (is_footer || kind < SectionKind::Data);
            if misplaced || !kind.may_follow(last) {
                return Err(DecodeError::SectionOrder);
            }
            if is_footer && last < Some(SectionKind::Data) {
                early_footer = true;
            } else {
                last = Some(kind);
            }
            message.read_section(kind, &mut reader)?;
        }
        Ok(message)
    }

    fn read_section(
        &mut self,
        kind: SectionKind,
        reader: &mut Reader<'_>,
    ) -> Result<(), DecodeError> {
        match kind {
            SectionKind::Header => self.header = Some(Header::read(reader)?),
            SectionKind::DeliveryAnnotations => self.delivery_annotations = map(reader)?,
            SectionKind::MessageAnnotations => self.message_annotations = map(reader)?,
            SectionKind::Properties => self.properties = Some(Properties::read(reader)?),
            SectionKind::ApplicationProperties => self.application_properties = map(reader)?,
            SectionKind::Data => {
                let Value::Binary(bytes) = reader.any()? else {
                    return Err(DecodeError::WrongType { field: "data", code: codes::NULL });
                };
                match &mut self.body {
                    Body::Data(list) => push_bounded(list, bytes)?,
                    body => *body = Body::Data(Vec::from([bytes])),
                }
            }
            SectionKind::Sequence => {
                let Value::List(values) = reader.any()? else {
                    return Err(DecodeError::WrongType {
                        field: "amqp-sequence",
                        code: codes::NULL,
                    });
                };
                match &mut self.body {
                    Body::Sequence(list) => push_bounded(list, values)?,
                    body => *body = Body::Sequence(Vec::from([values])),
                }
            }
            SectionKind::Value => self.body = Body::Value(reader.any()?),
            SectionKind::Footer => self.footer = map(reader)?,
        }
        Ok(())
    }
}

fn push_bounded<T>(list: &mut Vec<T>, item: T) -> Result<(), DecodeError> {
    if list.len() >= MAX_BODY_SECTIONS {
        return Err(DecodeError::TooMany);
    }
    list.push(item);
    Ok(())
}

fn map(reader: &mut Reader<'_>) -> Result<Map, DecodeError> {
    match reader.value(&mut Budget::default())? {
        Value::Map(map) => Ok(map),
        // Some peers send an empty section as null.
        Value::Null => Ok(Map::new()),
        _ => Err(DecodeError::WrongType { field: "map section", code: codes::NULL }),
    }
}

impl Header {
    /// Reads the list that follows the descriptor.
    ///
    /// # Errors
    /// [`DecodeError`] when it is malformed.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = Fields::enter(reader)?;
        let header = Self {
            durable: fields.flag("durable")?,
            priority: fields.ubyte("priority")?,
            ttl: fields.uint("ttl")?,
            first_acquirer: fields.flag("first-acquirer")?,
            delivery_count: fields.uint("delivery-count")?.unwrap_or(0),
        };
        fields.finish()?;
        Ok(header)
    }
}

impl Properties {
    /// Reads the list that follows the descriptor.
    ///
    /// # Errors
    /// [`DecodeError`] when it is malformed.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = Fields::enter(reader)?;
        let properties = Self {
            message_id: fields.value()?,
            user_id: fields.bytes("user-id")?,
            to: fields.string("to")?,
            subject: fields.string("subject")?,
            reply_to: fields.string("reply-to")?,
            correlation_id: fields.value()?,
            content_type: fields.symbol("content-type")?,
            content_encoding: fields.symbol("content-encoding")?,
            absolute_expiry_time: fields.timestamp("absolute-expiry-time")?,
            creation_time: fields.timestamp("creation-time")?,
            group_id: fields.string("group-id")?,
            group_sequence: fields.uint("group-sequence")?,
            reply_to_group_id: fields.string("reply-to-group-id")?,
        };
        fields.finish()?;
        Ok(properties)
    }
}
