//! Requests of an ingress mapping that wait, for their answer or for the rest of it.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::domain::budget::Reservation;
use crate::domain::envelope::Envelope;
use crate::domain::exchange::Settled;
use crate::domain::failure::Failure;
use crate::domain::waiting::Waiting;

/// Parts that an egress may have under way for one answer.
pub(super) const WINDOW: usize = 8;

/// Requests that wait, for their answer or for the rest of it.
pub(super) type WaitingRequests = Rc<RefCell<Waiting<Waiter>>>;

/// Where an answer goes.
pub(super) struct Waiter {
    /// Taken by the head.
    head: Option<oneshot::Sender<Answer>>,
    /// There once the head said that parts follow.
    parts: Option<mpsc::Sender<PartIn>>,
    next: u32,
}

/// What a waiting request is told.
pub(super) type Answer = Result<Reply, Failure>;

/// The head of an answer, with its body or with the place where the parts arrive.
pub(super) struct Reply {
    pub(super) message: Envelope,
    pub(super) reservation: Reservation,
    pub(super) parts: Option<mpsc::Receiver<PartIn>>,
}

/// One part of a body. It is settled when it goes to the client, which is the back-pressure.
pub(super) struct PartIn {
    pub(super) bytes: Bytes,
    pub(super) last: bool,
    pub(super) reservation: Reservation,
    pub(super) settle: Box<dyn FnOnce(Settled)>,
}

/// Forgets a waiting request when its client has been told or has gone.
pub(super) struct Ticket {
    waiting: WaitingRequests,
    number: u64,
}

// === impl Waiter ===

impl Waiter {
    pub(super) fn new() -> (Self, oneshot::Receiver<Answer>) {
        let (head, answer) = oneshot::channel();
        (Self { head: Some(head), parts: None, next: 1 }, answer)
    }

    /// Hands over a failure, or a whole answer.
    pub(super) fn tell(&mut self, answer: Answer) {
        if let Some(head) = self.head.take() {
            let _ = head.send(answer);
        }
    }

    /// Hands over part 0.
    pub(super) fn begin(&mut self, message: Envelope, reservation: Reservation) {
        let (parts, incoming) = mpsc::channel(WINDOW * 2);
        self.parts = Some(parts);
        self.tell(Ok(Reply { message, reservation, parts: Some(incoming) }));
    }

    /// Hands over a later part; gives it back when it does not fit: out of order, or too many at once.
    pub(super) fn add(&mut self, number: u32, part: PartIn) -> Result<(), PartIn> {
        match &self.parts {
            Some(parts) if number == self.next => {
                self.next = self.next.wrapping_add(1);
                parts.try_send(part).map_err(|refused| match refused {
                    mpsc::error::TrySendError::Full(part)
                    | mpsc::error::TrySendError::Closed(part) => part,
                })
            }
            _ => Err(part),
        }
    }
}

// === impl Ticket ===

impl Ticket {
    pub(super) fn new(waiting: &WaitingRequests, number: u64) -> Self {
        Self { waiting: Rc::clone(waiting), number }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.waiting.borrow_mut().remove(self.number);
    }
}
