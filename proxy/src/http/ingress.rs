//! Ingress of an http mapping: each request becomes a message to the queue, each answer a response.

use std::cell::RefCell;
use std::rc::Rc;

use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::answer;
use super::body::{CollectError, Held, collect};
use super::parts::{Answer, PartIn, Reply, ResponseBody, Ticket, WINDOW, Waiter, WaitingRequests};
use super::serve::serve;
use crate::context::MappingTask;
use crate::domain::envelope::{Form, Part, Then};
use crate::domain::exchange::{Exchange, Settled, Step};
use crate::domain::failure::{Failure, Refusal};
use crate::domain::request::RequestHead;
use crate::domain::response;
use crate::domain::waiting::Waiting;
use crate::link::{Connection, Delivery, LinkDown, Network, ReceiveFrom, Receiver, SendTo, Sender};
use crate::listener;
use crate::race::{Either, race};
use crate::session;

type SenderOf<N> = <<N as Network>::Connection as Connection>::Sender;

/// Shared state of one ingress mapping.
pub(super) struct Ingress<N: Network> {
    task: MappingTask<N>,
    uplink: RefCell<Option<Rc<Uplink<SenderOf<N>>>>>,
    waiting: WaitingRequests,
}

/// The links of the current connection.
struct Uplink<S> {
    sender: S,
    reply_to: String,
}

/// While there are links; when they go, however that comes about, those who wait are told.
struct Attached<'a, N: Network>(&'a Ingress<N>);

/// Runs the mapping until it is dropped.
pub(crate) async fn run<N: Network>(task: MappingTask<N>) {
    let waiting = Rc::new(RefCell::new(Waiting::new(task.context.limits.waiting)));
    let ingress = Rc::new(Ingress { task, uplink: RefCell::new(None), waiting });
    let serving = Rc::clone(&ingress);
    let listen = listener::run(&ingress.task, |stream, _peer| serve(Rc::clone(&serving), stream));
    let connect = session::keep(&ingress.task, |connection| ingress.attached(connection));
    race(listen, connect).await;
}

// === impl Attached ===

impl<N: Network> Drop for Attached<'_, N> {
    fn drop(&mut self) {
        self.0.uplink.replace(None);
        for mut waiter in self.0.waiting.borrow_mut().drain() {
            waiter.tell(Err(Failure::RouterLost));
        }
    }
}

// === impl Ingress ===

impl<N: Network> Ingress<N> {
    /// Attaches the links and hands out answers until the connection is lost.
    async fn attached(&self, connection: N::Connection) -> Result<(), LinkDown> {
        let limits = &self.task.context.limits;
        let mut replies = connection
            .receiver(ReceiveFrom {
                source: None,
                // Enough for every answer in parts to fill its window: a slow client must not hold up
                // others. Bytes are bounded by the budget.
                credit: u32::try_from(limits.waiting.saturating_mul(WINDOW)).unwrap_or(u32::MAX),
                renew: true,
                most: limits.body.saturating_add(64 << 10),
                session: None,
            })
            .await?;
        let reply_to = replies.address().unwrap_or_default().to_owned();
        let sender = connection.sender(SendTo::target(self.task.mapping.queue.as_str())).await?;
        let uplink = Rc::new(Uplink { sender, reply_to });
        self.uplink.replace(Some(Rc::clone(&uplink)));
        self.task.connected(true);
        let _attached = Attached(self);
        match race(self.hand_out(&mut replies), uplink.sender.detached()).await {
            Either::Left(lost) | Either::Right(lost) => Err(lost),
        }
    }

    async fn hand_out(&self, replies: &mut <N::Connection as Connection>::Receiver) -> LinkDown {
        loop {
            match replies.recv().await {
                Ok(delivery) => self.hand_out_one(delivery),
                Err(lost) => return lost,
            }
        }
    }

    /// Gives an answer, or a part of one, to the request that waits for it. Whole answers are always
    /// accepted: no one else could use them. A part that is not wanted is rejected, which tells the far
    /// proxy to stop.
    fn hand_out_one(&self, delivery: impl Delivery) {
        let reservation = self.task.context.budget.reserve(delivery.len());
        let message = match delivery.envelope() {
            Ok(message) => message,
            Err(error) => {
                log::warn!("{}: reply dropped: {error}", self.task.name);
                return delivery.settle(Settled::Accepted);
            }
        };
        let mut waiting = self.waiting.borrow_mut();
        let Some((number, waiter)) = waiting.find(message.correlation_id.as_ref()) else {
            log::info!("{}: reply dropped: no request waits for it", self.task.name);
            let part = matches!(message.form, Form::Part(_));
            return delivery.settle(if part { Settled::Rejected } else { Settled::Accepted });
        };
        self.task.counters.received(message.body.len());
        let Some(reservation) = reservation else {
            waiter.tell(Err(Failure::OverBudget));
            waiting.remove(number);
            return delivery.settle(Settled::Rejected);
        };
        match message.form {
            Form::Part(Part { number: 0, .. }) => {
                waiter.begin(message, reservation);
                delivery.settle(Settled::Accepted);
            }
            Form::Part(Part { then: Then::Abort, .. }) => {
                waiting.remove(number);
                delivery.settle(Settled::Accepted);
            }
            Form::Part(part) => {
                let last = part.then == Then::End;
                let settle = Box::new(move |outcome| delivery.settle(outcome));
                let added = waiter
                    .add(part.number, PartIn { bytes: message.body, last, reservation, settle });
                if let Err(refused) = added {
                    log::warn!("{}: answer broken off: part out of place", self.task.name);
                    (refused.settle)(Settled::Rejected);
                    waiting.remove(number);
                }
            }
            Form::Whole | Form::PartsWelcome => {
                waiter.tell(Ok(Reply { message, reservation, parts: None }));
                waiting.remove(number);
                delivery.settle(Settled::Accepted);
            }
        }
    }

    /// Answers one request.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<ResponseBody> {
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
        let message = head.into_envelope(body.bytes, &uplink.reply_to, number);
        let origin = Instant::now();
        let now = || origin.elapsed();
        let (mut exchange, mut step) = Exchange::start(self.task.context.limits.timings, now());
        loop {
            let pending = match step {
                Step::AwaitCredit(until) => {
                    let send = tokio::time::timeout_at(
                        origin + until,
                        uplink.sender.send(message.clone()),
                    );
                    match race(send, &mut answer).await {
                        Either::Left(Ok(Ok(pending))) => {
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
