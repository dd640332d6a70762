//! Identifiers of one connection. All are small numbers that index tables: cheap to store and look up.

/// A session of this connection (our channel number). Reused after [`crate::Event::SessionEnded`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u16);

/// A link of this connection: dense, so a table of one entry per link can be indexed by it.
/// Reused after [`crate::Event::Detached`] was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub u32);

impl LinkId {
    /// The number as an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A delivery of one session, incoming or outgoing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeliveryKey {
    /// The session.
    pub session: SessionId,
    /// Delivery id on that session (a serial number).
    pub id: u32,
}

/// What the user of the engine wants to find again with a delivery, usually a table index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Token(pub u32);

/// A point in time: milliseconds since any fixed start. Only differences matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Millis(pub u64);

impl Millis {
    /// The time `ms` milliseconds later.
    #[must_use]
    pub const fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `then` to this time; 0 when it was not before.
    #[must_use]
    pub const fn since(self, then: Self) -> u64 {
        self.0.saturating_sub(then.0)
    }
}
