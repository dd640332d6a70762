//! `begin` and `end`.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::{DecodeError, Error, FieldWriter, Fields, Reader, Symbol, SymbolMap, codes};

/// Begins a session (2.7.2).
#[derive(Debug, Clone, PartialEq)]
pub struct Begin {
    /// Channel of the `begin` that this one answers.
    pub remote_channel: Option<u16>,
    /// Id of the sender's first transfer frame.
    pub next_outgoing_id: u32,
    /// Transfer frames the sender will take.
    pub incoming_window: u32,
    /// Transfer frames the sender may have unacknowledged.
    pub outgoing_window: u32,
    /// Highest link handle the sender accepts.
    pub handle_max: u32,
    /// Extensions the sender has.
    pub offered_capabilities: Vec<Symbol>,
    /// Extensions the sender may use.
    pub desired_capabilities: Vec<Symbol>,
    /// Session properties.
    pub properties: SymbolMap,
}

impl Default for Begin {
    fn default() -> Self {
        Self {
            remote_channel: None,
            next_outgoing_id: 0,
            incoming_window: 0,
            outgoing_window: 0,
            handle_max: u32::MAX,
            offered_capabilities: Vec::new(),
            desired_capabilities: Vec::new(),
            properties: SymbolMap::new(),
        }
    }
}

/// Ends a session (2.7.8).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct End {
    /// Why, unless it is an orderly end.
    pub error: Option<Box<Error>>,
}

impl Begin {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = Fields::enter(reader)?;
        let begin = Self {
            remote_channel: fields.ushort("remote-channel")?,
            next_outgoing_id: fields.required_uint("next-outgoing-id")?,
            incoming_window: fields.required_uint("incoming-window")?,
            outgoing_window: fields.required_uint("outgoing-window")?,
            handle_max: fields.uint("handle-max")?.unwrap_or(u32::MAX),
            offered_capabilities: fields.symbols("offered-capabilities")?,
            desired_capabilities: fields.symbols("desired-capabilities")?,
            properties: fields.symbol_map("properties")?,
        };
        fields.finish()?;
        Ok(begin)
    }

    /// Appends the performative.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut fields = FieldWriter::new(out, codes::BEGIN);
        fields.ushort(self.remote_channel).uint(Some(self.next_outgoing_id));
        fields.uint(Some(self.incoming_window)).uint(Some(self.outgoing_window));
        fields.uint(Some(self.handle_max));
        fields.symbols(&self.offered_capabilities).symbols(&self.desired_capabilities);
        fields.symbol_map(&self.properties);
        fields.finish();
    }
}

impl End {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = Fields::enter(reader)?;
        let end = Self { error: Error::read_field(&mut fields)? };
        fields.finish()?;
        Ok(end)
    }

    /// Appends the performative.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut fields = FieldWriter::new(out, codes::END);
        fields.with(self.error.as_deref(), |out, error| error.encode(out));
        fields.finish();
    }
}
