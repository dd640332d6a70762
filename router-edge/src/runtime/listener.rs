//! Listening sockets: bound also to addresses that do not exist yet, each with a task that accepts.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use iofog_tls::rustls::ServerConfig;
use log::{debug, info, warn};
use rustix::process::{Resource, getrlimit};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::driver;
use super::http;
use super::options::StartError;
use super::resolve::resolve;
use super::shared::{ListenerTask, Shared};
use super::tls::{self, Side};
use crate::config::ListenerConfig;
use crate::core::TlsFacts;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 128;
/// Open files that are counted on at most, also where the system sets no limit.
const MOST_FILES: u64 = 1 << 20;
/// Wait before accepting again after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Opens a listener and starts to accept.
pub(super) async fn open(shared: &Rc<Shared>, config: &ListenerConfig) -> Result<(), StartError> {
    let tls = Side::listener(shared, config)?.map(Rc::new);
    let fail = |address: String| {
        let name = config.name.clone();
        move |source| StartError::Bind { name, address, source }
    };
    let address = address_of(shared, config)
        .await
        .map_err(fail(format!("{}:{}", config.host, config.port)))?;
    let socket = bind(address).map_err(fail(address.to_string()))?;
    let address = socket.local_addr().map_err(fail(address.to_string()))?;
    info!("listener {} on {address}", config.name);
    let task = iofog_task::spawn(accept(Rc::clone(shared), Rc::new(config.clone()), tls, socket));
    let entry = ListenerTask { address, task };
    shared.listeners.borrow_mut().insert(config.name.clone(), entry);
    Ok(())
}

/// Where a listener binds: the bind address of the machine replaces "everywhere".
pub(super) async fn address_of(shared: &Shared, config: &ListenerConfig) -> io::Result<SocketAddr> {
    if matches!(config.host.as_str(), "" | "0.0.0.0") {
        let everywhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let address = shared.options.bind_address.unwrap_or(everywhere);
        return Ok(SocketAddr::new(address, config.port));
    }
    let found = resolve(&config.host, config.port).await?;
    found
        .first()
        .copied()
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "host has no address"))
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    // A bridge may come up after us, and vanish for a while: its address stays ours.
    if address.is_ipv4() {
        socket.set_freebind_v4(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// A quarter of the files that the process may open.
fn fair_share() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(MOST_FILES).min(MOST_FILES);
    usize::try_from(files / 4).unwrap_or(usize::MAX).max(1)
}

async fn accept(
    shared: Rc<Shared>,
    config: Rc<ListenerConfig>,
    tls: Option<Rc<Side<ServerConfig>>>,
    listener: TcpListener,
) {
    let most = shared.options.listener_connections.unwrap_or_else(fair_share);
    let places = Arc::new(Semaphore::new(most));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Small frames must not wait for each other.
                let _ = stream.set_nodelay(true);
                let (shared, config, tls) = (Rc::clone(&shared), Rc::clone(&config), tls.clone());
                iofog_task::spawn(async move {
                    let peer = peer.to_string();
                    match tls {
                        None => serve(shared, &config, peer, None, stream).await,
                        // Boxed: connections without TLS need not hold the room for it.
                        Some(tls) => Box::pin(serve_tls(shared, &config, peer, &tls, stream)).await,
                    }
                    drop(place);
                });
            }
            Err(error) => {
                warn!("listener {}: {error}", config.name);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A peer of a listener with an sslProfile: encrypted, or not where that is allowed.
async fn serve_tls(
    shared: Rc<Shared>,
    config: &ListenerConfig,
    peer: String,
    tls: &Side<ServerConfig>,
    stream: TcpStream,
) {
    if !config.require_ssl {
        match tls::begins_tls(&stream).await {
            Ok(true) => {}
            Ok(false) if config.require_encryption => {
                warn!("listener {}: {peer} does not encrypt: refused", config.name);
                return;
            }
            Ok(false) => return serve(shared, config, peer, None, stream).await,
            Err(error) => return debug!("listener {}: {peer}: {error}", config.name),
        }
    }
    match tls::accept(tls, &shared, stream).await {
        Ok((stream, facts)) => serve(shared, config, peer, Some(facts), Box::new(stream)).await,
        Err(error) => warn!("listener {}: {peer}: TLS: {error}", config.name),
    }
}

async fn serve<S>(
    shared: Rc<Shared>,
    config: &ListenerConfig,
    peer: String,
    tls: Option<TlsFacts>,
    stream: S,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if let Some(http) = config.http {
        return Box::pin(http::serve(shared, http, stream)).await;
    }
    if config.sasl.lists("PLAIN") {
        shared.users.refresh(&shared);
    }
    let now = shared.now();
    let conn = shared.core.borrow_mut().accept(config, peer, tls, now);
    driver::run(shared, conn, stream).await;
}
