//! What the embedding program says and is told.

use std::io;
use std::net::IpAddr;

use iofog_amqp_engine::InitialSerials;
use iofog_tls::TlsError;
use thiserror::Error;

use crate::core::Drops;

/// Facts of the machine that are no part of the router's configuration.
#[derive(Debug, Clone, Default)]
pub struct RuntimeOptions {
    /// Replaces a listener host of `0.0.0.0` or none.
    pub bind_address: Option<IpAddr>,
    /// Connectors dial from this address.
    pub source_address: Option<IpAddr>,
    /// Connections that one listener serves at a time; further ones wait to be accepted. None: a quarter
    /// of the files that the process may open, so that a flooded listener leaves room for everything else.
    pub listener_connections: Option<usize>,
    /// Where the serial numbers of the protocol start; for tests of their wrap.
    pub initial: InitialSerials,
    /// The log of the process is this router's, so that management may set its level. Inside another program it
    /// is not: whoever reaches the AMQP port could turn that program's log off.
    pub owns_log: bool,
}

/// The router did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A port could not be opened.
    #[error("listener {name} cannot bind {address}")]
    Bind {
        /// Entity name.
        name: String,
        /// Address and port.
        address: String,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// Certificates, keys or trust anchors of an sslProfile cannot be used.
    #[error("{entity}: sslProfile cannot be used")]
    Tls {
        /// Listener or connector at fault.
        entity: String,
        /// Cause.
        #[source]
        source: TlsError,
    },
    /// The users file cannot be read or makes no sense.
    #[error("saslUsersFile {path}: {rule}")]
    Users {
        /// The file.
        path: String,
        /// Cause.
        rule: String,
    },
}

/// A new configuration was not taken over completely.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// Mode and id are fixed for the life of a router: stop it and start another.
    #[error("mode or id differ: the router has to be started anew")]
    Rebuild,
    /// A new listener failed; everything before it was applied, nothing after it.
    #[error("applying the new configuration failed")]
    Start(#[from] StartError),
}

/// What [`super::RouterHandle::apply`] did, in entity names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Listeners opened and connectors started.
    pub created: Vec<String>,
    /// Listeners closed and connectors stopped.
    pub deleted: Vec<String>,
}

/// One connector, now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorStatus {
    /// Entity name.
    pub name: String,
    /// An AMQP connection is open.
    pub connected: bool,
    /// The last failure, while not connected.
    pub message: String,
}

/// The router, now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouterStatus {
    /// Open connections, in-process ones included.
    pub connections: usize,
    /// Attached links.
    pub links: usize,
    /// Known mobile addresses.
    pub addresses: usize,
    /// Other interior routers that can be reached.
    pub routers: usize,
    /// An edge has its interior, or an interior every configured neighbour.
    pub uplink: bool,
    /// Names and bound addresses of the listeners.
    pub listeners: Vec<(String, std::net::SocketAddr)>,
    /// Each connector.
    pub connectors: Vec<ConnectorStatus>,
    /// Link routes that are served somewhere.
    pub link_routes: usize,
    /// Deliveries on their way.
    pub deliveries: usize,
    /// Pre-settled deliveries that were lost.
    pub presettled_drops: Drops,
    /// Deliveries taken from clients and routers.
    pub deliveries_ingress: u64,
    /// Deliveries given to clients and routers.
    pub deliveries_egress: u64,
}
