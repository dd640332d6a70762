//! Sending links.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use iofog_amqp::{Source, Symbol, Target};

use crate::{LinkError, Outcome};

/// Handle of a sending link; dropping it detaches the link.
#[derive(Debug)]
pub struct Sender {}

/// The outcome of a message that is on its way.
#[derive(Debug)]
pub struct Pending {}

/// A message that is sent in pieces. Dropping it before [`Self::finish`] aborts the message.
#[derive(Debug)]
pub struct SendStream<'a> {
    _sender: &'a Sender,
}

impl Sender {
    /// Sends an encoded message: waits for credit, then for the peer's outcome.
    ///
    /// # Errors
    /// [`LinkError`] when link or connection goes; the message may or may not have arrived.
    pub async fn send(&self, encoded: Bytes) -> Result<Outcome, LinkError> {
        self.send_start(encoded, false).await?.await
    }

    /// Sends an encoded message: waits for credit only. A pre-settled message is `Accepted` at once.
    ///
    /// # Errors
    /// [`LinkError`] when link or connection goes before the message was handed over.
    pub async fn send_start(&self, _encoded: Bytes, _settled: bool) -> Result<Pending, LinkError> {
        Err(LinkError::Closed)
    }

    /// Begins a message that is sent in pieces: waits for credit.
    ///
    /// # Errors
    /// As [`Self::send_start`].
    pub async fn send_stream(&self) -> Result<SendStream<'_>, LinkError> {
        Err(LinkError::Closed)
    }

    /// Deliveries that may be sent now.
    #[must_use]
    pub fn credit(&self) -> u32 {
        0
    }

    /// Resolves when there is credit.
    ///
    /// # Errors
    /// [`LinkError`] when link or connection goes.
    pub async fn ready(&self) -> Result<(), LinkError> {
        Err(LinkError::Closed)
    }

    /// Resolves when the link is gone.
    pub async fn detached(&self) -> LinkError {
        LinkError::Closed
    }

    /// The source as the peer sees it.
    #[must_use]
    pub fn remote_source(&self) -> Option<&Source> {
        None
    }

    /// The target as the peer sees it.
    #[must_use]
    pub fn remote_target(&self) -> Option<&Target> {
        None
    }

    /// Link extensions that the peer offers.
    #[must_use]
    pub fn remote_offered(&self) -> &[Symbol] {
        &[]
    }
}

impl Future for Pending {
    type Output = Result<Outcome, LinkError>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Err(LinkError::Closed))
    }
}

impl SendStream<'_> {
    /// Sends more bytes; waits while the session or the socket is busy.
    ///
    /// # Errors
    /// [`LinkError`] when link or connection goes.
    pub async fn write(&mut self, _bytes: Bytes) -> Result<(), LinkError> {
        Err(LinkError::Closed)
    }

    /// Ends the message; the outcome follows.
    ///
    /// # Errors
    /// [`LinkError`] when link or connection goes.
    pub async fn finish(self) -> Result<Pending, LinkError> {
        Err(LinkError::Closed)
    }

    /// Gives the message up; the receiver forgets it.
    pub fn abort(self) {}
}
