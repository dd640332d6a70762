//! `attach` and `detach`.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{
    DecodeError, Error, FieldWriter, Fields, Map, Reader, Source, Symbol, SymbolMap, Target, Value,
    codes,
};

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

impl SenderSettleMode {
    fn read(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        Ok(match fields.ubyte("snd-settle-mode")? {
            Some(0) => Self::Unsettled,
            Some(1) => Self::Settled,
            None | Some(2) => Self::Mixed,
            Some(_) => return Err(DecodeError::OutOfRange("snd-settle-mode")),
        })
    }

    const fn code(self) -> u8 {
        match self {
            Self::Unsettled => 0,
            Self::Settled => 1,
            Self::Mixed => 2,
        }
    }
}

impl ReceiverSettleMode {
    #[inline]
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Option<Self>, DecodeError> {
        Ok(match fields.ubyte("rcv-settle-mode")? {
            None => None,
            Some(0) => Some(Self::First),
            Some(1) => Some(Self::Second),
            Some(_) => return Err(DecodeError::OutOfRange("rcv-settle-mode")),
        })
    }

    pub(super) const fn code(self) -> u8 {
        match self {
            Self::First => 0,
            Self::Second => 1,
        }
    }
}

impl Role {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        fields.bool("role")?.map(Self::from_wire).ok_or(DecodeError::MissingField("role"))
    }
}

impl Attach {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = Fields::enter(reader)?;
        let attach = Self {
            name: fields.string("name")?.ok_or(DecodeError::MissingField("name"))?,
            handle: fields.required_uint("handle")?,
            role: Role::read(&mut fields)?,
            snd_settle_mode: SenderSettleMode::read(&mut fields)?,
            rcv_settle_mode: ReceiverSettleMode::read(&mut fields)?.unwrap_or_default(),
            source: Source::read_field(&mut fields)?,
            target: Target::read_field(&mut fields)?,
            unsettled: fields.map("unsettled")?,
            incomplete_unsettled: fields.flag("incomplete-unsettled")?,
            initial_delivery_count: fields.uint("initial-delivery-count")?,
            max_message_size: fields.ulong("max-message-size")?,
            offered_capabilities: fields.symbols("offered-capabilities")?,
            desired_capabilities: fields.symbols("desired-capabilities")?,
            properties: fields.symbol_map("properties")?,
        };
        fields.finish()?;
        if attach.role == Role::Sender && attach.initial_delivery_count.is_none() {
            return Err(DecodeError::MissingField("initial-delivery-count"));
        }
        Ok(attach)
    }

    /// Appends the performative.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut fields = FieldWriter::new(out, codes::ATTACH);
        fields.string(Some(&self.name)).uint(Some(self.handle));
        fields.bool(Some(self.role.is_receiver()));
        fields.ubyte(Some(self.snd_settle_mode.code()));
        fields.ubyte(Some(self.rcv_settle_mode.code()));
        fields.with(self.source.as_deref(), |out, source| source.encode(out));
        fields.with(self.target.as_deref(), |out, target| target.encode(out));
        let unsettled = Some(&self.unsettled).filter(|map| !map.is_empty());
        fields.with(unsettled, |out, map| Value::Map(map.clone()).encode(out));
        fields.flag(self.incomplete_unsettled);
        fields.uint(self.initial_delivery_count).ulong(self.max_message_size);
        fields.symbols(&self.offered_capabilities).symbols(&self.desired_capabilities);
        fields.symbol_map(&self.properties);
        fields.finish();
    }
}

impl Detach {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = Fields::enter(reader)?;
        let detach = Self {
            handle: fields.required_uint("handle")?,
            closed: fields.flag("closed")?,
            error: Error::read_field(&mut fields)?,
        };
        fields.finish()?;
        Ok(detach)
    }

    /// Appends the performative.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut fields = FieldWriter::new(out, codes::DETACH);
        fields.uint(Some(self.handle)).flag(self.closed);
        fields.with(self.error.as_deref(), |out, error| error.encode(out));
        fields.finish();
    }
}
