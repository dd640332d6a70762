//! Writing of messages: empty sections are left out.

use alloc::vec::Vec;

use bytes::Bytes;

use super::{Body, Header, Message, Properties};
use crate::writer::{Compound, binary, descriptor};
use crate::{FieldWriter, Map, codes};

impl Message {
    /// All sections, in order.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.body_size_hint() + 128);
        self.encode_to(&mut out);
        Bytes::from(out)
    }

    /// Appends all sections, in order.
    pub fn encode_to(&self, out: &mut Vec<u8>) {
        if let Some(header) = &self.header {
            header.encode(out);
        }
        map_section(out, codes::DELIVERY_ANNOTATIONS, &self.delivery_annotations);
        map_section(out, codes::MESSAGE_ANNOTATIONS, &self.message_annotations);
        if let Some(properties) = &self.properties {
            properties.encode(out);
        }
        map_section(out, codes::APPLICATION_PROPERTIES, &self.application_properties);
        self.body.encode(out);
        map_section(out, codes::FOOTER, &self.footer);
    }

    fn body_size_hint(&self) -> usize {
        match &self.body {
            Body::Data(list) => list.iter().map(|bytes| bytes.len() + 8).sum(),
            Body::Value(crate::Value::String(text)) => text.len() + 8,
            Body::Value(crate::Value::Binary(bytes)) => bytes.len() + 8,
            _ => 0,
        }
    }
}

fn map_section(out: &mut Vec<u8>, code: u64, map: &Map) {
    if map.is_empty() {
        return;
    }
    descriptor(out, code);
    let compound = Compound::map(out);
    for (key, value) in map {
        key.encode(out);
        value.encode(out);
    }
    compound.end(out, map.len() * 2);
}

impl Body {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Empty => {}
            Self::Data(list) => {
                for bytes in list {
                    descriptor(out, codes::DATA);
                    binary(out, bytes);
                }
            }
            Self::Sequence(list) => {
                for values in list {
                    descriptor(out, codes::AMQP_SEQUENCE);
                    let compound = Compound::list(out);
                    values.iter().for_each(|value| value.encode(out));
                    compound.end(out, values.len());
                }
            }
            Self::Value(value) => {
                descriptor(out, codes::AMQP_VALUE);
                value.encode(out);
            }
        }
    }
}

impl Header {
    /// Appends the section.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut fields = FieldWriter::new(out, codes::HEADER);
        fields.flag(self.durable).ubyte(self.priority).uint(self.ttl).flag(self.first_acquirer);
        fields.uint((self.delivery_count != 0).then_some(self.delivery_count));
        fields.finish();
    }
}

impl Properties {
    /// Appends the section.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut fields = FieldWriter::new(out, codes::PROPERTIES);
        fields.value(self.message_id.as_ref()).binary(self.user_id.as_deref());
        fields.string(self.to.as_deref()).string(self.subject.as_deref());
        fields.string(self.reply_to.as_deref()).value(self.correlation_id.as_ref());
        fields.symbol(self.content_type.as_ref()).symbol(self.content_encoding.as_ref());
        fields.timestamp(self.absolute_expiry_time).timestamp(self.creation_time);
        fields.string(self.group_id.as_deref()).uint(self.group_sequence);
        fields.string(self.reply_to_group_id.as_deref());
        fields.finish();
    }
}
