//! Arguments and results of the calls on a connection.

use iofog_amqp::{DeliveryState, DeliveryTag};

use crate::{DeliveryKey, Token};

/// What a delivery is told with its first frame.
#[derive(Debug, Clone, Default)]
pub struct SendHead {
    /// Tag; absent = the link's own counter, 8 bytes little-endian.
    pub tag: Option<DeliveryTag>,
    /// Message format; 0 = AMQP message.
    pub message_format: u32,
    /// Pre-settled: the engine keeps nothing of it.
    pub settled: bool,
    /// Given back with each [`crate::Event::Updated`].
    pub token: Token,
    /// State at our end, for resumed or transactional deliveries; usually absent.
    pub state: Option<DeliveryState>,
}

/// How far [`crate::Connection::send`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The delivery that the bytes belong to.
    pub delivery: DeliveryKey,
    /// All bytes were taken. False: the rest is still in `payload`; call again after
    /// [`crate::Event::Writable`], or once the output was written.
    pub complete: bool,
}

/// Why nothing of a delivery was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The link has no credit: wait for [`crate::Event::Credit`].
    #[error("link has no credit")]
    Credit,
    /// The session's window is closed: wait for [`crate::Event::Writable`].
    #[error("session window is closed")]
    Window,
    /// Too much output waits for the socket: write it, then try again.
    #[error("output is full")]
    Output,
    /// Too many unsettled deliveries on the session: wait for outcomes.
    #[error("too many unsettled deliveries")]
    Unsettled,
    /// No such attached sending link.
    #[error("link is not attached for sending")]
    NotAttached,
}

/// Why a session or link cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// The limit of sessions or links, ours or the peer's, is reached.
    #[error("no more sessions or links on this connection")]
    Limit,
    /// The session or connection is not open.
    #[error("session or connection is not open")]
    NotOpen,
}
