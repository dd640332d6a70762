//! Links that the peer attaches.

use std::rc::Rc;

use iofog_amqp::{Attach, Error, Role, Source, Target, condition};

use crate::link::{Link, Remote};
use crate::shared::Offer;
use crate::{Connection, LinkError, Receiver, Sender, Session};

/// A link that the peer asked for: accept or refuse it. Dropping it refuses it.
#[derive(Debug)]
pub struct IncomingLink {
    connection: Connection,
    link: Rc<Link>,
    attach: Box<Attach>,
    answered: bool,
}

impl IncomingLink {
    pub(crate) fn new(connection: Connection, offer: Offer) -> Self {
        Self { connection, link: offer.link, attach: offer.attach, answered: false }
    }

    /// Name that the peer chose.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.attach.name
    }

    /// Our role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.link.role
    }

    /// Where messages come from.
    #[must_use]
    pub fn source(&self) -> Option<&Source> {
        self.attach.source.as_deref()
    }

    /// Where messages go to.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        self.attach.target.as_deref()
    }

    /// All that the peer sent.
    #[must_use]
    pub fn attach(&self) -> &Attach {
        &self.attach
    }

    /// The session of the link; its reverse links can be put there too.
    #[must_use]
    pub fn session(&self) -> Session {
        self.connection.session_handle(self.link.session, false)
    }

    /// Accepts a link on which the peer sends, with this credit (0: grant it later).
    ///
    /// # Errors
    /// [`LinkError`] when the link went away, or the peer is the receiver ([`LinkError::Closed`]).
    pub fn accept_receiver(self, credit: u32, auto_credit: bool) -> Result<Receiver, LinkError> {
        let (connection, link) = self.accept(Role::Receiver)?;
        let receiver = Receiver::new(connection, None, link);
        receiver.begin_credit(credit, auto_credit);
        Ok(receiver)
    }

    /// Accepts a link on which the peer receives.
    ///
    /// # Errors
    /// [`LinkError`] when the link went away, or the peer is the sender ([`LinkError::Closed`]).
    pub fn accept_sender(self) -> Result<Sender, LinkError> {
        let (connection, link) = self.accept(Role::Sender)?;
        Ok(Sender::new(connection, None, link))
    }

    /// Answers with what the peer asked for.
    fn accept(mut self, role: Role) -> Result<(Connection, Rc<Link>), LinkError> {
        self.link.check()?;
        if self.link.role != role {
            return Err(LinkError::Closed);
        }
        self.answered = true;
        let mut answer = Attach::new("", role);
        answer.source.clone_from(&self.attach.source);
        answer.target.clone_from(&self.attach.target);
        answer.snd_settle_mode = self.attach.snd_settle_mode;
        answer.rcv_settle_mode = self.attach.rcv_settle_mode;
        answer.offered_capabilities.clone_from(&self.attach.desired_capabilities);
        self.connection.shared().command(|engine| engine.accept(self.link.id, answer));
        let attach = std::mem::replace(&mut *self.attach, Attach::new("", role));
        let _ = self.link.remote.set(Remote::new(role, attach));
        Ok((self.connection.clone(), self.link.clone()))
    }

    /// Refuses the link.
    pub fn refuse(mut self, error: Error) {
        self.refuse_with(error);
    }

    fn refuse_with(&mut self, error: Error) {
        if !std::mem::replace(&mut self.answered, true) && self.link.check().is_ok() {
            self.connection.shared().command(|engine| engine.refuse(self.link.id, error));
        }
    }
}

impl Drop for IncomingLink {
    fn drop(&mut self) {
        self.refuse_with(Error::new(condition::NOT_FOUND, "link was not accepted"));
    }
}
