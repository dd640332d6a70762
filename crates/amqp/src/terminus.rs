//! Sources and targets: what the two ends of a link stand for (AMQP 1.0 part 3, 3.5).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{DecodeError, DeliveryState, FieldWriter, Fields, Symbol, SymbolMap, codes};

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

impl ExpiryPolicy {
    fn name(self) -> Symbol {
        Symbol::from_static(match self {
            Self::LinkDetach => "link-detach",
            Self::SessionEnd => "session-end",
            Self::ConnectionClose => "connection-close",
            Self::Never => "never",
        })
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        let name = fields.symbol("expiry-policy")?;
        Ok(match name.as_ref().map(Symbol::as_str) {
            None | Some("session-end") => Self::SessionEnd,
            Some("link-detach") => Self::LinkDetach,
            Some("connection-close") => Self::ConnectionClose,
            Some("never") => Self::Never,
            Some(_) => return Err(DecodeError::OutOfRange("expiry-policy")),
        })
    }

    fn write(self, fields: &mut FieldWriter<'_>) {
        match self {
            Self::SessionEnd => fields.null(),
            other => fields.symbol(Some(&other.name())),
        };
    }
}

/// A number whose default is 0.
fn non_zero(n: u32) -> Option<u32> {
    (n != 0).then_some(n)
}

impl Source {
    pub(crate) fn read_field(fields: &mut Fields<'_>) -> Result<Option<Box<Self>>, DecodeError> {
        let Some(reader) = fields.raw()? else { return Ok(None) };
        match reader.descriptor()? {
            codes::SOURCE => {}
            other => return Err(DecodeError::UnknownDescriptor(other)),
        }
        let mut fields = Fields::enter(reader)?;
        let source = Self {
            address: fields.address()?,
            durable: fields.uint("durable")?.unwrap_or(0),
            expiry_policy: ExpiryPolicy::read(&mut fields)?,
            timeout: fields.uint("timeout")?.unwrap_or(0),
            dynamic: fields.flag("dynamic")?,
            dynamic_node_properties: fields.symbol_map("dynamic-node-properties")?,
            distribution_mode: fields.symbol("distribution-mode")?,
            filter: fields.symbol_map("filter")?,
            default_outcome: match fields.raw()? {
                Some(reader) => Some(Box::new(DeliveryState::read(reader)?)),
                None => None,
            },
            outcomes: fields.symbols("outcomes")?,
            capabilities: fields.symbols("capabilities")?,
        };
        fields.finish()?;
        Ok(Some(Box::new(source)))
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut fields = FieldWriter::new(out, codes::SOURCE);
        fields.string(self.address.as_deref()).uint(non_zero(self.durable));
        self.expiry_policy.write(&mut fields);
        fields.uint(non_zero(self.timeout)).flag(self.dynamic);
        fields.symbol_map(&self.dynamic_node_properties);
        fields.symbol(self.distribution_mode.as_ref()).symbol_map(&self.filter);
        fields.with(self.default_outcome.as_deref(), |out, state| state.encode(out));
        fields.symbols(&self.outcomes).one_or_more(&self.capabilities);
        fields.finish();
    }
}

impl Target {
    pub(crate) fn read_field(fields: &mut Fields<'_>) -> Result<Option<Box<Self>>, DecodeError> {
        let Some(reader) = fields.raw()? else { return Ok(None) };
        let descriptor = reader.descriptor()?;
        let mut fields = Fields::enter(reader)?;
        let target = match descriptor {
            codes::TARGET => Self {
                address: fields.address()?,
                durable: fields.uint("durable")?.unwrap_or(0),
                expiry_policy: ExpiryPolicy::read(&mut fields)?,
                timeout: fields.uint("timeout")?.unwrap_or(0),
                dynamic: fields.flag("dynamic")?,
                dynamic_node_properties: fields.symbol_map("dynamic-node-properties")?,
                capabilities: fields.symbols("capabilities")?,
                coordinator: false,
            },
            codes::COORDINATOR => Self {
                capabilities: fields.symbols("capabilities")?,
                coordinator: true,
                ..Self::default()
            },
            other => return Err(DecodeError::UnknownDescriptor(other)),
        };
        fields.finish()?;
        Ok(Some(Box::new(target)))
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        if self.coordinator {
            let mut fields = FieldWriter::new(out, codes::COORDINATOR);
            fields.one_or_more(&self.capabilities);
            fields.finish();
            return;
        }
        let mut fields = FieldWriter::new(out, codes::TARGET);
        fields.string(self.address.as_deref()).uint(non_zero(self.durable));
        self.expiry_policy.write(&mut fields);
        fields.uint(non_zero(self.timeout)).flag(self.dynamic);
        fields.symbol_map(&self.dynamic_node_properties).one_or_more(&self.capabilities);
        fields.finish();
    }
}
