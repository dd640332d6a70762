//! `begin` and `end`.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::{Error, Symbol, SymbolMap};

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
