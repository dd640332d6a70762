//! The seam to the router network: what the proxy asks of AMQP, and nothing more. Real links and an
//! in-memory network stand side by side.

mod amqp;
mod codec;
#[cfg(test)]
pub(crate) mod memory;
mod part;

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

use crate::domain::envelope::Envelope;
use crate::domain::exchange::Settled;

pub(crate) use amqp::AmqpNetwork;
pub(crate) use codec::{decode, encode};
pub(crate) use part::{Blank, Part, Parts};

/// The link, or the connection below it, is gone; the text is for logs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct LinkDown(pub(crate) String);

/// A message that is no bridge message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("message cannot be decoded: {0}")]
pub(crate) struct Undecodable(pub(crate) String);

/// The outcome of a message that is on its way.
pub(crate) type Pending = Pin<Box<dyn Future<Output = Result<Settled, LinkDown>>>>;

/// A router that can be connected to, again and again.
pub(crate) trait Network: 'static {
    /// What a connection is.
    type Connection: Connection;

    /// Opens a connection under a container id made from `name`.
    async fn connect(&self, name: &str) -> Result<Self::Connection, LinkDown>;
}

/// One connection to the router.
pub(crate) trait Connection: Clone + 'static {
    /// Sending links.
    type Sender: Sender;
    /// Receiving links.
    type Receiver: Receiver;
    /// A session of its own for links that must not hold up others.
    type Session: Clone + 'static;
    /// A link that the router attaches.
    type Incoming: Incoming<Receiver = Self::Receiver>;

    /// Attaches a sender.
    async fn sender(&self, to: SendTo<Self::Session>) -> Result<Self::Sender, LinkDown>;
    /// Attaches a receiver.
    async fn receiver(&self, from: ReceiveFrom<Self::Session>) -> Result<Self::Receiver, LinkDown>;
    /// Begins another session.
    async fn session(&self) -> Result<Self::Session, LinkDown>;
    /// The next link that the router attaches on its own; none when the connection is over.
    async fn accept(&self) -> Option<Self::Incoming>;
    /// Asks the router's management; gives the status code and its description.
    async fn manage(&self, request: ManagementRequest) -> Result<(u32, String), LinkDown>;
    /// Resolves when the connection is over.
    async fn closed(&self) -> LinkDown;
    /// Closes the connection.
    fn close(&self);
}

/// A sending link. Dropping it detaches it.
pub(crate) trait Sender: 'static {
    /// Sends a message: waits for credit only.
    async fn send(&self, message: Envelope) -> Result<Pending, LinkDown>;
    /// Sends a message that was made from a [`Blank`].
    async fn send_sealed(&self, message: Bytes) -> Result<Pending, LinkDown>;
    /// Resolves when there is credit.
    async fn ready(&self) -> Result<(), LinkDown>;
    /// Resolves when the link is gone.
    async fn detached(&self) -> LinkDown;
}

/// A receiving link. Dropping it detaches it and releases what waits.
pub(crate) trait Receiver: 'static {
    /// A received message.
    type Delivery: Delivery;

    /// The address of the source; for a dynamic one what the router made.
    fn address(&self) -> Option<&str>;
    /// The next message.
    async fn recv(&mut self) -> Result<Self::Delivery, LinkDown>;
    /// Grants the first messages of a link that renews its credit.
    fn begin(&self, credit: u32);
    /// Grants more messages.
    fn grant(&self, more: u32);
}

/// A received message; dropping it releases it.
pub(crate) trait Delivery: 'static {
    /// Its length in bytes.
    fn len(&self) -> usize;
    /// Its content as a part of a byte stream, without a copy of the bytes.
    fn part(&self, parts: &mut Parts) -> Result<Part, Undecodable>;
    /// Its content.
    fn envelope(&self) -> Result<Envelope, Undecodable>;
    /// Tells the sender what became of it.
    fn settle(self, outcome: Settled);
}

/// A link that the router attached on its own (link routing).
pub(crate) trait Incoming: 'static {
    /// Receiving links.
    type Receiver;

    /// Name of the link.
    fn name(&self) -> &str;
    /// Address of its source: where answers go.
    fn source(&self) -> Option<&str>;
    /// Address of its target: the queue.
    fn target(&self) -> Option<&str>;
    /// Takes the link, without credit; one is granted again for each settled message.
    fn accept(self) -> Result<Self::Receiver, LinkDown>;
    /// Refuses the link.
    fn refuse(self, why: &str);
}

/// How a sender is attached.
#[derive(Clone, Debug)]
pub(crate) struct SendTo<S> {
    /// Link name; empty for any.
    pub(crate) name: String,
    /// Where messages go; none for where each message says.
    pub(crate) target: Option<String>,
    /// Address of the source, for answers.
    pub(crate) source: Option<String>,
    /// Session, or the connection's default one.
    pub(crate) session: Option<S>,
}

/// How a receiver is attached.
#[derive(Clone, Debug)]
pub(crate) struct ReceiveFrom<S> {
    /// The address; none for one that the router makes.
    pub(crate) source: Option<String>,
    /// Messages granted at once.
    pub(crate) credit: u32,
    /// Grant one more for each settled message.
    pub(crate) renew: bool,
    /// Longest message in bytes; the link is detached by a longer one.
    pub(crate) most: usize,
    /// Session, or the connection's default one.
    pub(crate) session: Option<S>,
}

/// A request to `$management`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ManagementRequest {
    /// For instance `CREATE`.
    pub(crate) operation: &'static str,
    /// Entity type.
    pub(crate) entity: &'static str,
    /// Entity name.
    pub(crate) name: String,
    /// Attributes.
    pub(crate) attributes: Vec<(&'static str, String)>,
}

// === impl SendTo ===

impl<S> SendTo<S> {
    /// A plain sender to `target`.
    pub(crate) fn target(target: &str) -> Self {
        Self { target: Some(target.to_owned()), ..Self::anywhere() }
    }

    /// A sender whose messages say themselves where they go.
    pub(crate) const fn anywhere() -> Self {
        Self { name: String::new(), target: None, source: None, session: None }
    }
}
