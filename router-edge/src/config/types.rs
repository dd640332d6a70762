//! The configuration types: one struct per entity, defaults from router.md section 8.

use std::fmt;
use std::rc::Rc;

use super::{AutoLinkConfig, LinkRouteConfig, PolicyConfig, SslProfile};

/// Name of a router in its network; for an ioFog node its fog UUID. Also the AMQP container-id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouterId(Rc<str>);

/// What part a router plays in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// No links to other routers.
    #[default]
    Standalone,
    /// Full member of the network: computes paths, accepts edges.
    Interior,
    /// Hangs below one interior router and takes no part in path computation.
    Edge,
}

/// What a listener or connector carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Role {
    /// Clients.
    #[default]
    Normal,
    /// Another interior router.
    InterRouter,
    /// A broker or container that link routes lead to.
    RouteContainer,
    /// An edge router (listener) or the interior above (connector).
    Edge,
}

/// How messages to an address are spread over its consumers (router.md 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Treatment {
    /// One consumer, the least loaded.
    #[default]
    Balanced,
    /// One consumer, the nearest.
    Closest,
    /// Every consumer once.
    Multicast,
    /// No consumer: attaches are refused.
    Unavailable,
    /// Link routes only: the container with the fewest links.
    LinkBalanced,
}

/// What becomes of pre-settled messages that a slow receiver does not take (decision 0080).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// They wait, and their sender gets no further credit.
    #[default]
    Hold,
    /// The oldest is dropped and counted.
    Drop,
}

/// SASL mechanisms that a listener offers or a connector may choose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sasl {
    /// Mechanism names in order; empty = ANONYMOUS.
    pub mechanisms: Vec<String>,
    /// User name of a connector (PLAIN).
    pub username: Option<String>,
    /// Password of a connector (PLAIN). Never logged.
    pub password: Option<Secret>,
}

/// A string that does not show in `Debug` output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

/// Timers and defaults of the router itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Seconds between HELLO messages.
    pub hello_interval: u32,
    /// Seconds without HELLO after which a neighbour is lost.
    pub hello_max_age: u32,
    /// Seconds between RA messages in quiet times.
    pub ra_interval: u32,
    /// Seconds between RA messages while the topology changes.
    pub ra_interval_flux: u32,
    /// Seconds after which the link state of a silent router expires.
    pub remote_ls_max_age: u32,
    /// Seconds for which the addresses of an unreachable router are kept.
    pub unreachable_holdoff: u32,
    /// Treatment of addresses that no rule names.
    pub default_distribution: Treatment,
    /// Of addresses whose rule says nothing.
    pub presettled_overflow: Overflow,
    /// Free text shown by management.
    pub metadata: Option<String>,
    /// Users that may authenticate by PLAIN (decision 0020).
    pub sasl_users_file: Option<String>,
}

/// Serves health and metrics instead of AMQP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpConfig {
    /// Serve `GET /healthz`.
    pub healthz: bool,
    /// Serve `GET /metrics`.
    pub metrics: bool,
}

/// A port on which the router accepts connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerConfig {
    /// Entity name; equal names mean an unchanged listener.
    pub name: String,
    /// Address to bind; empty or `0.0.0.0` = all.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Role of the connections accepted.
    pub role: Role,
    /// Path cost of an inter-router connection.
    pub cost: u32,
    /// Name of the sslProfile, when TLS.
    pub ssl_profile: Option<String>,
    /// With a profile: only TLS; without this the first byte decides between TLS and plain AMQP.
    pub require_ssl: bool,
    /// Refuse peers that do not encrypt.
    pub require_encryption: bool,
    /// SASL offered.
    pub sasl: Sasl,
    /// Refuse peers that do not authenticate.
    pub authenticate_peer: bool,
    /// Largest frame accepted, bytes.
    pub max_frame_size: u32,
    /// Sessions allowed on a connection.
    pub max_sessions: u16,
    /// Idle time-out, seconds; 0 = none.
    pub idle_timeout: u32,
    /// Credit issued to each sending link.
    pub link_capacity: u32,
    /// When set the port speaks HTTP.
    pub http: Option<HttpConfig>,
}

/// A connection that the router opens and keeps open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorConfig {
    /// Entity name; equal names mean an unchanged connector.
    pub name: String,
    /// Host to dial.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Role of the connection.
    pub role: Role,
    /// Path cost of an inter-router connection.
    pub cost: u32,
    /// Name of the sslProfile, when TLS.
    pub ssl_profile: Option<String>,
    /// SASL allowed.
    pub sasl: Sasl,
    /// Check the server certificate's name.
    pub verify_hostname: bool,
    /// Largest frame accepted, bytes.
    pub max_frame_size: u32,
    /// Idle time-out, seconds; 0 = none.
    pub idle_timeout: u32,
    /// Credit issued to each sending link.
    pub link_capacity: u32,
}

/// Says how addresses under a prefix or pattern are treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRule {
    /// Entity name.
    pub name: Option<String>,
    /// Tokens split on `.` and `/`; `*` one token, `#` zero or more. A prefix ends in `#`.
    pub pattern: String,
    /// The treatment.
    pub distribution: Treatment,
    /// What becomes of pre-settled messages beyond what the receiver takes; none = as the router says.
    pub presettled_overflow: Option<Overflow>,
    /// Priority 0-9 of messages that carry none.
    pub priority: Option<u8>,
}

