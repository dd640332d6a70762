//! Receiving links.

use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use iofog_amqp::{DeliveryState, Symbol};
use iofog_amqp_engine::DeliveryKey;

use crate::delivery::Receipt;
use crate::link::{Arrived, Link};
use crate::{Connection, Delivery, LinkError, Session};

/// Handle of a receiving link; dropping it detaches the link, waiting messages are released.
#[derive(Debug)]
pub struct Receiver {
    connection: Connection,
    _session: Option<Session>,
    link: Rc<Link>,
}

impl Receiver {
    pub(crate) const fn new(
        connection: Connection,
        session: Option<Session>,
        link: Rc<Link>,
    ) -> Self {
        Self { connection, _session: session, link }
    }

    /// Waits for the peer's answer to the attach.
    pub(crate) async fn attached(&self) -> Result<(), LinkError> {
        self.link.wait(|| self.link.is_ready().then_some(())).await
    }

    /// Grants the first credit of a link that was attached without; with `auto`, it is granted again for
    /// each delivery that is settled, so that `credit` is the most that is unsettled here.
    pub fn begin_credit(&self, credit: u32, auto: bool) {
        self.link.initial_credit.set(credit);
        self.link.auto_credit.set(auto);
        if credit > 0 {
            self.grant(credit);
        }
    }

    /// The next whole message. Dropping the future loses none.
    ///
    /// # Errors
    /// [`LinkError`] when link or connection goes, after all messages that came before.
    pub async fn recv(&mut self) -> Result<Delivery, LinkError> {
        let mut arrived = self.link.wait(|| self.take(|arrived| arrived.complete)).await?;
        let receipt = self.receipt(arrived.key, arrived.settled);
        Ok(Delivery::new(arrived.join(), arrived.settled, receipt))
    }

    /// As [`Self::recv`], with the message in the pieces it arrived in: spares a copy of long ones.
    ///
    /// # Errors
    /// As [`Self::recv`].
    pub async fn recv_fragments(&mut self) -> Result<Delivery<VecDeque<Bytes>>, LinkError> {
        let arrived = self.link.wait(|| self.take(|arrived| arrived.complete)).await?;
        let receipt = self.receipt(arrived.key, arrived.settled);
        Ok(Delivery::new(arrived.pieces, arrived.settled, receipt))
    }

    /// A message that has arrived whole already, without waiting.
    ///
    /// # Errors
    /// As [`Self::recv`].
    pub fn try_recv(&mut self) -> Result<Option<Delivery>, LinkError> {
        match self.take(|arrived| arrived.complete) {
            Some(mut arrived) => {
                let receipt = self.receipt(arrived.key, arrived.settled);
                Ok(Some(Delivery::new(arrived.join(), arrived.settled, receipt)))
            }
            None => self.link.check().map(|()| None),
        }
    }

