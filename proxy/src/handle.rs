//! The proxy as a module of another program: start, change, look at, stop.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::rc::Rc;

use iofog_amqp_client::{Dial, Sasl, TcpDial};

use crate::certificates::Certificates;
use crate::context::{Context, Starters};
use crate::domain::backlog::Backlog;
use crate::domain::budget::Budget;
use crate::domain::config::{NetworkRouter, ProxyConfig};
use crate::http2;
use crate::limits::Limits;
use crate::link::AmqpNetwork;
use crate::status::ProxyStatus;
use crate::supervisor::Supervisor;

/// What a proxy is told by the program it runs in.
#[derive(Clone)]
pub struct ProxyOptions {
    /// Address that ingress mappings listen on.
    pub listen_host: IpAddr,
    /// Host name or address of egress targets; the reference always uses `localhost`.
    pub target_host: String,
    /// How to reach the router; absent = TCP to the configuration's `networkRouter`.
    pub dial: Option<Rc<dyn Dial>>,
    /// Local address of connections to `networkRouter`; absent = the system's choice.
    pub source_address: Option<IpAddr>,
    /// How to authenticate at the router. The reference sends no SASL layer.
    pub sasl: Sasl,
    /// Folder with certificates of listening http ports: `<port>.crt` and `<port>.key`, or `tls.crt` and
    /// `tls.key` for every port that has none of its own. Absent, or without files: plain.
    pub certificates: Option<PathBuf>,
    /// Start of the container ids of the proxy's connections.
    pub container_id: String,
    /// Bounds.
    pub limits: Limits,
    /// Answer clients with 500 where the default is 502, 503 or 504 (`IOFOG_PROXY_COMPAT=1`).
    pub compat: bool,
    /// Carries `http2` mappings; absent, they are shown as failed.
    pub http2: Option<Http2>,
}

/// The code that carries `http2` mappings. A program that never makes one of these can be linked without it: no
/// Controller orders such mappings on devices.
#[derive(Clone, Copy)]
pub struct Http2(Starters<AmqpNetwork>);

/// A running proxy; clones share it. It stops when the last handle is dropped.
#[derive(Clone)]
pub struct ProxyHandle {
    options: Rc<ProxyOptions>,
    supervisor: Rc<Supervisor<AmqpNetwork>>,
}

/// Starts a proxy on the current `LocalSet`. It does not fail: what cannot run yet is tried again, and
/// shown in the status.
pub fn start(config: ProxyConfig, options: ProxyOptions) -> ProxyHandle {
    let context = Context {
        network: RefCell::new(Rc::new(options.network(&config.network_router))),
        listen_host: options.listen_host,
        target_host: options.target_host.clone(),
        certificates: options.certificates.as_deref().map(Certificates::new),
        budget: Budget::new(options.limits.buffered),
        backlog: Backlog::new(options.limits.backlog),
        start: tokio::time::Instant::now(),
        limits: options.limits,
        compat: options.compat,
        http2: options.http2.map(|Http2(starters)| starters),
    };
    let supervisor = Rc::new(Supervisor::new(context, config.clone()));
    let handle = ProxyHandle { options: Rc::new(options), supervisor };
    handle.apply(config);
    handle
}

// === impl ProxyOptions ===

impl Default for ProxyOptions {
    /// A stand-alone proxy on a device: all interfaces, targets on this host, no SASL layer.
    fn default() -> Self {
        Self {
            listen_host: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            target_host: "localhost".to_owned(),
            dial: None,
            source_address: None,
            sasl: Sasl::None,
            certificates: None,
            container_id: "iofog-proxy".to_owned(),
            limits: Limits::default(),
            compat: false,
            http2: None,
        }
    }
}

// === impl Http2 ===

impl Http2 {
    /// The support for `http2` mappings.
    pub const fn support() -> Self {
        Self(http2::starters())
    }
}

impl ProxyOptions {
    fn network(&self, router: &NetworkRouter) -> AmqpNetwork {
        let dial: Rc<dyn Dial> = match &self.dial {
            Some(dial) => Rc::clone(dial),
            None => Rc::new(TcpDial {
                host: router.host.clone(),
                port: router.port,
                source: self.source_address,
            }),
        };
        AmqpNetwork { dial, container_id: self.container_id.clone(), sasl: self.sasl.clone() }
    }
}

// === impl ProxyHandle ===

impl ProxyHandle {
    /// Goes over to another configuration: mapping strings in both keep running. Another
    /// `networkRouter` makes them connect again, unless the router is given by the options.
    pub fn apply(&self, config: ProxyConfig) {
        let dialled = self.options.dial.is_none();
        let router = dialled.then(|| self.options.network(&config.network_router));
        self.supervisor.apply(config, router);
    }

    /// State and counters of every mapping.
    pub fn status(&self) -> ProxyStatus {
        self.supervisor.status()
    }

    /// Stops every mapping; returns when their ports are closed.
    pub async fn shutdown(&self) {
        self.supervisor.shutdown().await;
    }
}
