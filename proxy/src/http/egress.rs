//! Egress of an http mapping: each message from the queue becomes a request to the target.

use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::task::JoinSet;

use super::body::{Held, collect};
use super::parts::WINDOW;
use super::pool::{Lease, Pool};
use crate::context::MappingTask;
use crate::counters::MappingState;
use crate::domain::budget::Reservation;
use crate::domain::envelope::{Envelope, Form, Part, Then};
use crate::domain::exchange::Settled;
use crate::domain::failure::Failure;
use crate::domain::{request, response};
use crate::link::{
    Connection, Delivery, LinkDown, Network, Pending, ReceiveFrom, Receiver, SendTo, Sender,
};
use crate::race::{Either, race};
use crate::session;

/// Answers up to this length are sent whole, even to a peer that takes parts.
const WHOLE: u64 = 64 << 10;
/// Bytes of one part at most.
const PART: usize = 32 << 10;

/// Runs the mapping until it is dropped.
pub(crate) async fn run<N: Network>(task: MappingTask<N>) {
    let context = &task.context;
    let pool = Pool::new(&context.target_host, task.mapping.port, context.limits.idle);
    let egress = Rc::new(Egress { task, pool });
    egress.task.counters.set_state(MappingState::Running);
    let serving = Rc::clone(&egress);
    session::keep(&egress.task, move |connection| attached(Rc::clone(&serving), connection)).await;
}

struct Egress<N> {
    task: MappingTask<N>,
    pool: Pool,
}

/// What the target answered.
enum Answer {
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

/// Why a request got no response.
#[derive(Debug)]
struct Unserved {
    settled: Settled,
    failure: Failure,
    cause: String,
}

/// Attaches the links and serves requests until the connection is lost.
async fn attached<N: Network>(
    egress: Rc<Egress<N>>,
    connection: N::Connection,
) -> Result<(), LinkDown> {
    let limits = &egress.task.context.limits;
    let replies = Rc::new(connection.sender(SendTo::anywhere()).await?);
    let mut requests = connection
        .receiver(ReceiveFrom {
            source: Some(egress.task.mapping.queue.as_str().to_owned()),
            credit: limits.parallel,
            renew: true,
            most: limits.body.saturating_add(64 << 10),
            session: None,
        })
        .await?;
    egress.task.connected(true);
    // Dropped with the connection: what it answers could not be sent any more.
    let mut running = JoinSet::new();
    loop {
        let received = match race(requests.recv(), replies.detached()).await {
            Either::Left(received) => received,
            Either::Right(lost) => Err(lost),
        };
        while running.try_join_next().is_some() {}
        match received {
            Ok(delivery) => {
                let egress = Rc::clone(&egress);
                let replies = Rc::clone(&replies);
                running.spawn_local(async move { egress.serve(delivery, &*replies).await });
            }
            Err(lost) => return Err(lost),
        }
    }
}

// === impl Egress ===

impl<N: Network> Egress<N> {
    /// Serves one request and settles its delivery once the answer is out.
    async fn serve(&self, delivery: impl Delivery, replies: &impl Sender) {
        let _active = self.task.counters.begin();
        let served = match self.task.context.budget.reserve(delivery.len()) {
            None => Err(Unserved::new(Settled::Modified, Failure::OverBudget, "no buffer space")),
            Some(_held) => match delivery.envelope() {
                Err(error) => Err(Unserved::new(Settled::Rejected, Failure::Refused, error)),
                Ok(message) => self.request(message).await,
            },
        };
        match served {
            Ok(answer) => {
                if matches!(answer, Answer::Parts { .. }) {
                    // Long answers must not hold the credit that others need.
                    delivery.settle(Settled::Accepted);
                    self.send(answer, replies).await;
                } else {
                    self.send(answer, replies).await;
                    delivery.settle(Settled::Accepted);
                }
            }
            Err(unserved) => {
                self.task.counters.fail(unserved.failure);
                log::warn!("{}: request failed: {}", self.task.name, unserved.cause);
                delivery.settle(unserved.settled);
            }
        }
    }

    /// Asks the target.
    async fn request(&self, message: Envelope) -> Result<Answer, Unserved> {
        let limits = &self.task.context.limits;
        let refused = |cause: String| Unserved::new(Settled::Rejected, Failure::Refused, cause);
        let reply_to = message.reply_to.clone().filter(|address| !address.is_empty());
        let reply_to = reply_to.ok_or_else(|| refused("message has no reply-to".to_owned()))?;
        let request = request::from_envelope(&message, &self.pool.authority());
        let request = request.map_err(|error| refused(error.to_string()))?;
        let method = request.method().clone();
        let parts_welcome = message.form == Form::PartsWelcome;
        let correlation = message.correlation_id.clone();
        self.task.counters.received(message.body.len());
        drop(message);
        let failed = |cause: String| Unserved::new(Settled::Modified, Failure::TargetFailed, cause);
        let asked = async {
            let sent = self.pool.send(request).await;
            let (response, lease) = sent.map_err(|error| failed(error.to_string()))?;
            let (head, body) = response.into_parts();
            let small = body.size_hint().upper().is_some_and(|length| length <= WHOLE);
            if parts_welcome && !small && !response::is_bodiless(&method, head.status) {
                let first = response::into_first_part(&head, reply_to, correlation);
                return Ok(Answer::Parts { first, body, lease });
            }
            let budget = &self.task.context.budget;
            let held = collect(body, limits.body, limits.timings.target, budget).await;
            let held = held.map_err(|error| failed(format!("target's response: {error:?}")))?;
            self.pool.keep(lease).await;
            let Held { bytes, reservation } = held;
            let message = response::into_envelope(&head, bytes, &method, reply_to, correlation);
            Ok(Answer::Whole { message, _held: reservation })
        };
        let asked = tokio::time::timeout(limits.timings.target, asked).await;
        asked.unwrap_or_else(|_| {
            let cause = "target did not answer in time";
            Err(Unserved::new(Settled::Modified, Failure::NoAnswer, cause))
        })
    }

    /// Sends the answer. The request has been served, whatever becomes of it: the target is never asked
    /// twice.
    async fn send(&self, answer: Answer, replies: &impl Sender) {
        let sent = match answer {
            Answer::Whole { message, _held } => {
                let length = message.body.len();
                send_whole(message, replies).await.map(|()| self.task.counters.sent(length))
            }
            Answer::Parts { first, body, lease } => {
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

async fn send_whole(message: Envelope, replies: &impl Sender) -> Result<(), LinkDown> {
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

// === impl Unserved ===

impl Unserved {
    fn new(settled: Settled, failure: Failure, cause: impl ToString) -> Self {
        Self { settled, failure, cause: cause.to_string() }
    }
}
