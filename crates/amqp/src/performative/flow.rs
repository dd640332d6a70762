//! `flow`.

use alloc::boxed::Box;

use crate::SymbolMap;

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
