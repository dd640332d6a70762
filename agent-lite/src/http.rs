//! Requests over HTTP/1.1. Every client of this program goes through here: the protocol is compiled once for each kind of
//! connection and of body, so that there is one of each.

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::rt::{Read, Write};

/// What requests go over: TCP, TLS, a Unix socket, a stream of the device link.
pub(crate) trait Wire: Read + Write + Unpin {}
impl<T: Read + Write + Unpin> Wire for T {}

/// Takes requests; the connection ends with it.
pub(crate) type Sender = SendRequest<Full<Bytes>>;

/// Begins to speak HTTP on a connection. Must be called on the local task set, which runs it until it ends.
pub(crate) async fn sender(wire: Box<dyn Wire>) -> Result<Sender, hyper::Error> {
    let (sender, connection) = handshake(wire).await?;
    iofog_task::spawn(async move {
        // What was asked learns of it too.
        if let Err(error) = connection.await {
            log::debug!(target: "http", "connection ended: {error}");
        }
    });
    Ok(sender)
}
