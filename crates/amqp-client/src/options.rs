//! What connections and links are opened with.

use std::time::Duration;

use iofog_amqp::{ReceiverSettleMode, SenderSettleMode, Symbol, SymbolMap, Value};

use crate::Session;

/// How a client authenticates.
#[derive(Clone, Default)]
pub enum Sasl {
    /// No SASL layer.
    None,
    /// SASL ANONYMOUS.
    #[default]
    Anonymous,
    /// SASL EXTERNAL, by the certificate of the stream.
    External,
    /// SASL PLAIN.
    Plain {
        /// User name.
        username: String,
        /// Password; never logged.
        password: String,
    },
}

impl std::fmt::Debug for Sasl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Anonymous => "Anonymous",
            Self::External => "External",
            Self::Plain { .. } => "Plain",
        })
    }
}

/// How a connection is opened.
#[derive(Debug, Clone)]
pub struct ConnectionOptions {
    /// Our container id.
    pub container_id: String,
    /// The host we want to reach.
    pub hostname: Option<String>,
    /// Authentication.
    pub sasl: Sasl,
    /// Largest frame we accept, in bytes. Over a pipe inside the process, where no frame is copied, it is 64 KiB or
    /// more.
    pub max_frame_size: u32,
    /// The peer is given up after this silence; zero = never. Half of it is advertised.
    pub idle_timeout: Duration,
    /// The peer must have opened within this time.
    pub open_timeout: Duration,
    /// Extensions we have.
    pub offered_capabilities: Vec<String>,
    /// Extensions we would use.
    pub desired_capabilities: Vec<String>,
    /// Connection properties.
    pub properties: Vec<(String, Value)>,
    /// Sessions at one time, of both sides together; a router takes one for each link that it routes here.
    pub max_sessions: u16,
    /// Links attached by the peer that may wait for [`crate::Connection::accept_link`].
    pub max_incoming_links: usize,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            container_id: String::new(),
            hostname: None,
            sasl: Sasl::default(),
            max_frame_size: 16_384,
            idle_timeout: Duration::from_secs(16),
            open_timeout: Duration::from_secs(10),
            offered_capabilities: Vec::new(),
            desired_capabilities: Vec::new(),
            properties: Vec::new(),
            max_sessions: 256,
            max_incoming_links: 64,
        }
    }
}

/// How a connection that was dialled by the peer is served: for tests and for link-routed services.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// The options that both sides share; `sasl` is not used: ANONYMOUS and bare AMQP are served.
    pub connection: ConnectionOptions,
}

/// The address of a source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Address {
    /// A given address.
    Named(String),
    /// The peer makes one: see [`crate::Receiver::address`].
    Dynamic,
    /// None.
    #[default]
    Absent,
}

impl From<&str> for Address {
    fn from(name: &str) -> Self {
        Self::Named(name.to_owned())
    }
}

impl From<String> for Address {
    fn from(name: String) -> Self {
        Self::Named(name)
    }
}

/// How a sending link is attached.
#[derive(Debug, Clone, Default)]
pub struct SenderOptions {
    /// Link name; empty = one is made.
    pub name: String,
    /// Where messages go; absent = anonymous, each message says where.
    pub target: Option<String>,
    /// Address of the source, if any.
    pub source: Option<String>,
    /// Capabilities of the target.
    pub target_capabilities: Vec<Symbol>,
    /// Link extensions we have.
    pub offered_capabilities: Vec<Symbol>,
    /// Link extensions we would use.
    pub desired_capabilities: Vec<Symbol>,
    /// Link properties.
    pub properties: SymbolMap,
    /// How we settle.
    pub settle_mode: SenderSettleMode,
    /// Session to use; absent = the connection's default one.
    pub session: Option<Session>,
}

impl SenderOptions {
    /// A sender to `target`.
    #[must_use]
    pub fn to(target: impl Into<String>) -> Self {
        Self { target: Some(target.into()), ..Self::default() }
    }
}

/// How a receiving link is attached.
#[derive(Debug, Clone)]
pub struct ReceiverOptions {
    /// Link name; empty = one is made.
    pub name: String,
    /// Where messages come from.
    pub source: Address,
    /// Address of the target, if any.
    pub target: Option<String>,
    /// Capabilities of the source.
    pub source_capabilities: Vec<Symbol>,
    /// Link extensions we have.
    pub offered_capabilities: Vec<Symbol>,
    /// Link extensions we would use.
    pub desired_capabilities: Vec<Symbol>,
    /// Link properties.
    pub properties: SymbolMap,
    /// When we settle.
    pub settle_mode: ReceiverSettleMode,
    /// Deliveries granted at once; with `auto_credit` this is the most that is unsettled here.
    pub initial_credit: u32,
    /// One credit is granted again for each delivery that is settled.
    pub auto_credit: bool,
    /// Bytes of one message above which the link is detached with `amqp:link:message-size-exceeded`.
    pub max_message_size: usize,
    /// For [`Receiver::recv_stream`](crate::Receiver::recv_stream) on a session of its own: bytes of one
    /// message that may wait before the session is held up; 0 = any number. Whole messages above it
    /// never arrive by `recv`.
    pub stream_buffer: usize,
    /// Session to use; absent = the connection's default one.
    pub session: Option<Session>,
}

impl Default for ReceiverOptions {
    fn default() -> Self {
        Self {
            name: String::new(),
            source: Address::default(),
            target: None,
            source_capabilities: Vec::new(),
            offered_capabilities: Vec::new(),
            desired_capabilities: Vec::new(),
            properties: SymbolMap::new(),
            settle_mode: ReceiverSettleMode::First,
            initial_credit: 10,
            auto_credit: true,
            max_message_size: 64 * 1024 * 1024,
            stream_buffer: 0,
            session: None,
        }
    }
}

impl ReceiverOptions {
    /// A receiver from `source`.
    #[must_use]
    pub fn from(source: impl Into<Address>) -> Self {
        Self { source: source.into(), ..Self::default() }
    }
}
