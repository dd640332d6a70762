//! Accepts connections, bounds them, and serves HTTP/1.1 on each.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use iofog_sorted::SortedMap;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::log_lines::LogLines;
use super::route;
use super::socket::ControlSockets;
use super::watched::Watched;
use crate::bus::{Batch, Bus};
use crate::commandline::Administration;
use crate::context::AgentContext;

/// Bounds of the server; the defaults suit a small gateway.
#[derive(Clone, Copy, Debug)]
pub struct LocalApiOptions {
    /// TCP port.
    pub port: u16,
    /// TCP port of the node's Bluetooth service.
    pub bluetooth_port: u16,
    /// Connections open at once, WebSockets included.
    pub max_connections: usize,
    /// Connections open at once from one address.
    pub max_connections_per_caller: u32,
    /// Largest request body and WebSocket message in bytes.
    pub max_body_bytes: usize,
    /// Time for the head, and again for the body, of a request.
    pub request_patience: Duration,
    /// Time that a caller may take to be known: a container calls before its address is recorded.
    pub identity_patience: Duration,
}

impl Default for LocalApiOptions {
    fn default() -> Self {
        Self {
            port: 54321,
            bluetooth_port: 10500,
            max_connections: 256,
            max_connections_per_caller: 64,
            max_body_bytes: 12 << 20,
            request_patience: Duration::from_secs(20),
            identity_patience: Duration::from_secs(5),
        }
    }
}

/// The server; clones share it.
#[derive(Clone)]
pub struct LocalApi {
    pub(super) shared: Rc<Shared>,
}

pub(super) struct Shared {
    pub(super) context: AgentContext,
    pub(super) bus: Bus,
    pub(super) administration: Rc<dyn Administration>,
    pub(super) options: LocalApiOptions,
    pub(super) log_lines: RefCell<LogLines>,
    pub(super) control_sockets: ControlSockets,
    callers: RefCell<SortedMap<IpAddr, u32>>,
}

/// One connection: who calls, and what it was handed and has not confirmed.
pub(super) struct Peer {
    pub(super) address: IpAddr,
    /// Messages of the last answer: consumed when the caller goes on or closes properly.
    pub(super) handed: RefCell<Option<Batch>>,
    /// Set when a WebSocket took over: its task counts as the connection.
    pub(super) slot: Cell<Option<Slot>>,
}

/// A place among the connections; freed when dropped.
pub(super) struct Slot {
    shared: Rc<Shared>,
    address: IpAddr,
    _permit: tokio::sync::OwnedSemaphorePermit,
}

/// Listens on the node's bind address, or on all. An address of a container network may appear only after the
/// engine has started, and a port may be in use for a while: until then this waits.
///
/// # Errors
/// What the system reports, other than these two.
pub async fn bind(context: &AgentContext, port: u16) -> io::Result<TcpListener> {
    let address = context.bind_address().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let mut told = false;
    loop {
        match TcpListener::bind(SocketAddr::new(address, port)).await {
            Err(error) if is_passing(&error) => {
                if !told {
                    log::warn!(target: "local_api", "waiting for {address} port {port}: {error}");
                    told = true;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            result => return result,
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse)
}

// === impl LocalApi ===

impl LocalApi {
    /// A server over the node's shared state.
    pub fn new(
        context: AgentContext,
        bus: Bus,
        administration: Rc<dyn Administration>,
        options: LocalApiOptions,
    ) -> Self {
        let log_lines = RefCell::new(LogLines::new(&context.place().log_dir));
        let shared = Shared {
            context,
            bus,
            administration,
            options,
            log_lines,
            control_sockets: ControlSockets::default(),
            callers: RefCell::default(),
        };
        Self { shared: Rc::new(shared) }
    }

    /// Binds and serves for ever on the current `LocalSet`.
    ///
    /// # Errors
    /// When the address cannot be bound; see [`bind`].
    pub async fn run(self) -> io::Result<()> {
        let listener = bind(&self.shared.context, self.shared.options.port).await?;
        log::info!(target: "local_api", "listening on {}", listener.local_addr()?);
        self.serve(listener).await;
        Ok(())
    }

    /// Serves connections of `listener` for ever.
    pub async fn serve(self, listener: TcpListener) {
        let permits = std::sync::Arc::new(Semaphore::new(self.shared.options.max_connections));
        loop {
            let Ok(permit) = permits.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let address = peer.ip().to_canonical();
                    if let Some(slot) = Slot::take(&self.shared, address, permit) {
                        iofog_task::spawn(connection(self.clone(), stream, address, slot));
                    }
                }
                Err(error) => {
                    log::warn!(target: "local_api", "connection not accepted: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

async fn connection(api: LocalApi, stream: TcpStream, address: IpAddr, slot: Slot) {
    let _ = stream.set_nodelay(true);
    let peer = Rc::new(Peer { address, handed: RefCell::default(), slot: Cell::new(Some(slot)) });
    let (stream, broken) = Watched::new(stream);
    let patience = api.shared.options.request_patience;
    let service = service_fn(|request| {
        let (api, peer) = (api.clone(), peer.clone());
        async move { Ok::<_, Infallible>(route::answer(api, peer, request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    // A caller that closed properly has read its last answer; otherwise the messages are given back.
    if let Some(batch) = peer.handed.take()
        && served.is_ok()
        && !broken.load(Ordering::Relaxed)
    {
        batch.consumed();
    }
}

// === impl Slot ===

impl Slot {
    fn take(
        shared: &Rc<Shared>,
        address: IpAddr,
        permit: tokio::sync::OwnedSemaphorePermit,
    ) -> Option<Self> {
        let mut callers = shared.callers.borrow_mut();
        let count = callers.entry(address).or_default();
        if *count >= shared.options.max_connections_per_caller {
            return None;
        }
        *count += 1;
        Some(Self { shared: shared.clone(), address, _permit: permit })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut callers = self.shared.callers.borrow_mut();
        if let Some(count) = callers.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                callers.remove(&self.address);
            }
        }
    }
}
