//! Ingress of an http mapping: each request becomes a message to the queue, each answer a response.

use std::cell::RefCell;
use std::rc::Rc;

use super::receipts::Receipts;
use super::serve::serve;
use super::waiter::{PartIn, Reply, WINDOW, WaitingRequests};
use crate::context::MappingTask;
use crate::domain::envelope::{Form, Part, Then};
use crate::domain::exchange::Settled;
use crate::domain::failure::Failure;
use crate::domain::waiting::Waiting;
use crate::link::{Connection, Delivery, LinkDown, Network, ReceiveFrom, Receiver, SendTo, Sender};
use crate::listener;
use crate::race::{Either, race};
use crate::session;

type SenderOf<N> = <<N as Network>::Connection as Connection>::Sender;
type ReceiverOf<N> = <<N as Network>::Connection as Connection>::Receiver;
type DeliveryOf<N> = <ReceiverOf<N> as Receiver>::Delivery;
type UplinkOf<N> = Uplink<SenderOf<N>, DeliveryOf<N>>;

/// Shared state of one ingress mapping.
pub(super) struct Ingress<N: Network> {
    pub(super) task: MappingTask<N>,
    pub(super) uplink: RefCell<Option<Rc<UplinkOf<N>>>>,
    pub(super) waiting: WaitingRequests,
}

/// The links of the current connection.
pub(super) struct Uplink<S, D: Delivery> {
    pub(super) sender: S,
    pub(super) reply_to: String,
    pub(super) receipts: Receipts<D>,
}

/// While there are links; when they go, however that comes about, those who wait are told.
struct Attached<'a, N: Network>(&'a Ingress<N>);

/// Runs the mapping until it is dropped.
pub(crate) async fn run<N: Network>(task: MappingTask<N>) {
    let waiting = Rc::new(RefCell::new(Waiting::new(task.context.limits.waiting)));
    let ingress = Rc::new(Ingress { task, uplink: RefCell::new(None), waiting });
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
        let uplink = Rc::new(Uplink { sender, reply_to, receipts: Receipts::new() });
        self.uplink.replace(Some(Rc::clone(&uplink)));
        self.task.connected(true);
        let _attached = Attached(self);
        let receipts = &uplink.receipts;
        let hand_out = race(self.hand_out(&mut replies, receipts), receipts.pay_late());
        match race(hand_out, uplink.sender.detached()).await {
            Either::Left(Either::Left(lost)) | Either::Right(lost) => Err(lost),
            Either::Left(Either::Right(never)) => match never {},
        }
    }

    async fn hand_out(
        &self,
        replies: &mut ReceiverOf<N>,
        receipts: &Receipts<DeliveryOf<N>>,
    ) -> LinkDown {
        loop {
            match replies.recv().await {
                Ok(delivery) => self.hand_out_one(delivery, receipts),
                Err(lost) => return lost,
            }
        }
    }

    /// Gives an answer, or a part of one, to the request that waits for it. Whole answers are always
    /// accepted: no one else could use them. A part that is not wanted is rejected, which tells the far
    /// proxy to stop.
    fn hand_out_one<D: Delivery>(&self, delivery: D, receipts: &Receipts<D>) {
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
            let stop = matches!(message.form, Form::Part(_) | Form::Pending);
            return delivery.settle(if stop { Settled::Rejected } else { Settled::Accepted });
        };
        if message.form == Form::Pending {
            return delivery.settle(Settled::Accepted);
        }
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
            Form::Whole | Form::PartsWelcome | Form::Pending => {
                waiter.tell(Ok(Reply { message, reservation, parts: None }));
                waiting.remove(number);
                receipts.accept(delivery);
            }
        }
    }
}
