//! Links that the peer attaches.

use iofog_amqp::{Error, Role, Source, Target};

use crate::{LinkError, Receiver, Sender, Session};

/// A link that the peer asked for: accept or refuse it. Dropping it refuses it.
#[derive(Debug)]
pub struct IncomingLink {}

impl IncomingLink {
    /// Name that the peer chose.
    #[must_use]
    pub fn name(&self) -> &str {
        ""
    }

    /// Our role.
    #[must_use]
    pub fn role(&self) -> Role {
        Role::Sender
    }

    /// Where messages come from.
    #[must_use]
    pub fn source(&self) -> Option<&Source> {
        None
    }

    /// Where messages go to.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        None
    }

    /// The session of the link; its reverse links can be put there too.
    #[must_use]
    pub fn session(&self) -> Session {
        Session {}
    }

    /// Accepts a link on which the peer sends, with this credit (0: grant it later).
    ///
    /// # Errors
    /// [`LinkError`] when the link went away, or the peer is the receiver ([`LinkError::Closed`]).
    pub fn accept_receiver(self, _credit: u32, _auto_credit: bool) -> Result<Receiver, LinkError> {
        Err(LinkError::Closed)
    }

    /// Accepts a link on which the peer receives.
    ///
    /// # Errors
    /// [`LinkError`] when the link went away, or the peer is the sender ([`LinkError::Closed`]).
    pub fn accept_sender(self) -> Result<Sender, LinkError> {
        Err(LinkError::Closed)
    }

    /// Refuses the link.
    pub fn refuse(self, _error: Error) {}
}
