//! Whole messages, for clients (AMQP 1.0 part 3, 3.2). Routers use [`crate::section`] instead.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::{Map, Symbol, Value};

/// A message, section by section.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Message {
    /// Delivery details of this hop.
    pub header: Option<Header>,
    /// Annotations for this hop.
    pub delivery_annotations: Map,
    /// Annotations for all hops.
    pub message_annotations: Map,
    /// Standard properties.
    pub properties: Option<Properties>,
    /// The application's properties: keys are strings. Values outside of the simple types are let through.
    pub application_properties: Map,
    /// What is carried.
    pub body: Body,
    /// Details that come after the body.
    pub footer: Map,
}

/// Header section (3.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header {
    /// Survives a restart of its holder.
    pub durable: bool,
    /// 0-9; absent = 4.
    pub priority: Option<u8>,
    /// Milliseconds.
    pub ttl: Option<u32>,
    /// No one else had it before.
    pub first_acquirer: bool,
    /// Failed attempts so far.
    pub delivery_count: u32,
}

/// Properties section (3.2.4).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Properties {
    /// `ulong`, UUID, binary or string.
    pub message_id: Option<Value>,
    /// Who sent it.
    pub user_id: Option<Bytes>,
    /// Address it goes to.
    pub to: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// Address for answers.
    pub reply_to: Option<String>,
    /// `ulong`, UUID, binary or string. Other types of careless peers are let through.
    pub correlation_id: Option<Value>,
    /// MIME type.
    pub content_type: Option<Symbol>,
    /// MIME encoding.
    pub content_encoding: Option<Symbol>,
    /// Milliseconds since the Unix epoch.
    pub absolute_expiry_time: Option<i64>,
    /// Milliseconds since the Unix epoch.
    pub creation_time: Option<i64>,
    /// Group the message belongs to.
    pub group_id: Option<String>,
    /// Place in the group.
    pub group_sequence: Option<u32>,
    /// Group for answers.
    pub reply_to_group_id: Option<String>,
}

/// What a message carries.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Body {
    /// No body section at all: not quite legal, but seen from real peers.
    #[default]
    Empty,
    /// One or more data sections.
    Data(Vec<Bytes>),
    /// One or more sequences.
    Sequence(Vec<Vec<Value>>),
    /// One value.
    Value(Value),
}

impl Message {
    /// A message with one data section.
    #[must_use]
    pub fn data(bytes: impl Into<Bytes>) -> Self {
        Self { body: Body::Data(Vec::from([bytes.into()])), ..Self::default() }
    }

    /// A message with one value.
    #[must_use]
    pub fn value(value: impl Into<Value>) -> Self {
        Self { body: Body::Value(value.into()), ..Self::default() }
    }

    /// The properties, made when there are none.
    pub fn properties_mut(&mut self) -> &mut Properties {
        self.properties.get_or_insert_default()
    }

    /// An application property by name.
    #[must_use]
    pub fn application_property(&self, name: &str) -> Option<&Value> {
        lookup(&self.application_properties, name)
    }

    /// A message annotation by name.
    #[must_use]
    pub fn message_annotation(&self, name: &str) -> Option<&Value> {
        lookup(&self.message_annotations, name)
    }
}

impl Header {
    /// Priority used when the header or the field is absent.
    pub const DEFAULT_PRIORITY: u8 = 4;
}

fn lookup<'a>(map: &'a Map, name: &str) -> Option<&'a Value> {
    map.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
}
