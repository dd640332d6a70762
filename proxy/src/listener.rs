//! The listening port of an ingress mapping: bound with retries, each connection a task of its own.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use crate::clients::{Activity, Clients};
use crate::context::MappingTask;
use crate::counters::MappingState;
use crate::race::{Either, race};

/// Pause before a port that is in use is tried again (proxy.md section 7).
const RETRY: Duration = Duration::from_secs(5);

/// Binds the port, trying again while it is in use or its certificate is not usable.
pub(crate) async fn bind<N>(task: &MappingTask<N>) -> TcpListener {
    let address = SocketAddr::new(task.context.listen_host, task.mapping.port);
    loop {
        match open(task, address).await {
            Ok(listener) => {
                log::info!("{}: listening on {address}", task.name);
                task.counters.set_state(MappingState::Running);
                return listener;
            }
            Err(error) => {
                log::warn!("{}: cannot listen on {address}: {error}", task.name);
                task.counters.set_state(MappingState::Failed(error));
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// A certificate that cannot be used keeps the port closed: clients must not be served plain instead.
async fn open<N>(task: &MappingTask<N>, address: SocketAddr) -> Result<TcpListener, String> {
    task.tls().map_err(|error| error.to_string())?;
    TcpListener::bind(address).await.map_err(|error| error.to_string())
}

/// Accepts connections for ever; the port stays bound whatever the router does. Above the bound clients
/// without a request make room; when there is none, connections wait in the system's queue. Dropping the
/// future ends all of them.
pub(crate) async fn run<N, F>(
    task: &MappingTask<N>,
    serve: impl Fn(TcpStream, SocketAddr, Activity) -> F,
) where
    F: Future<Output = ()> + 'static,
{
    let listener = bind(task).await;
    accept(&listener, task.context.limits.connections, &task.name, serve).await;
}

/// Accepts connections from a bound port for ever.
pub(crate) async fn accept<F>(
    listener: &TcpListener,
    most: usize,
    name: &str,
    serve: impl Fn(TcpStream, SocketAddr, Activity) -> F,
) where
    F: Future<Output = ()> + 'static,
{
    let mut clients = Clients::new(most);
    loop {
        if !clients.has_room() {
            clients.ended().await;
            continue;
        }
        let accepted = match race(listener.accept(), clients.ended()).await {
            Either::Left(accepted) => accepted,
            Either::Right(()) => continue,
        };
        match accepted.and_then(prepare) {
            Ok((stream, peer)) => clients.add(|activity| serve(stream, peer, activity)),
            Err(error) => {
                // Out of descriptors, or the client has gone already: neither ends the mapping.
                log::debug!("{name}: accept failed: {error}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

fn prepare((stream, peer): (TcpStream, SocketAddr)) -> io::Result<(TcpStream, SocketAddr)> {
    stream.set_nodelay(true)?;
    Ok((stream, peer))
}
