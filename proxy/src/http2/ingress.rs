//! Ingress of an http2 mapping: each stream of a client becomes messages, the answers its response.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use h2::Reason;

use super::WINDOW;
use super::calls::Call;
use super::inflow::Piece;
use super::senders::Senders;
use super::serve::serve;
use crate::context::MappingTask;
use crate::domain::envelope::{Envelope, Form, Streamed};
use crate::domain::exchange::Settled;
use crate::domain::failure::Failure;
use crate::domain::stream;
use crate::domain::waiting::Waiting;
use crate::link::{Connection, Delivery, LinkDown, Network, ReceiveFrom, Receiver, SendTo, Sender};
use crate::listener;
use crate::race::{Either, race};
use crate::session;

/// Shared state of one ingress mapping.
pub(super) struct Ingress<N: Network> {
    pub(super) task: MappingTask<N>,
    pub(super) uplink: RefCell<Option<Rc<Uplink<N::Connection>>>>,
    pub(super) calls: RefCell<Waiting<Call>>,
}

/// The links of the current connection.
pub(super) struct Uplink<C: Connection> {
    /// To the queue.
    pub(super) queue: C::Sender,
    /// To far proxies.
    pub(super) far: Senders<C>,
    pub(super) reply_to: String,
}

/// While there are links; when they go, however that comes about, those who wait are told.
struct Attached<'a, N: Network>(&'a Ingress<N>);

/// Runs the mapping until it is dropped.
pub(super) async fn run<N: Network>(task: MappingTask<N>) {
    let calls = RefCell::new(Waiting::new(task.context.limits.waiting));
    let ingress = Rc::new(Ingress { task, uplink: RefCell::new(None), calls });
    let serving = Rc::clone(&ingress);
    let serve = |stream, _, activity| serve(Rc::clone(&serving), stream, activity);
    let listen = listener::run(&ingress.task, serve);
    let connect = session::keep(&ingress.task, |connection| ingress.attached(connection));
    race(listen, connect).await;
}

// === impl Attached ===

impl<N: Network> Drop for Attached<'_, N> {
    fn drop(&mut self) {
        self.0.uplink.replace(None);
        let calls: Vec<Call> = self.0.calls.borrow_mut().drain().collect();
        for call in calls {
            call.fail(Failure::RouterLost);
        }
    }
}

// === impl Ingress ===

impl<N: Network> Ingress<N> {
    async fn attached(&self, connection: N::Connection) -> Result<(), LinkDown> {
        let limits = &self.task.context.limits;
        let mut replies = connection
            .receiver(ReceiveFrom {
                source: None,
                // Enough for every stream to fill its window: a slow client must not hold up others.
                credit: u32::try_from(limits.waiting.saturating_mul(WINDOW)).unwrap_or(u32::MAX),
                renew: true,
                most: limits.body.saturating_add(64 << 10),
                session: None,
            })
            .await?;
        let reply_to = replies.address().unwrap_or_default().to_owned();
        let queue = connection.sender(SendTo::target(self.task.mapping.queue.as_str())).await?;
        let uplink = Rc::new(Uplink { queue, far: Senders::new(connection), reply_to });
        self.uplink.replace(Some(Rc::clone(&uplink)));
        self.task.connected(true);
        let _attached = Attached(self);
        let hand_out = async {
            loop {
                match replies.recv().await {
                    Ok(delivery) => self.hand_out(delivery),
                    Err(lost) => return lost,
                }
            }
        };
        match race(hand_out, uplink.queue.detached()).await {
            Either::Left(lost) | Either::Right(lost) => Err(lost),
        }
    }

    /// Gives a message to the stream that waits for it. One that no stream waits for is rejected, which tells
    /// the far proxy to stop.
    fn hand_out(&self, delivery: impl Delivery) {
        let reservation = self.task.context.budget.reserve(delivery.len());
        let message = match delivery.envelope() {
            Ok(message) => message,
            Err(error) => {
                log::warn!("{}: reply dropped: {error}", self.task.name);
                return delivery.settle(Settled::Accepted);
            }
        };
        let mut calls = self.calls.borrow_mut();
        let Some((number, call)) = calls.find(message.correlation_id.as_ref()) else {
            log::debug!("{}: reply dropped: no stream waits for it", self.task.name);
            return delivery.settle(Settled::Rejected);
        };
        if message.form == Form::Pending {
            return delivery.settle(Settled::Accepted);
        }
        call.meet(&message);
        self.task.counters.received(message.body.len());
        let read = || {
            if let Some(code) = stream::abort_code(&message) {
                return Err(Broken::Reset(Reason::from(code)));
            }
            let stream = message.stream.clone().ok_or(Broken::Failed(Failure::BadReply))?;
            if stream.ended && call.waits_for_head() && !stream::is_response(&message) {
                return Err(Broken::Failed(Failure::BadReply));
            }
            if reservation.is_none() {
                return Err(Broken::Failed(Failure::OverBudget));
            }
            let trailers = stream::to_trailers(&stream);
            Ok((stream, trailers.map_err(|_| Broken::Failed(Failure::BadReply))?))
        };
        let (Streamed { ended, .. }, trailers) = match read() {
            Ok(read) => read,
            Err(broken) => {
                if let Some(call) = calls.remove(number) {
                    broken.tell(call);
                }
                return delivery.settle(Settled::Accepted);
            }
        };
        let is_head = call.waits_for_head() && stream::is_response(&message);
        let (head, bytes) = split(message);
        let bare = bytes.is_empty() && trailers.is_none();
        if bare && (is_head || !ended) {
            // A head alone, or a greeting: nothing has to wait for the client.
            if is_head && ended {
                let _ = call.begin(head, None);
                calls.remove(number);
            } else if is_head {
                let _ = call.begin(head, Some(Piece::nothing()));
            }
            return delivery.settle(Settled::Accepted);
        }
        let settle: Box<dyn FnOnce(Settled)> = Box::new(move |outcome| delivery.settle(outcome));
        let piece = Piece { bytes, trailers, ended, reservation, settle: Some(settle) };
        let added = if is_head { call.begin(head, Some(piece)) } else { call.add(piece) };
        if added.is_err() {
            log::warn!("{}: response broken off: more than was granted", self.task.name);
        }
        if added.is_err() || ended {
            calls.remove(number);
        }
    }

    /// The far proxy of a stream has gone.
    pub(super) fn lost(&self, number: u64) {
        let call = self.calls.borrow_mut().remove(number);
        if let Some(call) = call {
            self.task.counters.fail(Failure::RouterLost);
            call.fail(Failure::RouterLost);
        }
    }
}

/// Why a stream cannot go on.
enum Broken {
    Failed(Failure),
    Reset(Reason),
}

// === impl Broken ===

impl Broken {
    fn tell(self, call: Call) {
        match self {
            Self::Failed(failure) => call.fail(failure),
            Self::Reset(reason) => call.reset(reason),
        }
    }
}

fn split(mut message: Envelope) -> (Envelope, Bytes) {
    let bytes = std::mem::take(&mut message.body);
    (message, bytes)
}
