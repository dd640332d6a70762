//! Published ports: every connection to the node's port is carried to the container, without a packet filter.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::engine::native::record::{Published, Record};

/// Connections of one port at once; more wait to be accepted.
const MAX_CONNECTIONS: usize = 256;
/// Senders of one UDP port that are remembered.
const MAX_PEERS: usize = 256;
const BUFFER: usize = 8 << 10;
const CONNECT: Duration = Duration::from_secs(10);
/// A UDP sender that was silent for this long is forgotten.
const UDP_IDLE: Duration = Duration::from_secs(60);

/// Ports that are bound.
#[derive(Default)]
pub(super) struct Forwarders {
    tcp: Vec<(std::net::TcpListener, SocketAddr)>,
    udp: Vec<(std::net::UdpSocket, SocketAddr)>,
}

// === impl Forwarders ===

impl Forwarders {
    /// Binds all ports of the container.
    ///
    /// # Errors
    /// Naming the port that is in use.
    pub(super) fn bind(record: &Record) -> io::Result<Self> {
        let mut forwarders = Self::default();
        let Some(inside) = record.address else { return Ok(forwarders) };
        for published in &record.ports {
            let outside = outside(published);
            let target = SocketAddr::new(IpAddr::V4(inside), published.port.internal);
            let name = |error: io::Error| {
                io::Error::new(error.kind(), format!("port {outside} cannot be published: {error}"))
            };
            if published.port.udp {
                let socket = std::net::UdpSocket::bind(outside).map_err(name)?;
                socket.set_nonblocking(true)?;
                forwarders.udp.push((socket, target));
            } else {
                let listener = std::net::TcpListener::bind(outside).map_err(name)?;
                listener.set_nonblocking(true)?;
                forwarders.tcp.push((listener, target));
            }
        }
        Ok(forwarders)
    }

    /// Serves them on the local task set, for as long as it lives.
    pub(super) fn run(&self) {
        for (listener, target) in &self.tcp {
            if let Ok(listener) = listener.try_clone().and_then(TcpListener::from_std) {
                iofog_task::spawn(serve_tcp(listener, *target));
            }
        }
        for (socket, target) in &self.udp {
            if let Ok(socket) = socket.try_clone().and_then(UdpSocket::from_std) {
                iofog_task::spawn(serve_udp(Rc::new(socket), *target));
            }
        }
    }
}

fn outside(published: &Published) -> SocketAddr {
    SocketAddr::new(
        published.host.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        published.port.external,
    )
}

async fn serve_tcp(listener: TcpListener, target: SocketAddr) {
    let permits = std::sync::Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((mut client, _)) => {
                iofog_task::spawn(async move {
                    let _permit = permit;
                    let Ok(Ok(mut server)) = timeout(CONNECT, TcpStream::connect(target)).await
                    else {
                        return;
                    };
                    let _ = (client.set_nodelay(true), server.set_nodelay(true));
                    let _ = copy_bidirectional_with_sizes(&mut client, &mut server, BUFFER, BUFFER)
                        .await;
                });
            }
            // Out of files or such: passing.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn serve_udp(outer: Rc<UdpSocket>, target: SocketAddr) {
    let mut peers: HashMap<SocketAddr, (Rc<UdpSocket>, Instant)> = HashMap::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let Ok((count, peer)) = outer.recv_from(&mut buffer).await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let now = Instant::now();
        if !peers.contains_key(&peer) {
            peers.retain(|_, (socket, seen)| {
                Rc::strong_count(socket) > 1 && now.duration_since(*seen) < UDP_IDLE
            });
            if peers.len() >= MAX_PEERS {
                continue;
            }
            let Ok(inner) = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await else { continue };
            if inner.connect(target).await.is_err() {
                continue;
            }
            let inner = Rc::new(inner);
            iofog_task::spawn(answer_udp(outer.clone(), inner.clone(), peer));
            peers.insert(peer, (inner, now));
        }
        if let Some((inner, seen)) = peers.get_mut(&peer) {
            *seen = now;
            // Datagrams may be lost; that is their nature.
            let _ = inner.try_send(&buffer[..count]);
        }
    }
}

/// Carries answers back until the container is silent for long enough.
async fn answer_udp(outer: Rc<UdpSocket>, inner: Rc<UdpSocket>, peer: SocketAddr) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(Ok(count)) = timeout(UDP_IDLE, inner.recv(&mut buffer)).await {
        let _ = outer.send_to(&buffer[..count], peer).await;
    }
}
