//! One connection of the router: its engine and what the router knows of the peer.

use std::collections::VecDeque;
use std::rc::Rc;

use iofog_amqp::{Open, Symbol, Value};
use iofog_amqp_engine::{Connection, LinkId, Millis};

use super::policy::Grant;
use super::slab::LinkKey;
use crate::config::Role;
use crate::network::Version;

/// Who dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The peer.
    In,
    /// We.
    Out,
}

/// What a new connection is for.
#[derive(Debug, Clone)]
pub struct ConnSpec {
    /// Role of its listener or connector.
    pub role: Role,
    /// Who dialled.
    pub direction: Direction,
    /// Address of the peer, or the connector's host and port: for people.
    pub host: String,
    /// Entity name of its listener or connector.
    pub name: String,
    /// Own cost.
    pub cost: u32,
    /// Credit of each sending link.
    pub capacity: u32,
    /// Made inside the process: no socket behind it.
    pub local: bool,
    /// What TLS found out, on encrypted connections.
    pub tls: Option<TlsFacts>,
}

/// An encrypted connection, as its handshake left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFacts {
    /// Version, such as `TLSv1.3`.
    pub protocol: &'static str,
    /// Cipher suite by its registered name.
    pub cipher: String,
    /// Name made from the peer's certificate, when it showed one that was believed.
    pub peer: Option<String>,
}

/// A connection.
#[derive(Debug, Clone)]
pub(crate) struct Conn {
    pub(crate) engine: Connection,
    pub(crate) spec: ConnSpec,
    /// Identity in management.
    pub(crate) number: u64,
    /// Who the peer said it is, and how; none before, and without SASL.
    pub(crate) login: Option<Login>,
    /// Opened at, by the core's clock.
    pub(crate) opened: Millis,
    /// When a delivery last began in either direction.
    pub(crate) last_delivery: Option<Millis>,
    pub(crate) open: bool,
    pub(crate) peer: Peer,
    /// Router metadata goes with messages, in this version; none towards clients.
    pub(crate) metadata: Option<Version>,
    pub(crate) cost: u32,
    links: Vec<Option<LinkKey>>,
    /// Sending links that wait for room in the output or the session's window.
    pub(crate) backlog: VecDeque<LinkKey>,
    /// Incoming links that hold too much.
    pub(crate) paused_links: u32,
    /// In the core's list of connections to look at.
    pub(crate) dirty: bool,
    /// Engine ended: only flushing is left.
    pub(crate) closed: bool,
    pub(crate) routing: Routing,
    /// What the policy gave a client; none where there is no policy for it.
    pub(crate) grant: Option<Rc<Grant>>,
    /// Sessions that a client with a grant began.
    pub(crate) sessions: u32,
}

/// A finished SASL exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) mechanism: &'static str,
    pub(crate) user: String,
}

/// What the peer told in its `open`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peer {
    pub(crate) container: String,
    pub(crate) product: Option<String>,
    pub(crate) properties: Vec<(Symbol, Value)>,
}

/// Links between routers, by purpose.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routing {
    /// Inter-router: control link towards the peer.
    pub(crate) control: Option<LinkKey>,
    /// The path engine knows about the connection.
    pub(crate) announced: bool,
    /// Inter-router: data links towards the peer, by priority.
    pub(crate) data: Vec<LinkKey>,
    /// The peer takes streaming links.
    pub(crate) streams: bool,
    /// Streaming links of ours, and those of them that wait for a stream.
    pub(crate) stream_links: u32,
    pub(crate) idle_streams: Vec<LinkKey>,
    /// Inter-router: data links that the peer sends on, by its attaches.
    pub(crate) data_in: usize,
    /// Edge, at the interior: addresses are announced over this link.
    pub(crate) tracking: Option<LinkKey>,
    /// What a client was told that asked for links to be led to it.
    pub(crate) told: Option<bool>,
}

impl Conn {
    pub(crate) fn new(engine: Connection, spec: ConnSpec, number: u64, now: Millis) -> Self {
        Self {
            engine,
            number,
            login: None,
            opened: now,
            last_delivery: None,
            open: false,
            peer: Peer::default(),
            metadata: None,
            cost: spec.cost,
            links: Vec::new(),
            backlog: VecDeque::new(),
            paused_links: 0,
            dirty: false,
            closed: false,
            routing: Routing::default(),
            grant: None,
            sessions: 0,
            spec,
        }
    }

    #[inline]
    pub(crate) fn link(&self, id: LinkId) -> Option<LinkKey> {
        self.links.get(id.index()).copied().flatten()
    }

    pub(crate) fn bind(&mut self, id: LinkId, key: Option<LinkKey>) {
        if self.links.len() <= id.index() {
            self.links.resize(id.index() + 1, None);
        }
        if let Some(place) = self.links.get_mut(id.index()) {
            *place = key;
        }
    }

    pub(crate) fn links(&self) -> impl Iterator<Item = LinkKey> {
        self.links.iter().copied().flatten()
    }

    /// The peer is a router of the network.
    pub(crate) fn is_router(&self) -> bool {
        matches!(self.spec.role, Role::InterRouter | Role::Edge)
    }

    /// The peer, a router, leads links on. Those with metadata version 2 do not, but for ours.
    pub(crate) fn routes_links(&self) -> bool {
        self.metadata == Some(Version::One) || self.peer.product.as_deref() == Some(super::PRODUCT)
    }

    /// Takes over what the peer's `open` says.
    pub(crate) fn opened_by(&mut self, open: &Open) {
        let property = |name: &str| {
            open.properties.iter().find(|(key, _)| key == name).map(|(_, value)| value)
        };
        let text = |name| property(name).and_then(Value::as_str).map(str::to_owned);
        self.peer = Peer {
            container: open.container_id.clone(),
            product: text("product"),
            properties: open.properties.clone(),
        };
        if self.is_router() {
            let version = property("qd.annotations-version").and_then(Value::as_i64);
            self.metadata = Some(if version == Some(2) { Version::Two } else { Version::One });
        }
        self.routing.streams =
            self.is_router() && open.offered_capabilities.contains(&super::streams::LINKS);
        let cost = property("qd.inter-router-cost").and_then(Value::as_u64);
        let cost = cost.and_then(|cost| u32::try_from(cost).ok()).unwrap_or(1);
        self.cost = self.spec.cost.max(cost);
        self.open = true;
    }
}
