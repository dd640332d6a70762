//! What can go wrong on connections and links.

use iofog_amqp_engine::CloseReason;

/// Why a connection could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The stream failed.
    #[error("stream failed while connecting")]
    Io(#[from] std::io::Error),
    /// The connection was closed before it was open.
    #[error("connection was refused")]
    Closed(#[source] CloseReason),
    /// The peer did not answer in time.
    #[error("peer did not open the connection in time")]
    TimedOut,
}

/// Why a link, or an operation on it, failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LinkError {
    /// The connection is over.
    #[error("connection is over")]
    Connection(#[source] CloseReason),
    /// The peer detached or refused the link, or ended its session; with its reason.
    #[error("link was detached by the peer{}", .0.as_ref().map(|e| format!(": {}", e.condition)).unwrap_or_default())]
    Detached(Option<Box<iofog_amqp::Error>>),
    /// No more sessions or links on this connection.
    #[error("no more sessions or links on this connection")]
    Limit,
    /// The sender gave up the message.
    #[error("message was aborted by the sender")]
    Aborted,
    /// The link was closed on this side.
    #[error("link is closed")]
    Closed,
}

impl LinkError {
    /// The peer's error, when there is one.
    #[must_use]
    pub fn remote(&self) -> Option<&iofog_amqp::Error> {
        match self {
            Self::Detached(error) | Self::Connection(CloseReason::Remote(error)) => {
                error.as_deref()
            }
            _ => None,
        }
    }
}
