//! Received messages, and what becomes of sent ones.

use bytes::Bytes;
use iofog_amqp::Error;

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

/// A message that arrived whole. Dropping it unsettled releases it.
#[derive(Debug)]
pub struct Delivery {
    /// All sections, undecoded; see [`iofog_amqp::Message::decode`].
    pub message: Bytes,
    /// Settled by the sender: no answer is possible, and none is needed.
    pub settled: bool,
}

impl Delivery {
    /// Takes the message.
    pub fn accept(self) {}

    /// Refuses the message as invalid.
    pub fn reject(self, _error: Error) {}

    /// Gives the message back as if it had not been seen.
    pub fn release(self) {}

    /// Gives the message back, changed.
    pub fn modify(self, _delivery_failed: bool, _undeliverable_here: bool) {}
}
