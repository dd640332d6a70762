//! How a router is reached: a seam, so that an in-process router needs no socket.

use std::any::Any;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream, lookup_host};

/// Any byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Unpin {
    /// The stream as the kind it is: pipes inside the process pass pieces on without a copy.
    fn as_any(&self) -> &dyn Any;
}

impl<T: AsyncRead + AsyncWrite + Unpin + 'static> Stream for T {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A byte stream of some kind.
pub type BoxStream = Box<dyn Stream>;

/// What [`Dial::dial`] returns.
pub type DialFuture<'a> = Pin<Box<dyn Future<Output = io::Result<BoxStream>> + 'a>>;

/// A way to reach the router, used again at each reconnect.
pub trait Dial {
    /// Opens a new stream.
    fn dial(&self) -> DialFuture<'_>;
}

/// Plain TCP.
#[derive(Debug, Clone)]
pub struct TcpDial {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Local address to bind to; absent = the system's choice.
    pub source: Option<IpAddr>,
}

impl TcpDial {
    /// Dials `host:port` from any local address.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port, source: None }
    }

    async fn connect(&self) -> io::Result<BoxStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "host name has no address");
        for address in lookup_host((self.host.as_str(), self.port)).await? {
            if self.source.is_some_and(|source| source.is_ipv4() != address.is_ipv4()) {
                continue;
            }
            match self.connect_to(address).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(Box::new(stream));
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn connect_to(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let Some(source) = self.source else { return TcpStream::connect(address).await };
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind(SocketAddr::new(source, 0))?;
        socket.connect(address).await
    }
}

impl Dial for TcpDial {
    fn dial(&self) -> DialFuture<'_> {
        Box::pin(self.connect())
    }
}
