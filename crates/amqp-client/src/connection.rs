//! Connections and sessions: the handles that links are made from.

use crate::{
    BoxStream, CloseReason, ConnectError, ConnectionOptions, IncomingLink, LinkError, Receiver,
    ReceiverOptions, Sender, SenderOptions, ServerOptions,
};

/// Handle of a connection; clones share it. The connection closes when [`Self::close`] is called or the
/// last handle, of connection, session or link, is dropped.
#[derive(Debug, Clone)]
pub struct Connection {}

/// Handle of a session; ended when the last handle of it and its links is dropped.
#[derive(Debug, Clone)]
pub struct Session {}

impl Connection {
    /// Opens a connection on a stream as the side that dialled. Starts a local task.
    ///
    /// # Errors
    /// [`ConnectError`] when the peer refuses, is silent or is no AMQP peer.
    pub async fn open(
        _stream: BoxStream,
        _options: ConnectionOptions,
    ) -> Result<Self, ConnectError> {
        Err(ConnectError::TimedOut)
    }

    /// Serves a connection on a stream as the side that was dialled. Starts a local task.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn serve(_stream: BoxStream, _options: ServerOptions) -> Result<Self, ConnectError> {
        Err(ConnectError::TimedOut)
    }

    /// Container id of the peer.
    #[must_use]
    pub fn remote_container(&self) -> String {
        String::new()
    }

    /// Whether the peer offers a connection capability.
    #[must_use]
    pub fn peer_offers(&self, _capability: &str) -> bool {
        false
    }

    /// Attaches a sending link; resolves when the peer has answered.
    ///
    /// # Errors
    /// [`LinkError::Detached`] when the peer refuses; others when the connection goes or is full.
    pub async fn sender(&self, _options: SenderOptions) -> Result<Sender, LinkError> {
        Err(LinkError::Closed)
    }

    /// Attaches a receiving link; resolves when the peer has answered.
    ///
    /// # Errors
    /// As [`Self::sender`].
    pub async fn receiver(&self, _options: ReceiverOptions) -> Result<Receiver, LinkError> {
        Err(LinkError::Closed)
    }

    /// Begins a session of its own, so that its links cannot hold up others.
    ///
    /// # Errors
    /// [`LinkError`] when the connection is over or full.
    pub async fn session(&self) -> Result<Session, LinkError> {
        Err(LinkError::Closed)
    }

    /// The next link that the peer attaches; none when the connection is over. Links are refused with
    /// `amqp:resource-limit-exceeded` while `max_incoming_links` wait here.
    pub async fn accept_link(&self) -> Option<IncomingLink> {
        None
    }

    /// Resolves when the connection is over.
    pub async fn closed(&self) -> CloseReason {
        CloseReason::Local
    }

    /// Closes the connection; output is written first.
    pub fn close(&self) {}
}

impl Session {
    /// Ends the session and its links.
    pub fn end(&self) {}
}
