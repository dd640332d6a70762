//! Whether the other end of a tunnel is still there, and how it is told that ours goes. Over a routed link the router
//! tells; between two dynamic addresses each end sees its own lead to the router only.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::copy::{End, Ended, FLUSH};
use crate::domain::exchange::Settled;
use crate::domain::tunnel::{Event, Piece};
use crate::farewell::{Farewells, Place};
use crate::link::{Delivery, LinkDown, Parts, Receiver, Sender};

// === impl End ===

impl<S: Sender> End<'_, S> {
    /// Takes what a peer says that sends no more bytes; ends when it fails or its link goes.
    pub(super) async fn attend(&self, receiver: &mut impl Receiver) -> Ended {
        let mut parts = Parts::default();
        loop {
            let delivery = match receiver.recv().await {
                Ok(delivery) => delivery,
                Err(lost) => return Ended::Lost(lost),
            };
            self.heard.set(self.now());
            let piece = delivery.part(&mut parts).map(|part| part.piece);
            delivery.settle(Settled::Accepted);
            if matches!(piece, Ok(Piece::Abort)) {
                return Ended::Event(Event::RemoteGone);
            }
        }
    }

    /// Ends when the peer is gone: whenever it was silent for a while it is asked, with a message without bytes. The
    /// router says when no one is there to take it, or does not want it in the first place.
    pub(super) async fn gone(&self, silence: Duration) -> LinkDown {
        loop {
            if self.may_go() {
                return std::future::pending().await;
            }
            let quiet = self.now().saturating_sub(self.heard.get());
            if quiet < silence {
                tokio::time::sleep(silence.saturating_sub(quiet)).await;
                continue;
            }
            match self.ask().await {
                Ok(()) => self.heard.set(self.now()),
                Err(_) if self.may_go() => {}
                Err(lost) => return lost,
            }
        }
    }

    /// Whether the peer has nothing to wait for: the last bytes may still be on their way into our socket.
    fn may_go(&self) -> bool {
        match self.last.get() {
            Some(Piece::Fin) => self.tunnel.get().has_ended_here(),
            Some(_) => true,
            None => false,
        }
    }

    async fn ask(&self) -> Result<(), LinkDown> {
        let question = self.tell_apart(Piece::Data);
        // While messages are under way the credit may be used up by them, and their outcomes tell.
        let pending = if self.pace.borrow().is_idle() {
            let patience = self.around.limits.timings.credit;
            let asked = tokio::time::timeout(patience, question).await;
            asked.map_err(|_| LinkDown("peer has gone: no credit".to_owned()))??
        } else {
            question.await?
        };
        match pending.await? {
            Settled::Accepted => Ok(()),
            other => Err(LinkDown(format!("peer has gone: {other:?}"))),
        }
    }
}

/// Resolves when the peer is found to be gone; never where it is not asked.
pub(super) async fn over<F: Future<Output = LinkDown>>(gone: &mut Option<Pin<Box<F>>>) -> LinkDown {
    match gone {
        Some(gone) => gone.as_mut().await,
        None => std::future::pending().await,
    }
}

/// What an end of a plain tunnel sends with. Whoever goes tells the other end, which does not see our links go: its own
/// lead to the router only, and it would hold its socket until it asks.
pub(super) struct Parting<S: Sender> {
    sender: Rc<S>,
    place: Option<Place>,
    tells: bool,
}

async fn leave(sender: Rc<impl Sender>) {
    let told = async { sender.send(Piece::Abort.message(None, Bytes::new())).await?.await };
    let _ = tokio::time::timeout(FLUSH, told).await;
}

// === impl Parting ===

impl<S: Sender> Parting<S> {
    /// Nothing is told unless [`Self::tell`] says so, or the mapping is removed.
    pub(super) fn new(sender: S, farewells: &Farewells) -> Self {
        Self { sender: Rc::new(sender), place: Some(farewells.join()), tells: false }
    }

    pub(super) fn sender(&self) -> &S {
        &self.sender
    }

    /// The tunnel is over, and the other end knows.
    pub(super) fn known(mut self) {
        self.place = None;
    }

    /// The tunnel is over, and the other end is told.
    pub(super) fn tell(mut self) {
        self.tells = true;
    }
}

impl<S: Sender> Drop for Parting<S> {
    fn drop(&mut self) {
        let Some(place) = self.place.take() else { return };
        if self.tells || place.is_asked() {
            let sender = Rc::clone(&self.sender);
            iofog_task::spawn(async move {
                leave(sender).await;
                drop(place);
            });
        }
    }
}
