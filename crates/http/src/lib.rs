//! Requests over HTTP/1.1. Every client of a device's programs goes through here: the protocol is compiled once for each kind
//! of connection and of body, so that there is one of each.

mod get;
mod switch;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::rt::{Read, Write};

pub use get::get;
pub use switch::{Switched, switch};

/// What requests go over: TCP, TLS, a Unix socket, a stream of the device link.
pub trait Wire: Read + Write + Unpin {}
impl<T: Read + Write + Unpin> Wire for T {}

/// A connection of some kind.
pub type BoxWire = Box<dyn Wire>;

/// Takes requests; the connection ends with it.
pub type Sender = SendRequest<Full<Bytes>>;

/// Begins to speak HTTP on a connection. Must be called on the local task set, which runs it until it ends.
///
/// # Errors
/// The connection does not work.
pub async fn sender(wire: BoxWire) -> Result<Sender, hyper::Error> {
    let (sender, connection) = handshake(wire).await?;
    iofog_task::spawn(async move {
        // What was asked learns of it too.
        if let Err(error) = connection.await {
            log::debug!(target: "http", "connection ended: {error}");
        }
    });
    Ok(sender)
}
