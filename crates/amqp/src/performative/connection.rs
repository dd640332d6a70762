//! `open` and `close`.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{Error, Symbol, SymbolMap};

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
