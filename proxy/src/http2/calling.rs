//! One stream of an ingress mapping: its request sent to the queue, the rest of it to whoever answers, and the
//! response back to the client.

use std::rc::Rc;
use std::time::Duration;

use h2::Reason;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};
use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::calls::{Call, Far, Told};
use super::inflow::{self, Inflow};
use super::ingress::{Ingress, Uplink};
use super::outflow::{Chunk, Outflow, Stop};
use super::serve::Busy;
use crate::domain::envelope::{CorrelationId, Envelope};
use crate::domain::exchange::{Exchange, Settled, Step};
use crate::domain::failure::{Failure, Refusal};
use crate::domain::stream::{self, Side};
use crate::link::{Network, Sender};
use crate::race::{Either, race};

/// What a head waits for the first bytes behind it, so that small requests are one message.
const GATHER: Duration = Duration::from_millis(1);

/// A stream that is under way. Dropped before the response has ended, it tells the far proxy to stop.
struct Under<N: Network> {
    ingress: Rc<Ingress<N>>,
    uplink: Rc<Uplink<N::Connection>>,
    number: u64,
    side: Side,
    far: watch::Receiver<Option<Far>>,
    /// Sends the rest of the request.
    rest: Option<AbortHandle>,
}

// === impl Ingress ===

impl<N: Network> Ingress<N> {
    /// Answers one request.
    ///
    /// # Errors
    /// The code with which the stream is reset.
    pub(super) async fn answer(
        self: Rc<Self>,
        request: Request<Incoming>,
        busy: Busy,
    ) -> Result<Response<Inflow>, h2::Error> {
        let active = self.task.counters.begin();
        let (parts, mut body) = request.into_parts();
        let head = match stream::from_request(&parts) {
            Ok(head) => head,
            Err(refusal) => return Ok(self.refused(refusal)),
        };
        let Some(uplink) = self.uplink.borrow().clone() else {
            return Ok(self.failed(Failure::RouterDown));
        };
        let (inlet, inflow) = inflow::channel();
        let (call, mut told, far) = Call::new(inlet);
        let Ok(number) = self.calls.borrow_mut().insert(call) else {
            return Ok(self.failed(Failure::TooManyWaiting));
        };
        let correlation_id = Some(CorrelationId::Number(number));
        let side = Side { reply_to: uplink.reply_to.clone(), correlation_id };
        let mut under = Under { ingress: Rc::clone(&self), uplink, number, side, far, rest: None };
        let mut chunk = Chunk::default();
        race(chunk.fill(&mut body), tokio::time::sleep(GATHER)).await;
        if let Some(reason) = chunk.reset() {
            return Err(reason.into());
        }
        let (bytes, piece) = chunk.take();
        let ended = piece.ended;
        let message = under.side.opening(head, bytes, piece);
        let early = match self.open(&under.uplink, message, &mut told).await {
            Ok(early) => early,
            Err(failure) => return Ok(self.failed(failure)),
        };
        // Also when the head came as quickly as the word that the request was taken.
        under.send_rest(body, ended);
        let told = match early {
            Some(told) => told,
            None => told.await.unwrap_or(Told::Failed(Failure::RouterLost)),
        };
        let (message, bare) = match told {
            Told::Head { message, bare } => (message, bare),
            Told::Failed(failure) => return Ok(self.failed(failure)),
            Told::Reset(reason) => return Err(reason.into()),
        };
        let Ok(response) = stream::to_response(&message) else {
            log::warn!("{}: reply is not valid", self.task.name);
            return Ok(self.failed(Failure::BadReply));
        };
        let body = if bare { Inflow::empty() } else { inflow.keeping((under, active, busy)) };
        Ok(response.map(|()| body))
    }

