//! Answers in parts: a response body that flows while it arrives (proxy.md section 3.4).

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{mpsc, oneshot};

use super::body::Held;
use crate::counters::Active;
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

/// A response body: complete, or in parts.
pub(super) enum ResponseBody {
    /// All of it.
    Held(Held),
    /// As it arrives.
    Parts(Parts),
}

/// A body that arrives.
pub(super) struct Parts {
    incoming: mpsc::Receiver<PartIn>,
    ended: bool,
    _ticket: Ticket,
    _active: Active,
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

// === impl ResponseBody ===

impl ResponseBody {
    pub(super) fn parts(incoming: mpsc::Receiver<PartIn>, ticket: Ticket, active: Active) -> Self {
        Self::Parts(Parts { incoming, ended: false, _ticket: ticket, _active: active })
    }
}

impl From<Held> for ResponseBody {
    fn from(held: Held) -> Self {
        Self::Held(held)
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Held(held) => match Pin::new(held).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(Ok(frame))),
                Poll::Ready(Some(Err(never))) => match never {},
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            },
            Self::Parts(parts) => parts.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Held(held) => held.is_end_stream(),
            Self::Parts(parts) => parts.ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Held(held) => held.size_hint(),
            Self::Parts(_) => SizeHint::default(),
        }
    }
}

// === impl Parts ===

impl Parts {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            let Poll::Ready(part) = self.incoming.poll_recv(cx) else { return Poll::Pending };
            let Some(part) = part else {
                // The connection is cut, so that the client does not take this for the end.
                self.ended = true;
                return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
            };
            (part.settle)(Settled::Accepted);
            drop(part.reservation);
            self.ended = part.last;
            if !part.bytes.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(part.bytes))));
            }
        }
    }
}
