//! Delivery to microservices: an inbox each, pushed to a subscription or taken in batches.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use iofog_amqp_client::Delivery;
use tokio::sync::Notify;

use super::handle::Shared;
use super::inbox::{Arrival, Inbox, Token};
use super::outbox::{Lane, Seq, Verdict};
use crate::domain::EpochMillis;
use crate::domain::explain::MailboxFacts;
use crate::ids::MicroserviceUuid;

/// How the sender of a held message learns that it was consumed.
pub(super) enum Settle {
    /// Over the Router.
    Amqp(Delivery),
    /// A lane inside of this node.
    Direct(Rc<Shared>, Lane, Seq),
}

/// The inbox of one microservice and who waits at it.
#[derive(Default)]
pub(super) struct Mailbox {
    inbox: RefCell<Inbox<Settle>>,
    /// A message arrived, or the subscription was replaced.
    arrived: Notify,
    /// A message was consumed: there is room.
    room: Notify,
    /// Counts subscriptions; the newest receives.
    subscription: Cell<u32>,
    /// Subscriptions that are open.
    open: Cell<u32>,
    /// When a message last arrived, and when the microservice last asked (ms, monotonic).
    times: Cell<(Option<u64>, Option<u64>)>,
}

/// Push delivery to one microservice. Dropping it gives back what was not acknowledged.
pub struct Subscription {
    mailbox: Rc<Mailbox>,
    shared: Rc<Shared>,
    number: u32,
    under_way: VecDeque<Token>,
}

/// Messages handed out together. Dropping it gives them back, unless [`Batch::consumed`] was called.
pub struct Batch {
    mailbox: Rc<Mailbox>,
    tokens: Vec<Token>,
    messages: Vec<Bytes>,
}

/// Bytes of messages in one batch; the first message always fits.
const BATCH_BYTES: usize = 1 << 20;

// === impl Settle ===

impl Settle {
    fn accept(self) {
        match self {
            Self::Amqp(delivery) => delivery.accept(),
            Self::Direct(shared, lane, seq) => shared.verdict(&lane, seq, Verdict::Delivered),
        }
    }
}

// === impl Mailbox ===

impl Mailbox {
    /// Takes an arrival at `now` (ms, monotonic); `payload` is the binary ioMessage.
    pub(super) fn offer(&self, now: u64, id: &str, payload: Bytes, settle: Settle) {
        self.times.set((Some(now), self.times.get().1));
        let inside = matches!(settle, Settle::Direct(..));
        // The same message from this node and over the Router: it was under way when its receiver came here. This node keeps
        // it until it is consumed, and then the other copy needs no sender.
        let stays = |old: &Settle, new: &Settle| {
            matches!((old, new), (Settle::Direct(..), Settle::Amqp(_)))
        };
        let arrival = self.inbox.borrow_mut().offer(id, payload, settle, stays);
        match arrival {
            Arrival::Queued => self.arrived.notify_one(),
            Arrival::Known(settle) => settle.accept(),
            Arrival::Held { spare: Some(spare @ Settle::Amqp(_)), old_stays }
                if inside || old_stays =>
            {
                spare.accept();
            }
            Arrival::Held { .. } => {}
        }
    }

    /// Resolves when fewer than `limit` messages are held: back-pressure for senders without credit.
    pub(super) async fn room(&self, limit: usize) {
        while self.inbox.borrow().len() >= limit {
            self.room.notified().await;
        }
    }

    /// What came over the Router will come again.
    pub(super) fn router_lost(&self) {
        self.lost(|settle| matches!(settle, Settle::Amqp(_)));
    }

    /// The microservice is not here any longer: whatever it did not take goes where it is.
    pub(super) fn abandoned(&self) {
        self.lost(|_| true);
    }

    fn lost(&self, which: impl Fn(&Settle) -> bool) {
        self.inbox.borrow_mut().senders_lost(which);
        self.room.notify_one();
    }

    /// What it holds and when it was used; `at` tells monotonic milliseconds on the wall clock.
    pub(super) fn facts(&self, at: impl Fn(u64) -> EpochMillis) -> MailboxFacts {
        let (waiting, handed) = self.inbox.borrow().counts();
        let (arrived, asked) = self.times.get();
        MailboxFacts {
            waiting,
            handed,
            arrived: arrived.map(&at),
            asked: asked.map(&at),
            listening: self.open.get() > 0,
        }
    }

