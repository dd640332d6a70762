//! Reaching the Router that carries the messages.

use std::io;
use std::time::Duration;

use iofog_amqp::Value;
use iofog_amqp_client::{BoxStream, ConnectError, Connection, ConnectionOptions, Dial, TcpDial};

use super::handle::Shared;
use crate::context::RouterAccess;

/// A connection is given up when it is not open after this time.
const DIAL_PATIENCE: Duration = Duration::from_secs(10);
/// Silence after which the Router counts as lost (agent contract, 10.1: 30 s).
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens a connection to the Router that the context names.
pub(super) async fn open(
    shared: &Shared,
    access: &RouterAccess,
    number: u32,
) -> Result<Connection, ConnectError> {
    let dialled = tokio::time::timeout(DIAL_PATIENCE, dial(shared, access)).await;
    let stream = dialled.map_err(|_| ConnectError::TimedOut)??;
    let hostname = match access {
        RouterAccess::Tcp { host, .. } => Some(host.clone()),
        _ => None,
    };
    let fog = shared.context.fog_uuid();
    let options = ConnectionOptions {
        container_id: format!("iofog-agent:{fog}:{number}"),
        hostname,
        max_frame_size: 65_536,
        idle_timeout: IDLE_TIMEOUT,
        properties: vec![("product".to_owned(), Value::from("iofog-agent".to_owned()))],
        ..ConnectionOptions::default()
    };
    Connection::open(stream, options).await
}

async fn dial(shared: &Shared, access: &RouterAccess) -> io::Result<BoxStream> {
    match access {
        RouterAccess::None => Err(io::Error::from(io::ErrorKind::NotConnected)),
        RouterAccess::Local(router) => Ok(Box::new(router.connect_local())),
        RouterAccess::Tcp { host, port } => {
            let source = shared.context.bind_address();
            TcpDial { host: host.clone(), port: *port, source }.dial().await
        }
    }
}