    /// The next message as soon as its first bytes are here. The next one can be had when this one was
    /// read to its end or dropped.
    ///
    /// # Errors
    /// As [`Self::recv`].
    pub async fn recv_stream(&mut self) -> Result<RecvStream<'_>, LinkError> {
        let key = self
            .link
            .wait(|| {
                let mut queue = self.link.queue.borrow_mut();
                let front = queue.front_mut()?;
                front.streaming = true;
                Some(front.key)
            })
            .await?;
        Ok(RecvStream { receiver: self, key: Some(key) })
    }

    fn take(&self, wanted: impl Fn(&Arrived) -> bool) -> Option<Arrived> {
        let mut queue = self.link.queue.borrow_mut();
        if queue.front().is_some_and(wanted) { queue.pop_front() } else { None }
    }

    fn receipt(&self, key: DeliveryKey, settled: bool) -> Receipt {
        Receipt::new(self.connection.clone(), self.link.clone(), key, settled)
    }

    /// Grants `more` deliveries.
    pub fn grant(&self, more: u32) {
        if self.link.check().is_ok() {
            self.connection.shared().command(|engine| engine.add_credit(self.link.id, more));
        }
    }

    /// Asks the sender to use up the credit, and waits until it has: messages that were under way are
    /// then waiting here. Returns at once when the link is gone. Credit is not granted again by itself.
    pub async fn drain(&self) {
        if self.link.check().is_err() || self.credit() == 0 {
            return;
        }
        self.link.drained.set(false);
        self.connection.shared().command(|engine| engine.drain(self.link.id));
        let _ =
            self.link.wait(|| (self.link.drained.get() || self.credit() == 0).then_some(())).await;
    }

    /// Credit that is granted and unused.
    #[must_use]
    pub fn credit(&self) -> u32 {
        if self.link.check().is_err() {
            return 0;
        }
        self.connection.shared().engine.borrow().credit(self.link.id)
    }

    /// Address of the source: for dynamic ones, what the peer made.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.link.address()
    }

    /// Resolves when the link is gone.
    pub async fn detached(&self) -> LinkError {
        self.link.detached().await
    }

    /// Link extensions that the peer offers.
    #[must_use]
    pub fn remote_offered(&self) -> &[Symbol] {
        self.link.remote_offered()
    }

    /// Lets the sender go on once the reader has caught up.
    fn unhold(&self) {
        if self.link.holding.replace(false) && self.link.check().is_ok() {
            self.connection.shared().command(|engine| engine.hold_window(self.link.session, false));
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let waiting = self.link.queue.take();
        if self.link.check().is_err() {
            return;
        }
        self.unhold();
        self.connection.shared().command(|engine| {
            for arrived in waiting.iter().filter(|arrived| !arrived.settled) {
                engine.dispose(arrived.key, Some(DeliveryState::Released), true);
            }
            engine.detach(self.link.id, true, None);
        });
    }
}

/// A message that is still arriving. Dropping it before its end was read releases it.
#[derive(Debug)]
pub struct RecvStream<'a> {
    receiver: &'a mut Receiver,
    /// Absent once the end was read.
    key: Option<DeliveryKey>,
}

/// What is left to do with a message that was read in pieces.
enum Piece {
    Bytes(Bytes),
    End(Arrived),
}

impl RecvStream<'_> {
    /// The next bytes; none at the end of the message. Dropping the future loses none.
    ///
    /// # Errors
    /// [`LinkError`] when link or connection goes; [`LinkError::Aborted`] when the sender gave up.
    pub async fn next(&mut self) -> Result<Option<Bytes>, LinkError> {
        if self.key.is_none() {
            return Ok(None);
        }
        let link = self.receiver.link.clone();
        let piece = link
            .wait(|| {
                let mut queue = link.queue.borrow_mut();
                let front = queue.front_mut()?;
                if let Some(bytes) = front.pieces.pop_front() {
                    return Some((Piece::Bytes(bytes), front.buffered()));
                }
                let ended = front.complete;
                if ended { queue.pop_front().map(|arrived| (Piece::End(arrived), 0)) } else { None }
            })
            .await?;
        match piece {
            (Piece::Bytes(bytes), left) => {
                if left <= link.stream_buffer.get() / 2 {
                    self.receiver.unhold();
                }
                Ok(Some(bytes))
            }
            (Piece::End(arrived), _) => {
                self.key = None;
                self.receiver.unhold();
                let gone = arrived.settled || arrived.aborted;
                let receipt = self.receiver.receipt(arrived.key, gone);
                if arrived.aborted {
                    return Err(LinkError::Aborted);
                }
                Delivery::new(Bytes::new(), arrived.settled, receipt).accept();
                Ok(None)
            }
        }
    }
}

impl Drop for RecvStream<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let link = &self.receiver.link;
        let front = {
            let mut queue = link.queue.borrow_mut();
            let ours = queue.front().is_some_and(|arrived| arrived.key == key);
            if ours { queue.pop_front() } else { None }
        };
        let Some(front) = front else { return };
        self.receiver.unhold();
        let gone = front.settled || front.aborted;
        drop(self.receiver.receipt(front.key, gone));
    }
}
