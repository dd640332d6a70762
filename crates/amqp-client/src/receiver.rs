//! Receiving links.

use bytes::Bytes;
use iofog_amqp::{Source, Symbol, Target};

use crate::{Delivery, LinkError};

/// Handle of a receiving link; dropping it detaches the link, waiting messages are released.
#[derive(Debug)]
pub struct Receiver {}

impl Receiver {
    /// The next whole message.
    ///
    /// # Errors
    /// [`LinkError`] when link or connection goes, after all messages that came before.
    pub async fn recv(&mut self) -> Result<Delivery, LinkError> {
        Err(LinkError::Closed)
    }

    /// The next message as soon as its first bytes are here.
    ///
    /// # Errors
    /// As [`Self::recv`].
    pub async fn recv_stream(&mut self) -> Result<RecvStream, LinkError> {
        Err(LinkError::Closed)
    }

    /// Grants `more` deliveries.
    pub fn grant(&self, _more: u32) {}

    /// Asks the sender to use up the credit, and waits until it has: messages that were under way are
    /// then waiting here.
    pub async fn drain(&self) {}

    /// Credit that is granted and unused.
    #[must_use]
    pub fn credit(&self) -> u32 {
        0
    }

    /// Address of the source: for dynamic ones, what the peer made.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        None
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

/// A message that is still arriving. Dropping it unsettled releases it.
#[derive(Debug)]
pub struct RecvStream {}

impl RecvStream {
    /// The next bytes; none at the end of the message.
    ///
    /// # Errors
    /// [`LinkError`] when link or connection goes; [`LinkError::Aborted`] when the sender gave up.
    pub async fn next(&mut self) -> Result<Option<Bytes>, LinkError> {
        Err(LinkError::Closed)
    }

    /// Settles the message once it is whole: as [`Delivery`].
    pub fn into_delivery(self) -> Delivery {
        Delivery { message: Bytes::new(), settled: true }
    }
}
