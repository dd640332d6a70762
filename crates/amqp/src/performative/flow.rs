//! `flow`.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::{DecodeError, FieldWriter, Fields, Reader, SymbolMap, codes, writer};

/// Updates the windows of a session and, with a handle, the credit of a link (2.7.4).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Flow {
    /// Transfer id expected next; absent before the peer's `begin` was seen.
    pub next_incoming_id: Option<u32>,
    /// Transfer frames the sender will take.
    pub incoming_window: u32,
    /// Id of the sender's next transfer frame.
    pub next_outgoing_id: u32,
    /// Transfer frames the sender may still send.
    pub outgoing_window: u32,
    /// The link; absent = session only.
    pub handle: Option<u32>,
    /// Delivery count of the sender's end of the link.
    pub delivery_count: Option<u32>,
    /// Deliveries that may be sent.
    pub link_credit: Option<u32>,
    /// Deliveries waiting at the sender.
    pub available: Option<u32>,
    /// Use up the credit at once.
    pub drain: bool,
    /// An answer is wanted.
    pub echo: bool,
    /// Link state properties.
    pub properties: Option<Box<SymbolMap>>,
}

impl Flow {
    /// Reads the list that follows the descriptor.
    ///
    /// # Errors
    /// [`DecodeError`] when it is malformed.
    #[inline]
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = Fields::enter(reader)?;
        let flow = Self {
            next_incoming_id: fields.uint("next-incoming-id")?,
            incoming_window: fields.required_uint("incoming-window")?,
            next_outgoing_id: fields.required_uint("next-outgoing-id")?,
            outgoing_window: fields.required_uint("outgoing-window")?,
            handle: fields.uint("handle")?,
            delivery_count: fields.uint("delivery-count")?,
            link_credit: fields.uint("link-credit")?,
            available: fields.uint("available")?,
            drain: fields.flag("drain")?,
            echo: fields.flag("echo")?,
            properties: Some(fields.symbol_map("properties")?)
                .filter(|map| !map.is_empty())
                .map(Box::new),
        };
        fields.finish()?;
        Ok(flow)
    }

    /// Appends the performative.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut fields = FieldWriter::new(out, codes::FLOW);
        fields.uint(self.next_incoming_id).uint(Some(self.incoming_window));
        fields.uint(Some(self.next_outgoing_id)).uint(Some(self.outgoing_window));
        fields.uint(self.handle).uint(self.delivery_count).uint(self.link_credit);
        fields.uint(self.available).flag(self.drain).flag(self.echo);
        fields.with(self.properties.as_deref(), writer::symbol_map);
        fields.finish();
    }
}
