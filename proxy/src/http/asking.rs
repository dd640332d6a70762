//! One request of an egress mapping: asked of the target, while its client is still there.

use hyper::body::Body;

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
                    let question = message.question();
                    match race(self.request(message), self.unwanted(question, replies)).await {
                        Either::Left(served) => served,
                        Either::Right(()) => {
                            let cause = "client has left";
                            Err(Unserved::new(Settled::Modified, Failure::ClientGone, cause))
                        }
                    }
                }
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
                log::info!("{}: request failed: {}", self.task.name, unserved.cause);
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

    /// Asks now and then whether someone still waits; returns once no one does. Without this, a request
    /// whose client has left would keep its place and its connection until the target answers.
    async fn unwanted(&self, question: Option<Envelope>, replies: &impl Sender) {
        let Some(question) = question else { return std::future::pending().await };
        loop {
            tokio::time::sleep(self.task.context.limits.probe).await;
            if let Err(gone) = send_whole(question.clone(), replies).await {
                log::debug!("{}: no one waits: {gone}", self.task.name);
                return;
            }
        }
    }
}

// === impl Unserved ===

impl Unserved {
    fn new(settled: Settled, failure: Failure, cause: impl ToString) -> Self {
        Self { settled, failure, cause: cause.to_string() }
    }
}
