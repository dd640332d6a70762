//! `open` and `close`.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{DecodeError, Error, FieldWriter, Fields, Reader, Symbol, SymbolMap, codes};

/// Negotiates the connection (2.7.1).
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    /// Id of the sending container.
    pub container_id: String,
    /// The host that the sender wants to reach.
    pub hostname: Option<String>,
    /// Largest frame the sender accepts, in bytes; at least 512.
    pub max_frame_size: u32,
    /// Highest channel number the sender accepts.
    pub channel_max: u16,
    /// Silence after which the sender gives up, in milliseconds; absent or 0 = never.
    pub idle_time_out: Option<u32>,
    /// Locales for texts sent.
    pub outgoing_locales: Vec<Symbol>,
    /// Locales wanted for texts received.
    pub incoming_locales: Vec<Symbol>,
    /// Extensions the sender has.
    pub offered_capabilities: Vec<Symbol>,
    /// Extensions the sender may use if the peer has them.
    pub desired_capabilities: Vec<Symbol>,
    /// Connection properties.
    pub properties: SymbolMap,
}

impl Default for Open {
    fn default() -> Self {
        Self {
            container_id: String::new(),
            hostname: None,
            max_frame_size: u32::MAX,
            channel_max: u16::MAX,
            idle_time_out: None,
            outgoing_locales: Vec::new(),
            incoming_locales: Vec::new(),
            offered_capabilities: Vec::new(),
            desired_capabilities: Vec::new(),
            properties: SymbolMap::new(),
        }
    }
}

/// Closes the connection (2.7.9).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Close {
    /// Why, unless it is an orderly end.
    pub error: Option<Box<Error>>,
}

impl Open {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = Fields::enter(reader)?;
        let open = Self {
            container_id: fields
                .string("container-id")?
                .ok_or(DecodeError::MissingField("container-id"))?,
            hostname: fields.string("hostname")?,
            max_frame_size: fields.uint("max-frame-size")?.unwrap_or(u32::MAX),
            channel_max: fields.ushort("channel-max")?.unwrap_or(u16::MAX),
            idle_time_out: fields.uint("idle-time-out")?,
            outgoing_locales: fields.symbols("outgoing-locales")?,
            incoming_locales: fields.symbols("incoming-locales")?,
            offered_capabilities: fields.symbols("offered-capabilities")?,
            desired_capabilities: fields.symbols("desired-capabilities")?,
            properties: fields.symbol_map("properties")?,
        };
        fields.finish()?;
        Ok(open)
    }

    /// Appends the performative.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut fields = FieldWriter::new(out, codes::OPEN);
        fields.string(Some(&self.container_id)).string(self.hostname.as_deref());
        fields.uint(Some(self.max_frame_size)).ushort(Some(self.channel_max));
        fields.uint(self.idle_time_out);
        fields.symbols(&self.outgoing_locales).symbols(&self.incoming_locales);
        fields.symbols(&self.offered_capabilities).symbols(&self.desired_capabilities);
        fields.symbol_map(&self.properties);
        fields.finish();
    }
}

impl Close {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = Fields::enter(reader)?;
        let close = Self { error: Error::read_field(&mut fields)? };
        fields.finish()?;
        Ok(close)
    }

    /// Appends the performative.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut fields = FieldWriter::new(out, codes::CLOSE);
        fields.with(self.error.as_deref(), |out, error| error.encode(out));
        fields.finish();
    }
}
