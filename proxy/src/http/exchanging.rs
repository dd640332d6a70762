//! One request of an ingress mapping: read, sent to the queue, answered.

use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::answer;
use super::body::{CollectError, Held, collect};
use super::ingress::Ingress;
use super::parts::{ResponseBody, Served};
use super::waiter::{Answer, Reply, Ticket, Waiter};
use crate::clients::{Activity, Stage};
use crate::domain::exchange::{Exchange, Step};
use crate::domain::failure::{Failure, Refusal};
use crate::domain::request::RequestHead;
use crate::domain::response;
use crate::link::{Network, Sender, encode};
use crate::race::{Either, race};

// === impl Ingress ===

impl<N: Network> Ingress<N> {
    /// Answers one request, and says meanwhile what its client does.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        activity: Activity,
    ) -> Response<ResponseBody> {
        activity.set(Stage::Sending);
        let mut served = None;
        let response = self.respond(request, || served = Some(Served::new(activity.clone()))).await;
        let served = served.unwrap_or_else(|| Served::new(activity));
        response.map(|body| body.served(served))
    }

    /// Answers one request; `complete` is called once all of it has been read.
    async fn respond(
        &self,
        request: Request<Incoming>,
        complete: impl FnOnce(),
    ) -> Response<ResponseBody> {
        let active = self.task.counters.begin();
        let (parts, body) = request.into_parts();
        let refused = |refusal: Refusal| {
            crate::counters::add(&self.task.counters.refused, 1);
            log::info!("{}: refused with {}", self.task.name, refusal.status());
            answer::refused(refusal)
        };
        let head = match RequestHead::read(&parts) {
            Ok(head) => head,
            Err(refusal) => return refused(refusal),
        };
        if self.uplink.borrow().is_none() {
            return self.failed(Failure::RouterDown);
        }
        let limits = &self.task.context.limits;
        let budget = &self.task.context.budget;
        let held = match collect(body, limits.body, limits.stall, budget).await {
            Ok(held) => held,
            Err(CollectError::TooLarge) => return refused(Refusal::TooLarge(limits.body)),
            Err(CollectError::Stalled) => return refused(Refusal::Timeout),
            Err(CollectError::Broken) => return refused(Refusal::BadRequest("body is not valid")),
            Err(CollectError::OverBudget) => return self.failed(Failure::OverBudget),
        };
        complete();
        let method = head.method().clone();
        let (reply, ticket) = match self.exchange(head, held).await {
            Ok(answered) => answered,
            Err(failure) => return self.failed(failure),
        };
        let response = match response::from_envelope(&reply.message, &method) {
            Ok(response) => response,
            Err(error) => {
                log::warn!("{}: reply is not valid: {error}", self.task.name);
                return self.failed(Failure::BadReply);
            }
        };
        match reply.parts {
            None => {
                response.map(|bytes| Held { bytes, reservation: Some(reply.reservation) }.into())
            }
            Some(parts) => response.map(|_| ResponseBody::parts(parts, ticket, active)),
        }
    }

    fn failed(&self, failure: Failure) -> Response<ResponseBody> {
        self.task.counters.fail(failure);
        log::info!("{}: request failed: {}", self.task.name, failure.name());
        answer::failed(failure, self.task.context.compat)
    }

    async fn exchange(&self, head: RequestHead, body: Held) -> Result<(Reply, Ticket), Failure> {
        let uplink = self.uplink.borrow().clone().ok_or(Failure::RouterDown)?;
        let (waiter, mut answer) = Waiter::new();
        let number = self.waiting.borrow_mut().insert(waiter);
        let number = number.map_err(|_| Failure::TooManyWaiting)?;
        let ticket = Ticket::new(&self.waiting, number);
        let sent_bytes = body.bytes.len();
        let message = encode(head.into_envelope(body.bytes, &uplink.reply_to, number));
        let origin = Instant::now();
        let now = || origin.elapsed();
        let (mut exchange, mut step) = Exchange::start(self.task.context.limits.timings, now());
        loop {
            let pending = match step {
                Step::AwaitCredit(until) => {
                    let send = tokio::time::timeout_at(
                        origin + until,
                        uplink.sender.send_sealed(message.clone()),
                    );
                    match race(send, &mut answer).await {
                        Either::Left(Ok(Ok(pending))) => {
                            uplink.receipts.pay();
                            self.task.counters.sent(sent_bytes);
                            step = exchange.sent(now());
                            Some(pending)
                        }
                        Either::Left(Ok(Err(_))) => return Err(Failure::RouterLost),
                        Either::Left(Err(_)) => return Err(exchange.expired()),
                        Either::Right(answered) => {
                            return received(answered, ticket);
                        }
                    }
                }
                Step::Resend(at) => {
                    match race(&mut answer, tokio::time::sleep_until(origin + at)).await {
                        Either::Left(answered) => {
                            return received(answered, ticket);
                        }
                        Either::Right(()) => step = exchange.resend_credit(now()),
                    }
                    continue;
                }
                Step::AwaitAnswer(_) => None,
                Step::Fail(failure) => return Err(failure),
            };
            let Step::AwaitAnswer(until) = step else { continue };
            let wait = async {
                match pending {
                    Some(pending) => match race(&mut answer, pending).await {
                        Either::Left(answered) => Either::Left(answered),
                        Either::Right(outcome) => Either::Right(outcome),
                    },
                    None => Either::Left((&mut answer).await),
                }
            };
            match tokio::time::timeout_at(origin + until, wait).await {
                Ok(Either::Left(answered)) => return received(answered, ticket),
                Ok(Either::Right(Ok(outcome))) => step = exchange.settled(outcome, now()),
                Ok(Either::Right(Err(_))) => return Err(Failure::RouterLost),
                Err(_) => return Err(exchange.expired()),
            }
        }
    }
}

fn received(
    answered: Result<Answer, oneshot::error::RecvError>,
    ticket: Ticket,
) -> Result<(Reply, Ticket), Failure> {
    let reply = answered.unwrap_or(Err(Failure::RouterLost))?;
    Ok((reply, ticket))
}
