//! Egress of an http2 mapping: each stream from the queue becomes a request to the target.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use hyper::client::conn::http2::SendRequest;
use hyper::{Request, Response, StatusCode};
use iofog_task::boxed;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::WINDOW;
use super::inflow::{self, Inflow, Piece};
use super::outflow::{Outflow, Stop, reason_of};
use super::senders::Senders;
use super::streams::{Place, Streams};
use super::target::Target;
use crate::context::MappingTask;
use crate::counters::MappingState;
use crate::domain::envelope::{Envelope, Form, Streamed};
use crate::domain::exchange::Settled;
use crate::domain::failure::Failure;
use crate::domain::intake::Intake;
use crate::domain::stream::{self, Side};
use crate::link::{Connection, Delivery, LinkDown, Network, ReceiveFrom, Receiver};
use crate::race::{Either, one_ended, race};
use crate::session;

/// Runs the mapping until it is dropped.
pub(super) async fn run<N: Network>(task: MappingTask<N>) {
    let context = &task.context;
    let target = Target::new(&context.target_host, task.mapping.port, context.limits.parallel);
    let egress = Rc::new(Egress { task, target });
    egress.task.counters.set_state(MappingState::Running);
    let serving = Rc::clone(&egress);
    session::keep(&egress.task, move |connection| attached(Rc::clone(&serving), connection)).await;
}

/// Shared state of one egress mapping.
struct Egress<N> {
    task: MappingTask<N>,
    target: Target,
}

/// The links of the current connection, and the streams that came over them.
struct Downlink<C: Connection> {
    /// Where the rest of requests arrives.
    reply_to: String,
    far: Senders<C>,
    streams: Rc<Streams>,
}

/// Why a stream was not served.
struct Unserved {
    settled: Settled,
    failure: Failure,
    cause: String,
}

/// A stream whose request is ready for the target.
struct Opened<S> {
    connection: SendRequest<Inflow>,
    request: Request<Inflow>,
    /// The request is complete.
    ended: bool,
    outflow: Outflow<S>,
    place: Place,
    /// Resolves when the client has reset its stream.
    stopped: oneshot::Receiver<()>,
}

type SenderOf<N> = <<N as Network>::Connection as Connection>::Sender;

/// Attaches the links and serves streams until the connection is lost.
async fn attached<N: Network>(
    egress: Rc<Egress<N>>,
    connection: N::Connection,
) -> Result<(), LinkDown> {
    let limits = &egress.task.context.limits;
    let most = limits.body.saturating_add(64 << 10);
    let credit = limits.parallel.saturating_mul(u32::try_from(WINDOW).unwrap_or(u32::MAX));
    let rest = ReceiveFrom { source: None, credit, renew: true, most, session: None };
    let mut rest = connection.receiver(rest).await?;
    let source = Some(egress.task.mapping.queue.as_str().to_owned());
    let requests = ReceiveFrom { source, credit: 0, renew: false, most, session: None };
    let mut requests = connection.receiver(requests).await?;
    egress.task.connected(true);
    let reply_to = rest.address().unwrap_or_default().to_owned();
    let down =
        Rc::new(Downlink { reply_to, far: Senders::new(connection), streams: Rc::default() });
    let mut intake = Intake::new(limits.parallel, limits.ahead);
    // Dropped with the connection: what they answer could not be sent any more.
    let mut running = JoinSet::new();
    loop {
        let more = intake.grant();
        if more > 0 {
            requests.grant(more);
        }
        let served = one_ended(&mut running);
        match race(race(requests.recv(), rest.recv()), served).await {
            Either::Left(Either::Left(delivery)) => {
                let delivery = delivery?;
                intake.arrived();
                let (egress, down) = (Rc::clone(&egress), Rc::clone(&down));
                running.spawn_local(boxed(async move { egress.serve(delivery, &down).await }));
            }
            Either::Left(Either::Right(delivery)) => egress.hand_out(delivery?, &down.streams),
            Either::Right(()) => intake.done(),
        }
    }
}

