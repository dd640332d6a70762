//! `attach` and `detach`.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{Error, Map, Source, Symbol, SymbolMap, Target};

/// Which end of a link the sender of a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sends messages.
    Sender,
    /// Receives messages.
    Receiver,
}

impl Role {
    /// The other end.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Sender => Self::Receiver,
            Self::Receiver => Self::Sender,
        }
    }

    /// Wire form: true = receiver.
    #[must_use]
    pub const fn is_receiver(self) -> bool {
        matches!(self, Self::Receiver)
    }

    /// From the wire form.
    #[must_use]
    pub const fn from_wire(receiver: bool) -> Self {
        if receiver { Self::Receiver } else { Self::Sender }
    }
}

/// How the sender settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SenderSettleMode {
    /// Never pre-settled.
    Unsettled,
    /// Always pre-settled.
    Settled,
    /// Each delivery says so (the default).
    #[default]
    Mixed,
}

/// When the receiver settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReceiverSettleMode {
    /// At once (the default).
    #[default]
    First,
    /// After the sender has settled.
    Second,
}

/// Attaches a link (2.7.3).
#[derive(Debug, Clone, PartialEq)]
pub struct Attach {
    /// Name of the link, unique between two containers per direction.
    pub name: String,
    /// Number of the link on the session, chosen by the sender of this frame.
    pub handle: u32,
    /// Role of the sender of this frame.
    pub role: Role,
    /// How the sender settles.
    pub snd_settle_mode: SenderSettleMode,
    /// When the receiver settles.
    pub rcv_settle_mode: ReceiverSettleMode,
    /// Where messages come from.
    pub source: Option<Box<Source>>,
    /// Where messages go to.
    pub target: Option<Box<Target>>,
    /// Unsettled deliveries to resume (links are never resumed here).
    pub unsettled: Map,
    /// Whether `unsettled` is only a part.
    pub incomplete_unsettled: bool,
    /// First delivery count; senders must give it.
    pub initial_delivery_count: Option<u32>,
    /// Largest message in bytes; 0 or absent = no limit.
    pub max_message_size: Option<u64>,
    /// Extensions the sender of the frame has.
    pub offered_capabilities: Vec<Symbol>,
    /// Extensions it may use.
    pub desired_capabilities: Vec<Symbol>,
    /// Link properties.
    pub properties: SymbolMap,
}

impl Attach {
    /// An attach of `role` with this name, all else default and without source or target.
    #[must_use]
    pub fn new(name: impl Into<String>, role: Role) -> Self {
        Self {
            name: name.into(),
            handle: 0,
            role,
            snd_settle_mode: SenderSettleMode::default(),
            rcv_settle_mode: ReceiverSettleMode::default(),
            source: None,
            target: None,
            unsettled: Map::new(),
            incomplete_unsettled: false,
            initial_delivery_count: None,
            max_message_size: None,
            offered_capabilities: Vec::new(),
            desired_capabilities: Vec::new(),
            properties: SymbolMap::new(),
        }
    }
}

/// Detaches a link (2.7.7).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Detach {
    /// Number of the link on the session.
    pub handle: u32,
    /// The link ends, rather than being suspended.
    pub closed: bool,
    /// Why, unless it is an orderly end.
    pub error: Option<Box<Error>>,
}
