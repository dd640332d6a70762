//! What every mapping of a proxy shares, and what one mapping task is given.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use iofog_tls::TlsError;
use iofog_tls::rustls::ServerConfig;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::certificates::Certificates;
use crate::counters::Counters;
use crate::domain::backlog::Backlog;
use crate::domain::budget::Budget;
use crate::domain::mapping::{Mapping, Protocol};
use crate::farewell::Farewells;
use crate::limits::Limits;
use crate::link::Network;

/// Shared by all mappings of a proxy.
pub(crate) struct Context<N> {
    /// The router, which can be exchanged.
    pub(crate) network: RefCell<Rc<N>>,
    /// Address that ingress mappings listen on.
    pub(crate) listen_host: IpAddr,
    /// Host that egress mappings connect to.
    pub(crate) target_host: String,
    /// Certificates of listening http ports; none for plain ones only.
    pub(crate) certificates: Option<Certificates>,
    /// Bounds.
    pub(crate) limits: Limits,
    /// Bytes held at one time.
    pub(crate) budget: Budget,
    /// Bytes that arrived for sockets of tunnels.
    pub(crate) backlog: Backlog,
    /// Start of the clock by which tunnels measure.
    pub(crate) start: Instant,
    /// Answer failures with 500, as the reference does.
    pub(crate) compat: bool,
    /// What starts http2 mappings; none where they are not supported.
    pub(crate) http2: Option<Starters<N>>,
}

/// What starts the mappings of one protocol. Named here and not called by name, so that a program without the
/// protocol is linked without its code.
pub(crate) struct Starters<N> {
    pub(crate) ingress: fn(MappingTask<N>) -> JoinHandle<()>,
    pub(crate) egress: fn(MappingTask<N>) -> JoinHandle<()>,
}

// Not derived: the network itself need not be one.
impl<N> Clone for Starters<N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<N> Copy for Starters<N> {}

/// One running mapping.
pub(crate) struct MappingTask<N> {
    pub(crate) context: Rc<Context<N>>,
    /// The mapping string, for logs.
    pub(crate) name: String,
    pub(crate) mapping: Mapping,
    pub(crate) counters: Rc<Counters>,
    /// Changes when the router was exchanged.
    pub(crate) router_changed: watch::Receiver<u32>,
    /// The router state of this mapping, for those that listen only while connected.
    pub(crate) router_up: watch::Sender<bool>,
    /// What its tunnels have to say before it goes.
    pub(crate) farewells: Farewells,
}

// === impl Context ===

impl<N: Network> Context<N> {
    /// The router to connect to now.
    pub(crate) fn network(&self) -> Rc<N> {
        Rc::clone(&self.network.borrow())
    }
}

// === impl MappingTask ===

impl<N> MappingTask<N> {
    /// TLS for a client that has just connected; none for a plain port. A tcp port passes on whatever its
    /// clients speak, which may well be TLS.
    pub(crate) fn tls(&self) -> Result<Option<Arc<ServerConfig>>, TlsError> {
        let protocol: &[u8] = match self.mapping.protocol {
            Protocol::Http => b"http/1.1",
            Protocol::Http2 => b"h2",
            Protocol::Tcp => return Ok(None),
        };
        match &self.context.certificates {
            Some(certificates) => certificates.of(self.mapping.port, protocol),
            None => Ok(None),
        }
    }

    /// Notes whether the links of this mapping are attached.
    pub(crate) fn connected(&self, up: bool) {
        self.counters.router_connected.set(up);
        self.router_up.send_replace(up);
    }
}
