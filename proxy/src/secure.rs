//! A client's connection as it is served: behind TLS when its port has a certificate, and given up when the
//! client takes nothing for too long.

use std::time::Duration;

use iofog_amqp_client::BoxStream;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::context::MappingTask;
use crate::stall::Stalling;

/// A client must have finished its handshake in this time.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// Prepares a client's connection; none when it is refused or fails.
pub(crate) async fn accept<N>(task: &MappingTask<N>, stream: TcpStream) -> Option<BoxStream> {
    let stream = Stalling::new(stream, task.context.limits.stall);
    let config = match task.tls() {
        Ok(None) => return Some(Box::new(stream)),
        Ok(Some(config)) => config,
        Err(error) => {
            log::warn!("{}: client refused: {error}", task.name);
            return None;
        }
    };
    match tokio::time::timeout(HANDSHAKE, TlsAcceptor::from(config).accept(stream)).await {
        Ok(Ok(stream)) => return Some(Box::new(stream)),
        Ok(Err(error)) => log::debug!("{}: handshake failed: {error}", task.name),
        Err(_) => log::debug!("{}: handshake not finished in time", task.name),
    }
    None
}
