//! Ingress of an http mapping: each request becomes a message to the queue, each answer a response.

use std::cell::RefCell;
use std::rc::Rc;

use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::answer;
use super::body::{CollectError, Held, collect};
use super::serve::serve;
use crate::context::{Context, MappingTask};
use crate::counters::MappingState;
use crate::domain::budget::Reservation;
use crate::domain::envelope::Envelope;
use crate::domain::exchange::{Exchange, Settled, Step};
use crate::domain::failure::{Failure, Refusal};
use crate::domain::request::RequestHead;
use crate::domain::response;
use crate::domain::waiting::Waiting;
use crate::link::{Connection, Delivery, LinkDown, Network, ReceiveFrom, Receiver, SendTo, Sender};
use crate::listener;
use crate::race::{Either, race};
use crate::session;

type Answer = Result<(Envelope, Reservation), Failure>;
type SenderOf<N> = <<N as Network>::Connection as Connection>::Sender;

/// Shared state of one ingress mapping.
pub(super) struct Ingress<N: Network> {
    task: MappingTask<N>,
    uplink: RefCell<Option<Rc<Uplink<SenderOf<N>>>>>,
    waiting: RefCell<Waiting<oneshot::Sender<Answer>>>,
}

/// The links of the current connection.
struct Uplink<S> {
    sender: S,
    reply_to: String,
}

/// Forgets a waiting request when its client has been told or has gone.
struct Ticket<'a> {
    waiting: &'a RefCell<Waiting<oneshot::Sender<Answer>>>,
    number: u64,
}

/// Runs the mapping until it is dropped.
pub(crate) async fn run<N: Network>(task: MappingTask<N>) {
    let waiting = RefCell::new(Waiting::new(task.context.limits.waiting));
    let ingress = Rc::new(Ingress { task, uplink: RefCell::new(None), waiting });
    let serving = Rc::clone(&ingress);
    let listen = listener::run(&ingress.task, |stream, _peer| serve(Rc::clone(&serving), stream));
    let connect = session::keep(&ingress.task, |connection| ingress.attached(connection));
    race(listen, connect).await;
    ingress.task.counters.set_state(MappingState::Starting);
}

// === impl Ticket ===

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.waiting.borrow_mut().remove(self.number);
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
                credit: limits.parallel.saturating_mul(4),
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
        let lost = match race(self.hand_out(&mut replies), uplink.sender.detached()).await {
            Either::Left(lost) | Either::Right(lost) => lost,
        };
        self.uplink.replace(None);
        self.task.connected(false);
        for waiter in self.waiting.borrow_mut().drain() {
            let _ = waiter.send(Err(Failure::RouterLost));
        }
        Err(lost)
    }

    async fn hand_out(&self, replies: &mut <N::Connection as Connection>::Receiver) -> LinkDown {
        loop {
            let delivery = match replies.recv().await {
                Ok(delivery) => delivery,
                Err(lost) => return lost,
            };
            let reservation = self.task.context.budget.reserve(delivery.len());
            let reply = delivery.envelope();
            // Whatever it is, no one else could use it: always accepted.
            delivery.settle(Settled::Accepted);
            let reply = match reply {
                Ok(reply) => reply,
                Err(error) => {
                    log::warn!("{}: reply dropped: {error}", self.task.name);
                    continue;
                }
            };
            let waiter = self.waiting.borrow_mut().answer(reply.correlation_id.as_ref());
            let Some(waiter) = waiter else {
                log::info!("{}: reply dropped: no request waits for it", self.task.name);
                continue;
            };
            self.task.counters.received(reply.body.len());
            let _ = waiter.send(match reservation {
                Some(reservation) => Ok((reply, reservation)),
                None => Err(Failure::OverBudget),
            });
        }
    }

    /// Answers one request.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Held> {
        let _active = self.task.counters.begin();
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
        let (reply, reservation) = match self.exchange(head, held).await {
            Ok(answered) => answered,
            Err(failure) => return self.failed(failure),
        };
        match response::from_envelope(&reply, &method) {
            Ok(response) => response.map(|bytes| Held { bytes, reservation: Some(reservation) }),
            Err(error) => {
                log::warn!("{}: reply is not valid: {error}", self.task.name);
                self.failed(Failure::BadReply)
            }
        }
    }

    fn failed(&self, failure: Failure) -> Response<Held> {
        self.task.counters.fail(failure);
        log::info!("{}: request failed: {}", self.task.name, failure.name());
        answer::failed(failure, self.task.context.compat)
    }

    async fn exchange(&self, head: RequestHead, body: Held) -> Answer {
        let uplink = self.uplink.borrow().clone().ok_or(Failure::RouterDown)?;
        let (waiter, mut answer) = oneshot::channel();
        let number = self.waiting.borrow_mut().insert(waiter);
        let number = number.map_err(|_| Failure::TooManyWaiting)?;
        let _ticket = Ticket { waiting: &self.waiting, number };
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
                            return answered.unwrap_or(Err(Failure::RouterLost));
                        }
                    }
                }
                Step::Resend(at) => {
                    match race(&mut answer, tokio::time::sleep_until(origin + at)).await {
                        Either::Left(answered) => {
                            return answered.unwrap_or(Err(Failure::RouterLost));
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
                Ok(Either::Left(answered)) => return answered.unwrap_or(Err(Failure::RouterLost)),
                Ok(Either::Right(Ok(outcome))) => step = exchange.settled(outcome, now()),
                Ok(Either::Right(Err(_))) => return Err(Failure::RouterLost),
                Err(_) => return Err(exchange.expired()),
            }
        }
    }
}

impl<N: Network> AsRef<Context<N>> for Ingress<N> {
    fn as_ref(&self) -> &Context<N> {
        &self.task.context
    }
}
