//! Streams of an ingress mapping that wait for messages: each with the place for its head and its body, and
//! what is known of the far proxy.

use h2::Reason;
use tokio::sync::{oneshot, watch};

use super::inflow::{Inlet, Piece, Refused};
use crate::domain::envelope::{Envelope, Form};
use crate::domain::failure::Failure;

/// One waiting stream.
pub(super) struct Call {
    head: Option<oneshot::Sender<Told>>,
    inlet: Inlet,
    far: watch::Sender<Option<Far>>,
}

/// The far proxy, once it has sent something.
#[derive(Clone, Debug)]
pub(super) struct Far {
    /// Where the rest of the request goes.
    pub(super) address: String,
    /// A proxy of ours.
    pub(super) ours: bool,
}

/// What comes instead of the head of a response, or it.
pub(super) enum Told {
    /// The head; when `bare`, nothing follows it.
    Head { message: Box<Envelope>, bare: bool },
    /// There is no response.
    Failed(Failure),
    /// The target reset the stream.
    Reset(Reason),
}

// === impl Call ===

impl Call {
    pub(super) fn new(
        inlet: Inlet,
    ) -> (Self, oneshot::Receiver<Told>, watch::Receiver<Option<Far>>) {
        let (head, told) = oneshot::channel();
        let (far, known) = watch::channel(None);
        (Self { head: Some(head), inlet, far }, told, known)
    }

    /// Notes where a message came from.
    pub(super) fn meet(&self, message: &Envelope) {
        if self.far.borrow().is_none()
            && let Some(address) = message.reply_to.clone().filter(|address| !address.is_empty())
        {
            let ours = message.form != Form::Whole;
            self.far.send_replace(Some(Far { address, ours }));
        }
    }

    /// True until the head has come.
    pub(super) const fn waits_for_head(&self) -> bool {
        self.head.is_some()
    }

    /// Hands over the head, with what its message brings of the body.
    pub(super) fn begin(&mut self, message: Envelope, piece: Option<Piece>) -> Result<(), Refused> {
        let bare = piece.is_none();
        let added = piece.map_or(Ok(()), |piece| self.inlet.add(piece));
        self.tell(Told::Head { message: Box::new(message), bare });
        added
    }

    /// Hands over more of the body.
    pub(super) fn add(&self, piece: Piece) -> Result<(), Refused> {
        self.inlet.add(piece)
    }

    /// The target reset the stream.
    pub(super) fn reset(mut self, reason: Reason) {
        self.tell(Told::Reset(reason));
        self.inlet.reset(reason);
    }

    /// There is no response, or no rest of it.
    pub(super) fn fail(mut self, failure: Failure) {
        self.tell(Told::Failed(failure));
        self.inlet.reset(Reason::INTERNAL_ERROR);
    }

    fn tell(&mut self, told: Told) {
        if let Some(head) = self.head.take() {
            let _ = head.send(told);
        }
    }
}
