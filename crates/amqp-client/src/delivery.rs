//! Received messages, and what becomes of sent ones.

use std::rc::Rc;

use bytes::Bytes;
use iofog_amqp::{DeliveryState, Error};
use iofog_amqp_engine::DeliveryKey;

use crate::Connection;
use crate::link::Link;

/// What the receiver did with a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Taken.
    Accepted,
    /// Invalid.
    Rejected(Option<Error>),
    /// Not processed; may be sent again.
    Released,
    /// Not processed, with a change.
    Modified {
        /// Counts as a failed attempt.
        delivery_failed: bool,
        /// Must not be sent to this link again.
        undeliverable_here: bool,
    },
}

/// A message that arrived whole, as one slice or as the fragments it came in. Dropping it unsettled releases it.
#[derive(Debug)]
pub struct Delivery<M = Bytes> {
    /// All sections, undecoded; see [`iofog_amqp::Message::decode`]. A small message is a slice of the
    /// read buffer: copy what is kept for long, so that it does not hold the whole buffer.
    pub message: M,
    /// Settled by the sender: no answer is possible, and none is needed.
    pub settled: bool,
    receipt: Receipt,
}

/// Settles a delivery once.
#[derive(Debug)]
pub(crate) struct Receipt {
    connection: Connection,
    link: Rc<Link>,
    key: Option<DeliveryKey>,
}

impl Receipt {
    /// For a delivery that was taken from the queue of `link`.
    pub(crate) fn new(
        connection: Connection,
        link: Rc<Link>,
        key: DeliveryKey,
        settled: bool,
    ) -> Self {
        let receipt = Self { connection, link, key: (!settled).then_some(key) };
        if settled {
            receipt.pay();
        }
        receipt
    }

    fn settle(&mut self, state: DeliveryState) {
        let Some(key) = self.key.take() else { return };
        if self.link.check().is_ok() {
            self.connection.shared().command(|engine| engine.dispose(key, Some(state), true));
            self.pay();
        }
    }

    fn pay(&self) {
        self.link.owed.set(self.link.owed.get().saturating_add(1));
        self.connection.shared().pay_credit(&self.link);
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.settle(DeliveryState::Released);
    }
}

impl<M> Delivery<M> {
    pub(crate) const fn new(message: M, settled: bool, receipt: Receipt) -> Self {
        Self { message, settled, receipt }
    }

    /// Takes the message.
    pub fn accept(mut self) {
        self.receipt.settle(DeliveryState::Accepted);
    }

    /// Refuses the message as invalid.
    pub fn reject(mut self, error: Error) {
        self.receipt.settle(DeliveryState::Rejected(Some(Box::new(error))));
    }

    /// Gives the message back as if it had not been seen.
    pub fn release(mut self) {
        self.receipt.settle(DeliveryState::Released);
    }

    /// Gives the message back, changed.
    pub fn modify(mut self, delivery_failed: bool, undeliverable_here: bool) {
        self.receipt.settle(DeliveryState::modified(delivery_failed, undeliverable_here));
    }
}
