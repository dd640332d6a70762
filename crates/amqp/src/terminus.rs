//! Sources and targets: what the two ends of a link stand for (AMQP 1.0 part 3, 3.5).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{DeliveryState, Symbol, SymbolMap};

/// When a terminus expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExpiryPolicy {
    /// With the link.
    LinkDetach,
    /// With the session (the protocol's default).
    #[default]
    SessionEnd,
    /// With the connection.
    ConnectionClose,
    /// Never.
    Never,
}

/// Where messages come from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Source {
    /// Address; absent on dynamic sources of an attach and on links without one.
    pub address: Option<String>,
    /// 0 none, 1 configuration, 2 unsettled state.
    pub durable: u32,
    /// When the expiry timer starts.
    pub expiry_policy: ExpiryPolicy,
    /// Seconds that an expiring terminus is kept.
    pub timeout: u32,
    /// The peer is asked to make an address.
    pub dynamic: bool,
    /// Properties of the address to be made.
    pub dynamic_node_properties: SymbolMap,
    /// `move` or `copy`.
    pub distribution_mode: Option<Symbol>,
    /// Filters by name.
    pub filter: SymbolMap,
    /// Outcome used when the receiver gives none.
    pub default_outcome: Option<Box<DeliveryState>>,
    /// Outcomes that may be used; empty = not stated.
    pub outcomes: Vec<Symbol>,
    /// Extension capabilities.
    pub capabilities: Vec<Symbol>,
}

/// Where messages go to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Target {
    /// Address; absent = anonymous (each message says where it goes) or dynamic.
    pub address: Option<String>,
    /// 0 none, 1 configuration, 2 unsettled state.
    pub durable: u32,
    /// When the expiry timer starts.
    pub expiry_policy: ExpiryPolicy,
    /// Seconds that an expiring terminus is kept.
    pub timeout: u32,
    /// The peer is asked to make an address.
    pub dynamic: bool,
    /// Properties of the address to be made.
    pub dynamic_node_properties: SymbolMap,
    /// Extension capabilities.
    pub capabilities: Vec<Symbol>,
    /// The target is a transaction coordinator (part 4, 4.5.1); other fields but capabilities are then unused.
    pub coordinator: bool,
}

impl Source {
    /// A source with an address, all else default.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: Some(address.into()), ..Self::default() }
    }

    /// A source whose address the peer makes.
    #[must_use]
    pub fn dynamic() -> Self {
        Self { dynamic: true, ..Self::default() }
    }

    /// Whether the source offers or asks for `capability`.
    #[must_use]
    pub fn has_capability(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|c| c == capability)
    }
}

impl Target {
    /// A target with an address, all else default.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: Some(address.into()), ..Self::default() }
    }

    /// Whether the target offers or asks for `capability`.
    #[must_use]
    pub fn has_capability(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|c| c == capability)
    }
}
