//! Delivery states and outcomes (AMQP 1.0 part 3, 3.4).

use alloc::boxed::Box;

use crate::{Described, Error, Map};

/// State of a delivery at one end of a link. All but `Received` and `Other` are outcomes.
#[derive(Debug, Clone, PartialEq)]
pub enum DeliveryState {
    /// Not an outcome: how much of the message arrived.
    Received {
        /// Index of the section.
        section_number: u32,
        /// Bytes of that section.
        section_offset: u64,
    },
    /// Taken.
    Accepted,
    /// Invalid for the receiver; the reason may be given.
    Rejected(Option<Box<Error>>),
    /// Not processed: may be sent again, here or elsewhere.
    Released,
    /// Not processed, with a change to the message.
    Modified {
        /// Counts as a failed attempt.
        delivery_failed: bool,
        /// Must not be sent to this link again.
        undeliverable_here: bool,
        /// Annotations to merge into the message's.
        annotations: Option<Box<Map>>,
    },
    /// A state that this crate does not know (transactions): passed on as it is.
    Other(Box<Described>),
}

impl DeliveryState {
    /// Whether the state ends the delivery once both sides have settled.
    #[must_use]
    pub fn is_outcome(&self) -> bool {
        !matches!(self, Self::Received { .. } | Self::Other(_))
    }

    /// `modified` without annotations.
    #[must_use]
    pub const fn modified(delivery_failed: bool, undeliverable_here: bool) -> Self {
        Self::Modified { delivery_failed, undeliverable_here, annotations: None }
    }
}