    fn asked(&self, now: u64) {
        self.times.set((self.times.get().0, Some(now)));
    }

    fn consumed(&self, token: Token) {
        let settle = self.inbox.borrow_mut().consumed(token);
        if let Some(settle) = settle {
            settle.accept();
        }
        self.room.notify_one();
    }

    fn give_back(&self, token: Token) {
        self.inbox.borrow_mut().give_back(token);
        self.arrived.notify_one();
    }
}

// === impl Subscription ===

impl Subscription {
    pub(super) fn open(shared: &Rc<Shared>, consumer: &MicroserviceUuid) -> Self {
        let mailbox = shared.mailbox(consumer);
        let number = mailbox.subscription.get().wrapping_add(1);
        mailbox.subscription.set(number);
        mailbox.open.set(mailbox.open.get() + 1);
        mailbox.asked(shared.now());
        // The one before must notice that it was replaced.
        mailbox.arrived.notify_waiters();
        mailbox.arrived.notify_one();
        Self { mailbox, shared: shared.clone(), number, under_way: VecDeque::new() }
    }

    /// The next message in binary form; none once a newer subscription took over. Safe to cancel.
    pub async fn next(&mut self) -> Option<(Token, Bytes)> {
        loop {
            if self.mailbox.subscription.get() != self.number {
                self.mailbox.arrived.notify_one();
                return None;
            }
            let now = self.shared.now();
            let taken = self.mailbox.inbox.borrow_mut().take(now);
            if let Some((token, payload)) = taken {
                self.under_way.push_back(token);
                return Some((token, payload));
            }
            self.mailbox.arrived.notified().await;
        }
    }

    /// The microservice consumed a message.
    pub fn acknowledge(&mut self, token: Token) {
        self.under_way.retain(|one| *one != token);
        self.mailbox.consumed(token);
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.mailbox.open.set(self.mailbox.open.get().saturating_sub(1));
        self.under_way.drain(..).for_each(|token| self.mailbox.give_back(token));
    }
}

// === impl Batch ===

impl Batch {
    pub(super) fn take(shared: &Rc<Shared>, consumer: &MicroserviceUuid) -> Self {
        // A stranger must not make mailboxes.
        let known = shared.context.microservice(consumer).is_some();
        let mailbox = if known { shared.mailbox(consumer) } else { Rc::default() };
        mailbox.asked(shared.now());
        let (mut tokens, mut messages, mut bytes) = (Vec::new(), Vec::new(), 0);
        while bytes < BATCH_BYTES
            && let Some((token, payload)) = mailbox.inbox.borrow_mut().take(shared.now())
        {
            bytes += payload.len();
            tokens.push(token);
            messages.push(payload);
        }
        Self { mailbox, tokens, messages }
    }

    /// The messages in binary form, oldest first.
    pub fn messages(&self) -> &[Bytes] {
        &self.messages
    }

    /// The answer with the messages was written.
    pub fn consumed(mut self) {
        self.tokens.drain(..).for_each(|token| self.mailbox.consumed(token));
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.tokens.drain(..).for_each(|token| self.mailbox.give_back(token));
    }
}

/// Gives up what waits too long, and counts messages as consumed that were handed out long ago without an
/// acknowledgement.
pub(super) async fn sweep(shared: Rc<Shared>) {
    let patience = u64::try_from(shared.options.ack_patience.as_millis()).unwrap_or(u64::MAX);
    let step = shared.options.ack_patience / 20;
    let mut dropped = 0;
    loop {
        tokio::time::sleep(step.max(Duration::from_millis(10))).await;
        shared.expire();
        let ledger = shared.outbox.borrow().ledger();
        if ledger.given_up() != dropped {
            dropped = ledger.given_up();
            log::warn!(target: "bus", "messages were given up: {ledger:?}");
        }
        let Some(limit) = shared.now().checked_sub(patience) else { continue };
        let mailboxes: Vec<Rc<Mailbox>> = shared.mailboxes.borrow().values().cloned().collect();
        for mailbox in mailboxes {
            loop {
                let overdue = mailbox.inbox.borrow().overdue(limit);
                let Some(token) = overdue else { break };
                mailbox.consumed(token);
            }
        }
    }
}
