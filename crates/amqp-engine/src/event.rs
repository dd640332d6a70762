//! What a connection tells its user, in the order of the wire.

use bytes::Bytes;
use iofog_amqp::{Attach, DeliveryState, DeliveryTag, Error, Open};

use crate::{DeliveryKey, LinkId, SessionId, Token};

/// One thing that happened. Each is taken by [`crate::Connection::poll_event`].
#[derive(Debug, Clone)]
pub enum Event {
    /// Server with PLAIN or EXTERNAL: decide, then call [`crate::Connection::authenticate`]. No other
    /// event comes before that.
    Authenticate(Credentials),
    /// The peer's `open`. Ours was sent before this event.
    Opened(Box<Open>),
    /// A session is there, begun by the peer (answered already) or by us.
    SessionBegun {
        /// The session.
        session: SessionId,
        /// The peer began it.
        by_peer: bool,
    },
    /// The peer attaches a link: answer with [`crate::Connection::accept`] or [`crate::Connection::refuse`].
    /// `attach.role` is the peer's role.
    Attach {
        /// The session.
        session: SessionId,
        /// The new link.
        link: LinkId,
        /// What the peer sent.
        attach: Box<Attach>,
    },
    /// The peer answered our attach. A refusal looks like this too, without source or target, and is
    /// followed by [`Event::Detached`].
    Attached {
        /// The link.
        link: LinkId,
        /// What the peer sent.
        attach: Box<Attach>,
    },
    /// Sending link: the peer's flow. `credit` deliveries may be sent now.
    Credit {
        /// The link.
        link: LinkId,
        /// Deliveries that may be sent.
        credit: u32,
        /// Send what there is, then call [`crate::Connection::drained`].
        drain: bool,
        /// The peer wanted an answer; it is given by the engine at the next flush.
        echo: bool,
    },
    /// Receiving link: the sender's flow.
    SenderFlow {
        /// The link.
        link: LinkId,
        /// Deliveries waiting at the sender, if it told.
        available: Option<u32>,
        /// Credit that is left on the link.
        credit: u32,
        /// This answers our drain: the credit is used up.
        drained: bool,
    },
    /// A piece of a delivery.
    Transfer(Delivered),
    /// One outgoing delivery changed at the peer (dispositions are walked by the engine).
    /// With `settled` the engine has forgotten the delivery. Without it, and with an outcome, settle it
    /// by [`crate::Connection::settle_sent`].
    Updated {
        /// The sending link.
        link: LinkId,
        /// The delivery.
        delivery: DeliveryKey,
        /// What was given when it was sent.
        token: Token,
        /// State at the receiver.
        state: Option<DeliveryState>,
        /// The receiver has settled.
        settled: bool,
    },
    /// One incoming delivery changed at the sender. With `settled` the engine has forgotten it.
    SenderUpdated {
        /// The receiving link.
        link: LinkId,
        /// The delivery.
        delivery: DeliveryKey,
        /// What [`crate::Connection::set_token`] gave; default 0.
        token: Token,
        /// State at the sender.
        state: Option<DeliveryState>,
        /// The sender has settled.
        settled: bool,
    },
    /// The session may take transfer frames again after [`crate::SendError::Window`],
    /// [`crate::SendError::Output`], or a [`crate::Progress`] that is not complete.
    Writable(SessionId),
    /// The link is gone: the peer detached (answered already), or answered our detach, or its session or
    /// connection ended. Unsettled deliveries of the link are forgotten. The id may be reused.
    Detached {
        /// The link.
        link: LinkId,
        /// The link ended, rather than being suspended.
        closed: bool,
        /// Why, if the peer told.
        error: Option<Box<Error>>,
    },
    /// The session is gone, after a [`Event::Detached`] for each of its links. The id may be reused.
    SessionEnded {
        /// The session.
        session: SessionId,
        /// Why, if someone told.
        error: Option<Box<Error>>,
    },
    /// The connection is over; the last event. Flush the output, then close the socket. Links and
    /// sessions get no events of their own.
    Closed(CloseReason),
}

/// A piece of a delivery that arrived.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The receiving link.
    pub link: LinkId,
    /// The delivery: the same for all its pieces.
    pub delivery: DeliveryKey,
    /// What [`crate::Connection::set_token`] gave; default 0.
    pub token: Token,
    /// Tag of the delivery (on its first piece; empty later).
    pub tag: DeliveryTag,
    /// Message format (on the first piece; 0 later).
    pub message_format: u32,
    /// First piece.
    pub first: bool,
    /// More pieces follow.
    pub more: bool,
    /// The sender gave up: forget the delivery; the engine has.
    pub aborted: bool,
    /// Settled by the sender (known at the latest with the last piece).
    pub settled: bool,
    /// State at the sender.
    pub state: Option<DeliveryState>,
    /// Bytes of the message: a slice of the read buffer. Copy it if it is kept for long, so that it does
    /// not hold the whole buffer.
    pub payload: Bytes,
}

/// What a peer gave to prove who it is.
#[derive(Clone)]
pub struct Credentials {
    /// Which mechanism it chose.
    pub mechanism: crate::Mechanism,
    /// Authorisation identity (may be empty), or the user name of PLAIN.
    pub identity: String,
    /// Password of PLAIN; never logged.
    pub password: Option<String>,
}

impl core::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Credentials").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

/// Why a connection is over.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CloseReason {
    /// We closed, and the peer answered.
    #[error("closed")]
    Local,
    /// The peer closed.
    #[error("closed by the peer{}", .0.as_ref().map(|e| format!(": {}", e.condition)).unwrap_or_default())]
    Remote(Option<Box<Error>>),
    /// The peer broke the protocol; the error was sent to it.
    #[error("protocol error: {}: {}", .0.condition, .0.description.as_deref().unwrap_or_default())]
    Protocol(Box<Error>),
    /// The first bytes are not an AMQP 1.0 header that we serve.
    #[error("not an AMQP 1.0 peer")]
    Header,
    /// SASL failed.
    #[error("authentication failed")]
    Authentication,
    /// Nothing was heard for twice the advertised idle time-out.
    #[error("nothing heard from the peer within the idle time-out")]
    Idle,
    /// The stream ended without `close`.
    #[error("connection lost")]
    Lost,
}
