//! Answers of a target on their way to the client: whole, or in parts while they arrive.

use std::collections::VecDeque;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::egress::Egress;
use super::pool::Lease;
use super::waiter::WINDOW;
use crate::domain::budget::Reservation;
use crate::domain::envelope::{Envelope, Form, Part, Then};
use crate::domain::exchange::Settled;
use crate::domain::failure::Failure;
use crate::domain::tunnel::ONE_FRAME;
use crate::link::{LinkDown, Network, Pending, Sender};
use crate::race::{Either, race};

/// Bytes of one part at most.
const PART: usize = ONE_FRAME;

/// What the target answered.
pub(super) enum Answer {
    /// With its complete body.
    Whole {
        /// The answer.
        message: Envelope,
        /// The body's part of the budget.
        _held: Option<Reservation>,
    },
    /// With a body that is still arriving.
    Parts {
        /// The head.
        first: Envelope,
        /// The rest.
        body: Incoming,
        /// The connection it comes on.
        lease: Lease,
    },
}

// === impl Egress ===

impl<N: Network> Egress<N> {
    /// Sends the answer. The request has been served, whatever becomes of it: the target is never asked twice. `served` says so:
    /// for a whole answer once it is on its way, so that both leave in one write, for one in parts before it, as long answers must
    /// not hold the credit that others need.
    pub(super) async fn send(&self, answer: Answer, replies: &impl Sender, served: impl FnOnce()) {
        let sent = match answer {
            Answer::Whole { message, _held } => {
                let length = message.body.len();
                let pending = replies.send(message).await;
                served();
                let taken = async { accepted(pending?.await?) };
                taken.await.map(|()| self.task.counters.sent(length))
            }
            Answer::Parts { first, body, lease } => {
                served();
                match self.send_parts(first, body, replies).await {
                    Ok(()) => {
                        self.pool.keep(lease).await;
                        Ok(())
                    }
                    Err(lost) => Err(lost),
                }
            }
        };
        if let Err(lost) = sent {
            log::info!("{}: answer was not taken: {lost}", self.task.name);
        }
    }

    /// Sends a body while it arrives, at most [`WINDOW`] parts ahead of the client.
    async fn send_parts(
        &self,
        first: Envelope,
        mut body: Incoming,
        replies: &impl Sender,
    ) -> Result<(), LinkDown> {
        let (to, correlation_id) = (first.to.clone(), first.correlation_id.clone());
        let part = |number, then, bytes| Envelope {
            to: to.clone(),
            correlation_id: correlation_id.clone(),
            form: Form::Part(Part { number, then }),
            body: bytes,
            ..Envelope::default()
        };
        send_whole(first, replies).await?;
        let mut in_flight: VecDeque<Pending> = VecDeque::new();
        let mut number = 0_u32;
        let mut rest = Bytes::new();
        loop {
            while in_flight.len() >= WINDOW {
                taken(&mut in_flight).await?;
            }
            if rest.is_empty() {
                let frame = match in_flight.front_mut() {
                    None => Either::Left(body.frame().await),
                    Some(oldest) => race(body.frame(), oldest).await,
                };
                match frame {
                    Either::Left(Some(Ok(frame))) => rest = frame.into_data().unwrap_or_default(),
                    Either::Left(end) => {
                        number = number.wrapping_add(1);
                        let then = if end.is_none() { Then::End } else { Then::Abort };
                        if then == Then::Abort {
                            self.task.counters.fail(Failure::TargetFailed);
                        }
                        in_flight.push_back(replies.send(part(number, then, Bytes::new())).await?);
                        while !in_flight.is_empty() {
                            taken(&mut in_flight).await?;
                        }
                        return match then {
                            Then::Abort => Err(LinkDown("target failed on the way".to_owned())),
                            Then::More | Then::End => Ok(()),
                        };
                    }
                    Either::Right(outcome) => {
                        in_flight.pop_front();
                        accepted(outcome?)?;
                    }
                }
                continue;
            }
            let bytes = rest.split_to(rest.len().min(PART));
            number = number.wrapping_add(1);
            self.task.counters.sent(bytes.len());
            in_flight.push_back(replies.send(part(number, Then::More, bytes)).await?);
        }
    }
}

pub(super) async fn send_whole(message: Envelope, replies: &impl Sender) -> Result<(), LinkDown> {
    accepted(replies.send(message).await?.await?)
}

async fn taken(in_flight: &mut VecDeque<Pending>) -> Result<(), LinkDown> {
    match in_flight.pop_front() {
        Some(oldest) => accepted(oldest.await?),
        None => Ok(()),
    }
}

fn accepted(outcome: Settled) -> Result<(), LinkDown> {
    match outcome {
        Settled::Accepted => Ok(()),
        other => Err(LinkDown(format!("{other:?}"))),
    }
}
