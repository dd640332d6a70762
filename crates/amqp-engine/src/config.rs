//! What a connection is told when it is made.

use iofog_amqp::{Symbol, SymbolMap};

/// Limits and identity of one connection. The defaults are those of router.md section 3.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which side we are, and how the peers authenticate.
    pub security: Security,
    /// Our container id.
    pub container_id: String,
    /// The host we want to reach (clients).
    pub hostname: Option<String>,
    /// Largest frame we accept, in bytes; at least 512.
    pub max_frame_size: u32,
    /// Silence after which the peer should think we are gone: half of what we tolerate, in ms; 0 = never.
    pub idle_timeout_ms: u32,
    /// Sessions at one time (both sides together).
    pub max_sessions: u16,
    /// Links at one time on one session (both sides together); also our `handle-max` + 1.
    pub max_links_per_session: u32,
    /// Transfer frames of one session that may be waiting for us.
    pub incoming_window: u32,
    /// The same in bytes: of large frames fewer may wait, but never fewer than some.
    pub incoming_window_bytes: usize,
    /// Unsettled outgoing deliveries of one session; more are refused with [`crate::SendError::Unsettled`].
    pub max_unsettled: usize,
    /// Bytes of output above which [`crate::Connection::send`] refuses with [`crate::SendError::Output`].
    pub output_limit: usize,
    /// Payloads from this size on are handed to the driver without a copy, in bytes.
    pub splice_from: usize,
    /// Extensions we have.
    pub offered_capabilities: Vec<Symbol>,
    /// Extensions we would use.
    pub desired_capabilities: Vec<Symbol>,
    /// Properties of our `open`.
    pub properties: SymbolMap,
    /// Where serial numbers start; for tests of the wrap.
    pub initial: InitialSerials,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            security: Security::Client(ClientSasl::Anonymous),
            container_id: String::new(),
            hostname: None,
            max_frame_size: 16_384,
            idle_timeout_ms: 8_000,
            max_sessions: 256,
            max_links_per_session: 4_096,
            incoming_window: 512,
            incoming_window_bytes: 2 * 1024 * 1024,
            max_unsettled: 65_536,
            output_limit: 256 * 1024,
            splice_from: 4_096,
            offered_capabilities: Vec::new(),
            desired_capabilities: Vec::new(),
            properties: SymbolMap::new(),
            initial: InitialSerials::default(),
        }
    }
}

/// First values of our serial numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct InitialSerials {
    /// First transfer id of a session.
    pub transfer_id: u32,
    /// First delivery id of a session.
    pub delivery_id: u32,
    /// First delivery count of our sending links.
    pub delivery_count: u32,
}

/// Which side we are, and how the peers authenticate.
#[derive(Debug, Clone)]
pub enum Security {
    /// We dialled.
    Client(ClientSasl),
    /// We were dialled.
    Server(ServerSasl),
}

/// What a client does for authentication.
#[derive(Clone)]
pub enum ClientSasl {
    /// No SASL layer at all.
    None,
    /// SASL ANONYMOUS.
    Anonymous,
    /// SASL EXTERNAL: the identity of the TLS certificate.
    External,
    /// SASL PLAIN.
    Plain {
        /// User name.
        username: String,
        /// Password; never logged.
        password: String,
    },
    /// The first of these that the server offers.
    Offered(Vec<ClientSasl>),
}

impl core::fmt::Debug for ClientSasl {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Anonymous => "Anonymous",
            Self::External => "External",
            Self::Plain { .. } => "Plain",
            Self::Offered(_) => "Offered",
        })
    }
}

/// What a server offers.
#[derive(Debug, Clone)]
pub struct ServerSasl {
    /// Offered in this order.
    pub mechanisms: Vec<Mechanism>,
    /// A peer may skip SASL (router.md section 3: `authenticatePeer` false).
    pub allow_bare: bool,
}

impl Default for ServerSasl {
    fn default() -> Self {
        Self { mechanisms: vec![Mechanism::Anonymous], allow_bare: true }
    }
}

/// SASL mechanisms that a server can offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// Accepted without asking.
    Anonymous,
    /// Asks by [`crate::Event::Authenticate`].
    External,
    /// Asks by [`crate::Event::Authenticate`].
    Plain,
}

impl Mechanism {
    /// Name on the wire.
    #[must_use]
    pub const fn name(self) -> Symbol {
        Symbol::from_static(match self {
            Self::Anonymous => "ANONYMOUS",
            Self::External => "EXTERNAL",
            Self::Plain => "PLAIN",
        })
    }
}
