//! Connections to the Controller: over an open device link where there is one, else TCP from the configured source
//! address, with TLS for https.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use iofog_http::{BoxWire, Sender};
use smol_hyper::rt::FuturesIo;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;

use super::tls::Tls;
use super::url::BaseUrl;
use super::{Access, AgentLink, ControllerError};

const CONNECT: Duration = Duration::from_secs(10);
/// Receive buffer of a connection.
const BUFFER: u32 = 16 * 1024;

/// Opens connections.
#[derive(Default)]
pub(super) struct Dialler {
    tls: Tls,
    link: RefCell<Option<AgentLink>>,
}

// === impl Dialler ===

impl Dialler {
    /// What was learnt of a Controller does not hold for the next.
    pub(super) fn forget(&self) {
        self.tls.forget();
        self.set_link(None);
    }

    /// Calls go over `link` while it is open.
    pub(super) fn set_link(&self, link: Option<AgentLink>) {
        *self.link.borrow_mut() = link;
    }

    pub(super) fn tls(&self) -> &Tls {
        &self.tls
    }

    /// A connection that takes requests.
    pub(super) async fn sender(
        &self,
        base: &BaseUrl,
        access: &Access,
    ) -> Result<Sender, ControllerError> {
        let stream = self.link.borrow().as_ref().and_then(AgentLink::open);
        let wire: BoxWire = match stream {
            Some(stream) => Box::new(FuturesIo::new(stream)),
            None => self.open(base, access).await?,
        };
        iofog_http::sender(wire).await.map_err(ControllerError::Broken)
    }

    /// A connection to the Controller's port.
    pub(super) async fn open(
        &self,
        base: &BaseUrl,
        access: &Access,
    ) -> Result<BoxWire, ControllerError> {
        if access.secure && !base.secure {
            return Err(ControllerError::Insecure);
        }
        let stream = timeout(CONNECT, dial(base, access))
            .await
            .map_err(|_| ControllerError::Timeout)?
            .map_err(ControllerError::Connect)?;
        if !base.secure {
            return Ok(Box::new(TokioIo::new(stream)));
        }
        let secured = self.tls.secure(stream, &base.host, &access.certificate);
        let secured = timeout(CONNECT, secured).await.map_err(|_| ControllerError::Timeout)??;
        Ok(Box::new(TokioIo::new(secured)))
    }
}

async fn dial(base: &BaseUrl, access: &Access) -> io::Result<TcpStream> {
    let mut last =
        io::Error::new(io::ErrorKind::NotFound, format!("host {} has no address", base.host));
    for address in lookup_host((base.host.as_str(), base.port)).await? {
        match dial_one(address, access).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn dial_one(address: SocketAddr, access: &Access) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_recv_buffer_size(BUFFER)?;
    if let Some(source) = access.source.filter(|source| source.is_ipv4() == address.is_ipv4()) {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    socket.connect(address).await
}