    /// Sends the message that opens a stream until it is taken, or answered.
    async fn open(
        &self,
        uplink: &Uplink<N::Connection>,
        message: Envelope,
        told: &mut oneshot::Receiver<Told>,
    ) -> Result<Option<Told>, Failure> {
        let origin = Instant::now();
        let now = || origin.elapsed();
        let (mut exchange, mut step) = Exchange::start(self.task.context.limits.timings, now());
        loop {
            match step {
                Step::Fail(failure) => return Err(failure),
                Step::AwaitAnswer(_) => return Ok(None),
                Step::Resend(at) => {
                    tokio::time::sleep_until(origin + at).await;
                    step = exchange.resend_credit(now());
                }
                Step::AwaitCredit(until) => {
                    let send = uplink.queue.send(message.clone());
                    let sent = match tokio::time::timeout_at(origin + until, send).await {
                        Ok(sent) => sent.map_err(|_| Failure::RouterLost)?,
                        Err(_) => return Err(exchange.expired()),
                    };
                    self.task.counters.sent(message.body.len());
                    exchange.sent(now());
                    match race(&mut *told, sent).await {
                        Either::Left(told) => {
                            return told.map(Some).map_err(|_| Failure::RouterLost);
                        }
                        Either::Right(Ok(outcome)) => step = exchange.settled(outcome, now()),
                        Either::Right(Err(_)) => return Err(Failure::RouterLost),
                    }
                }
            }
        }
    }

    fn failed(&self, failure: Failure) -> Response<Inflow> {
        self.task.counters.fail(failure);
        log::info!("{}: request failed: {}", self.task.name, failure.name());
        let compat = self.task.context.compat;
        let mut response = text(failure.status(compat), failure.text());
        if let Some(seconds) = failure.retry_after().filter(|_| !compat) {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    fn refused(&self, refusal: Refusal) -> Response<Inflow> {
        crate::counters::add(&self.task.counters.refused, 1);
        log::info!("{}: refused with {}", self.task.name, refusal.status());
        text(refusal.status(), &refusal.text())
    }
}

fn text(status: u16, line: &str) -> Response<Inflow> {
    let mut response = Response::new(Inflow::text(format!("{line}\n")));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

// === impl Under ===

impl<N: Network> Under<N> {
    /// Sends the rest of the request once it is known where to, and watches over the far proxy after that.
    fn send_rest(&mut self, mut body: Incoming, ended: bool) {
        let (ingress, uplink) = (Rc::clone(&self.ingress), Rc::clone(&self.uplink));
        let (number, side, mut known) = (self.number, self.side.clone(), self.far.clone());
        let rest = iofog_task::spawn(async move {
            let far = known.wait_for(Option::is_some).await.ok().and_then(|far| far.clone());
            let Some(Far { address, ours }) = far else { return };
            let Ok(sender) = uplink.far.to(&address).await else { return ingress.lost(number) };
            let limits = &ingress.task.context.limits;
            let (probe, patience) = (limits.probe, limits.timings.credit);
            let counters = Rc::clone(&ingress.task.counters);
            let outflow = Outflow { sender, side, ours, probe, patience, counters };
            let sent = if ended { Ok(()) } else { outflow.run(None, &mut body).await };
            match sent {
                Ok(()) => {
                    let gone = outflow.linger().await;
                    log::debug!("{}: far proxy gone: {gone:?}", ingress.task.name);
                }
                Err(Stop::Gone(gone)) => {
                    log::debug!("{}: far proxy gone: {gone:?}", ingress.task.name);
                }
                Err(Stop::Reset(_)) => {
                    // Told already; the client wants no response any more.
                    drop(ingress.calls.borrow_mut().remove(number));
                    return;
                }
            }
            uplink.far.forget(&address);
            ingress.lost(number);
        });
        self.rest = Some(rest.abort_handle());
    }
}

impl<N: Network> Drop for Under<N> {
    fn drop(&mut self) {
        if let Some(rest) = &self.rest {
            rest.abort();
        }
        if self.ingress.calls.borrow_mut().remove(self.number).is_none() {
            return;
        }
        let Some(Far { address, .. }) = self.far.borrow().clone() else { return };
        self.ingress.task.counters.fail(Failure::ClientGone);
        let (uplink, side) = (Rc::clone(&self.uplink), self.side.clone());
        iofog_task::spawn(async move {
            if let Ok(sender) = uplink.far.to(&address).await
                && let Ok(pending) = sender.send(side.abort(Reason::CANCEL.into())).await
            {
                let _: Result<Settled, _> = pending.await;
            }
        });
    }
}
