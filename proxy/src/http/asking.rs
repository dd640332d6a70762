//! One request of an egress mapping: asked of the target, while its client is still there.

use hyper::body::Body;
use tokio::time::Instant;

use super::answering::{Answer, send_whole};
use super::body::{Held, collect};
use super::egress::Egress;
use crate::domain::envelope::{Envelope, Form};
use crate::domain::exchange::Settled;
use crate::domain::failure::Failure;
use crate::domain::{request, response};
use crate::link::{Delivery, Network, Sender};
use crate::race::{Either, race};

/// Answers up to this length are sent whole, even to a peer that takes parts.
const WHOLE: u64 = 64 << 10;

/// Why a request got no response.
#[derive(Debug)]
struct Unserved {
    settled: Settled,
    failure: Failure,
    cause: String,
}

// === impl Egress ===

impl<N: Network> Egress<N> {
    /// Serves one request and settles its delivery once the answer is out.
    pub(super) async fn serve(&self, delivery: impl Delivery, replies: &impl Sender) {
        let _active = self.task.counters.begin();
        let served = match self.task.context.budget.reserve(delivery.len()) {
            None => Err(Unserved::new(Settled::Modified, Failure::OverBudget, "no buffer space")),
            Some(_held) => match delivery.envelope() {
                Err(error) => Err(Unserved::new(Settled::Rejected, Failure::Refused, error)),
                Ok(message) => {
                    match race(self.request(&message), self.unwanted(&message, replies)).await {
                        Either::Left(served) => served,
                        Either::Right(unserved) => Err(unserved),
                    }
                }
            },
        };
        match served {
            Ok(answer) => {
                self.send(answer, replies, || delivery.settle(Settled::Accepted)).await;
            }
            Err(unserved) => {
                self.task.counters.fail(unserved.failure);
                log::info!("{}: request failed: {}", self.task.name, unserved.cause);
                delivery.settle(unserved.settled);
            }
        }
    }

    /// Asks the target.
    async fn request(&self, message: &Envelope) -> Result<Answer, Unserved> {
        let limits = &self.task.context.limits;
        let refused = |cause: String| Unserved::new(Settled::Rejected, Failure::Refused, cause);
        let reply_to = message.reply_to.clone().filter(|address| !address.is_empty());
        let reply_to = reply_to.ok_or_else(|| refused("message has no reply-to".to_owned()))?;
        let authority = self.pool.authority();
        let request = request::from_envelope(message, authority);
        let request = request.map_err(|error| refused(error.to_string()))?;
        let method = request.method().clone();
        let parts_welcome = message.form == Form::PartsWelcome;
        let correlation = message.correlation_id.clone();
        self.task.counters.received(message.body.len());
        let failed = |cause: String| Unserved::new(Settled::Modified, Failure::TargetFailed, cause);
        let again = || request::from_envelope(message, authority).ok();
        let sent = self.pool.send(request, again).await;
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
    }

    /// Waits for the target's time to be over. Asks now and then whether someone still waits, and gives up once no one does: without
    /// this, a request whose client has left would keep its place and its connection until the target answers.
    async fn unwanted(&self, message: &Envelope, replies: &impl Sender) -> Unserved {
        let limits = &self.task.context.limits;
        let until = Instant::now() + limits.timings.target;
        loop {
            let next = Instant::now() + limits.probe;
            if message.form != Form::PartsWelcome || next >= until {
                tokio::time::sleep_until(until).await;
                break;
            }
            tokio::time::sleep_until(next).await;
            let Some(question) = message.question() else { continue };
            match tokio::time::timeout_at(until, send_whole(question, replies)).await {
                Ok(Ok(())) => {}
                Ok(Err(gone)) => {
                    log::debug!("{}: no one waits: {gone}", self.task.name);
                    let cause = "client has left";
                    return Unserved::new(Settled::Modified, Failure::ClientGone, cause);
                }
                Err(_) => break,
            }
        }
        Unserved::new(Settled::Modified, Failure::NoAnswer, "target did not answer in time")
    }
}

// === impl Unserved ===

impl Unserved {
    fn new(settled: Settled, failure: Failure, cause: impl ToString) -> Self {
        Self { settled, failure, cause: cause.to_string() }
    }
}