/// Everything that a router needs to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterConfig {
    /// Part in the network; fixed for the life of the router.
    pub mode: Mode,
    /// Name in the network; fixed for the life of the router.
    pub id: RouterId,
    /// Timers and defaults.
    pub settings: Settings,
    /// Ports to accept on.
    pub listeners: Vec<ListenerConfig>,
    /// Connections to keep.
    pub connectors: Vec<ConnectorConfig>,
    /// Treatment rules.
    pub addresses: Vec<AddressRule>,
    /// TLS profiles by name.
    pub ssl_profiles: Vec<SslProfile>,
    /// Links that are led to containers.
    pub link_routes: Vec<LinkRouteConfig>,
    /// Links that the router attaches to containers.
    pub auto_links: Vec<AutoLinkConfig>,
    /// Limits that clients are held to.
    pub policy: PolicyConfig,
}

// === impl RouterId ===

impl RouterId {
    /// Takes any text; [`RouterConfig`] readers check that it has no white space.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self(Rc::from(id))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RouterId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for RouterId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", &self.0)
    }
}

impl From<&str> for RouterId {
    fn from(id: &str) -> Self {
        Self::new(id)
    }
}

// === impl Secret ===

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("(secret)")
    }
}

// === names on the wire and in files ===

impl Mode {
    /// Name in configuration and management.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::Interior => "interior",
            Self::Edge => "edge",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Standalone, Self::Interior, Self::Edge]
            .into_iter()
            .find(|mode| mode.as_str() == name)
    }
}

impl Role {
    /// Name in configuration and management.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::InterRouter => "inter-router",
            Self::RouteContainer => "route-container",
            Self::Edge => "edge",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Normal, Self::InterRouter, Self::RouteContainer, Self::Edge]
            .into_iter()
            .find(|role| role.as_str() == name)
    }
}

impl Treatment {
    /// Name in configuration and management.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Balanced => "balanced",
            Self::Closest => "closest",
            Self::Multicast => "multicast",
            Self::Unavailable => "unavailable",
            Self::LinkBalanced => "linkBalanced",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Balanced, Self::Closest, Self::Multicast, Self::Unavailable, Self::LinkBalanced]
            .into_iter()
            .find(|treatment| treatment.as_str() == name)
    }
}

impl Overflow {
    /// Name in configuration and management.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Drop => "drop",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Hold, Self::Drop].into_iter().find(|overflow| overflow.as_str() == name)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hello_interval: 1,
            hello_max_age: 3,
            ra_interval: 30,
            ra_interval_flux: 4,
            remote_ls_max_age: 60,
            unreachable_holdoff: 1,
            default_distribution: Treatment::Balanced,
            presettled_overflow: Overflow::Hold,
            metadata: None,
            sasl_users_file: None,
        }
    }
}

impl ListenerConfig {
    /// A plain AMQP listener with every default of router.md section 8.
    #[must_use]
    pub fn new(role: Role, host: &str, port: u16) -> Self {
        Self {
            name: format!("listener-{}-{host}-{port}", role.as_str()),
            host: host.to_owned(),
            port,
            role,
            cost: 1,
            ssl_profile: None,
            require_ssl: false,
            require_encryption: false,
            sasl: Sasl::default(),
            authenticate_peer: false,
            max_frame_size: DEFAULT_FRAME_SIZE,
            max_sessions: DEFAULT_SESSIONS,
            idle_timeout: DEFAULT_IDLE_TIMEOUT,
            link_capacity: DEFAULT_LINK_CAPACITY,
            http: None,
        }
    }
}

impl ConnectorConfig {
    /// A plain AMQP connector with every default of router.md section 8.
    #[must_use]
    pub fn new(name: &str, role: Role, host: &str, port: u16) -> Self {
        Self {
            name: format!("connector-{name}-{}-{host}-{port}", role.as_str()),
            host: host.to_owned(),
            port,
            role,
            cost: 1,
            ssl_profile: None,
            sasl: Sasl::default(),
            verify_hostname: true,
            max_frame_size: DEFAULT_FRAME_SIZE,
            idle_timeout: DEFAULT_IDLE_TIMEOUT,
            link_capacity: DEFAULT_LINK_CAPACITY,
        }
    }
}

impl RouterConfig {
    /// A router without listeners or connectors.
    #[must_use]
    pub fn new(mode: Mode, id: &str) -> Self {
        Self {
            mode,
            id: RouterId::new(id),
            settings: Settings::default(),
            listeners: Vec::new(),
            connectors: Vec::new(),
            addresses: Vec::new(),
            ssl_profiles: Vec::new(),
            link_routes: Vec::new(),
            auto_links: Vec::new(),
            policy: PolicyConfig::default(),
        }
    }
}

/// Bytes of the largest frame we accept by default.
pub(crate) const DEFAULT_FRAME_SIZE: u32 = 16_384;
/// Sessions of a connection by default.
pub(crate) const DEFAULT_SESSIONS: u16 = 32_768;
/// Seconds of the idle time-out by default.
pub(crate) const DEFAULT_IDLE_TIMEOUT: u32 = 16;
/// Credit of a link by default.
pub(crate) const DEFAULT_LINK_CAPACITY: u32 = 250;