// === impl Egress ===

impl<N: Network> Egress<N> {
    /// Gives the rest of a request to the stream that it belongs to.
    fn hand_out(&self, delivery: impl Delivery, streams: &Streams) {
        let reservation = self.task.context.budget.reserve(delivery.len());
        let message = match delivery.envelope() {
            Ok(message) => message,
            Err(error) => {
                log::warn!("{}: message dropped: {error}", self.task.name);
                return delivery.settle(Settled::Accepted);
            }
        };
        if message.form == Form::Pending {
            let known = streams.knows(&message);
            return delivery.settle(if known { Settled::Accepted } else { Settled::Rejected });
        }
        if let Some(code) = stream::abort_code(&message) {
            streams.reset(&message, code.into());
            return delivery.settle(Settled::Accepted);
        }
        self.task.counters.received(message.body.len());
        let trailers = message.stream.as_ref().map(stream::to_trailers);
        let (Some(Ok(trailers)), Some(reservation)) = (trailers, reservation) else {
            streams.reset(&message, Reason::CANCEL);
            return delivery.settle(Settled::Rejected);
        };
        let settle: Box<dyn FnOnce(Settled)> = Box::new(move |outcome| delivery.settle(outcome));
        let piece = Piece {
            bytes: message.body.clone(),
            trailers,
            ended: message.stream.as_ref().is_some_and(|stream| stream.ended),
            reservation: Some(reservation),
            settle: Some(settle),
        };
        if streams.add(&message, piece).is_err() {
            log::debug!("{}: message rejected: no stream takes it", self.task.name);
        }
    }

    /// Serves one stream.
    async fn serve(&self, delivery: impl Delivery, down: &Downlink<N::Connection>) {
        let _active = self.task.counters.begin();
        let Opened { connection, request, ended, outflow, place, stopped } =
            match self.open(&delivery, down).await {
                Ok(opened) => opened,
                Err(Unserved { settled, failure, cause }) => {
                    self.task.counters.fail(failure);
                    log::info!("{}: request failed: {cause}", self.task.name);
                    return delivery.settle(settled);
                }
            };
        delivery.settle(Settled::Accepted);
        let stopped = async {
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let asked = self.ask(connection, request, ended, &outflow);
        let failed = match race(asked, stopped).await {
            Either::Left(Ok(())) => None,
            Either::Left(Err(Stop::Reset(reason))) => {
                log::info!("{}: stream reset by the target: {reason}", self.task.name);
                Some(Failure::TargetFailed)
            }
            Either::Left(Err(Stop::Gone(gone))) => {
                log::info!("{}: no one waits for the response: {gone}", self.task.name);
                down.far.forget(place.reply_to());
                Some(Failure::ClientGone)
            }
            Either::Right(()) => Some(Failure::ClientGone),
        };
        if let Some(failure) = failed {
            self.task.counters.fail(failure);
        }
    }

    /// Reads the message that opens a stream, and gets everything that serving it needs.
    async fn open(
        &self,
        delivery: &impl Delivery,
        down: &Downlink<N::Connection>,
    ) -> Result<Opened<SenderOf<N>>, Unserved> {
        let refused = |cause: &str| Unserved::new(Settled::Rejected, Failure::Refused, cause);
        let reservation = self.task.context.budget.reserve(delivery.len());
        let Some(reservation) = reservation else {
            return Err(Unserved::new(Settled::Modified, Failure::OverBudget, "no buffer space"));
        };
        let message = delivery.envelope().map_err(|error| refused(&error.to_string()))?;
        let reply_to = message.reply_to.clone().filter(|address| !address.is_empty());
        let reply_to = reply_to.ok_or_else(|| refused("message has no reply-to"))?;
        let Some(Streamed { ended, .. }) = message.stream else {
            return Err(refused("not a message of an http2 mapping"));
        };
        let request = stream::to_request(&message, &self.target.authority());
        let request = request.map_err(|error| refused(&error.to_string()))?;
        let trailers = message.stream.as_ref().map_or(Ok(None), stream::to_trailers);
        let trailers = trailers.map_err(|error| refused(&error.to_string()))?;
        self.task.counters.received(message.body.len());
        let (inlet, body) = if ended && message.body.is_empty() && trailers.is_none() {
            (None, Inflow::empty())
        } else {
            let (inlet, body) = inflow::channel();
            let bytes = message.body.clone();
            let reservation = Some(reservation);
            let first = inlet.add(Piece { bytes, trailers, ended, reservation, settle: None });
            debug_assert!(first.is_ok(), "an empty channel has a place");
            ((!ended).then_some(inlet), body)
        };
        let opened = down.streams.open(&message, inlet);
        let (place, stopped) = opened.ok_or_else(|| refused("stream is there already"))?;
        let failed =
            |cause: String| Unserved::new(Settled::Modified, Failure::TargetFailed, &cause);
        let connection = self
            .target
            .connection()
            .await
            .map_err(|error| failed(format!("cannot connect to the target: {error}")))?;
        let sender = down.far.to(&reply_to).await.map_err(|lost| failed(lost.to_string()))?;
        let outflow = Outflow {
            sender,
            side: Side {
                reply_to: down.reply_to.clone(),
                correlation_id: message.correlation_id.clone(),
            },
            ours: message.form != Form::Whole,
            probe: self.task.context.limits.probe,
            patience: self.task.context.limits.timings.credit,
            counters: Rc::clone(&self.task.counters),
        };
        let request = request.map(|()| body);
        Ok(Opened { connection, request, ended, outflow, place, stopped })
    }

    /// Asks the target, and sends what it answers.
    async fn ask(
        &self,
        connection: SendRequest<Inflow>,
        request: Request<Inflow>,
        ended: bool,
        outflow: &Outflow<SenderOf<N>>,
    ) -> Result<(), Stop> {
        let mut response = pin!(self.target.send(connection, request));
        // An unfinished request is told at once where its rest goes, others that someone is at work.
        let mut pause = if ended { outflow.probe } else { Duration::ZERO };
        let mut greeted = false;
        let response = loop {
            match race(response.as_mut(), tokio::time::sleep(pause)).await {
                Either::Left(response) => break response,
                Either::Right(()) if !greeted => {
                    outflow.tell(outflow.side.greeting()).await?;
                    greeted = true;
                }
                Either::Right(()) if outflow.ours => outflow.tell(outflow.side.question()).await?,
                Either::Right(()) => {}
            }
            pause = outflow.probe;
        };
        match response {
            Ok(response) => {
                let (head, mut body) = response.into_parts();
                outflow.run(Some(stream::from_response(&head)), &mut body).await
            }
            Err(error) => {
                let reason = reason_of(&*error, Reason::INTERNAL_ERROR);
                log::info!("{}: request failed: {error}", self.task.name);
                let told = if outflow.ours {
                    outflow.side.abort(reason.into())
                } else {
                    bad_gateway(&outflow.side)
                };
                outflow.tell(told).await?;
                Err(Stop::Reset(reason))
            }
        }
    }
}

/// What a peer that knows no resets is told of a target that has failed.
fn bad_gateway(side: &Side) -> Envelope {
    let (mut head, ()) = Response::new(()).into_parts();
    head.status = StatusCode::BAD_GATEWAY;
    let text = Bytes::from_static(Failure::TargetFailed.text().as_bytes());
    let end = Streamed { ended: true, trailers: Vec::new() };
    side.opening(stream::from_response(&head), text, end)
}

// === impl Unserved ===

impl Unserved {
    fn new(settled: Settled, failure: Failure, cause: &str) -> Self {
        Self { settled, failure, cause: cause.to_owned() }
    }
}
