//! A router network in memory for tests: addresses, credit, outcomes, and ways to break it.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    Connection, Delivery, Incoming, LinkDown, ManagementRequest, Network, Part, Parts, Pending,
    ReceiveFrom, Receiver, SendTo, Sender, Undecodable,
};
use crate::domain::envelope::Envelope;
use crate::domain::exchange::Settled;

/// The network; clones share it.
#[derive(Clone, Default)]
pub(crate) struct MemoryNetwork {
    hub: Rc<Hub>,
}

#[derive(Default)]
struct Hub {
    queues: RefCell<HashMap<String, Queue>>,
    dynamic: Cell<u32>,
    down: Cell<bool>,
    connects: Cell<u32>,
    generation: RefCell<Vec<watch::Sender<bool>>>,
    log: RefCell<Vec<Envelope>>,
    changed: tokio::sync::Notify,
}

struct Queue {
    credit: u32,
    id: u32,
    deliver: mpsc::UnboundedSender<MemoryDelivery>,
}

#[derive(Clone)]
pub(crate) struct MemoryConnection {
    hub: Rc<Hub>,
    down: watch::Receiver<bool>,
    closer: watch::Sender<bool>,
}

pub(crate) struct MemorySender {
    connection: MemoryConnection,
    target: Option<String>,
}

pub(crate) struct MemoryReceiver {
    connection: MemoryConnection,
    address: String,
    id: u32,
    renew: bool,
    messages: mpsc::UnboundedReceiver<MemoryDelivery>,
}

pub(crate) struct MemoryDelivery {
    message: Envelope,
    outcome: Option<oneshot::Sender<Settled>>,
    renew: Option<(Rc<Hub>, String)>,
}

/// No link is ever routed in memory.
pub(crate) enum MemoryIncoming {}

fn gone() -> LinkDown {
    LinkDown("memory network is down".to_owned())
}

// === impl MemoryNetwork ===

impl MemoryNetwork {
    /// Breaks every connection; with `stay` no new one is possible until [`Self::up`].
    pub(crate) fn break_all(&self, stay: bool) {
        self.hub.down.set(stay);
        for closer in self.hub.generation.borrow_mut().drain(..) {
            closer.send_replace(true);
        }
        self.hub.queues.borrow_mut().clear();
        self.hub.changed.notify_waiters();
    }

    pub(crate) fn up(&self) {
        self.hub.down.set(false);
    }

    pub(crate) fn connects(&self) -> u32 {
        self.hub.connects.get()
    }

    /// Every message that was sent, in order.
    pub(crate) fn sent(&self) -> Vec<Envelope> {
        self.hub.log.borrow().clone()
    }

    /// Waits until someone receives from `address`.
    pub(crate) async fn served(&self, address: &str) {
        loop {
            let changed = self.hub.changed.notified();
            if self.hub.queues.borrow().contains_key(address) {
                return;
            }
            changed.await;
        }
    }
}

impl Network for MemoryNetwork {
    type Connection = MemoryConnection;

    async fn connect(&self, _name: &str) -> Result<MemoryConnection, LinkDown> {
        self.hub.connects.set(self.hub.connects.get() + 1);
        if self.hub.down.get() {
            return Err(gone());
        }
        let (closer, down) = watch::channel(false);
        self.hub.generation.borrow_mut().push(closer.clone());
        Ok(MemoryConnection { hub: Rc::clone(&self.hub), down, closer })
    }
}

// === impl MemoryConnection ===

impl MemoryConnection {
    fn check(&self) -> Result<(), LinkDown> {
        if *self.down.borrow() { Err(gone()) } else { Ok(()) }
    }

    async fn wait_down(&self) -> LinkDown {
        let mut down = self.down.clone();
        let _ = down.wait_for(|down| *down).await;
        gone()
    }
}

impl Connection for MemoryConnection {
    type Sender = MemorySender;
    type Receiver = MemoryReceiver;
    type Session = ();
    type Incoming = MemoryIncoming;

    async fn sender(&self, to: SendTo<()>) -> Result<MemorySender, LinkDown> {
        self.check()?;
        Ok(MemorySender { connection: self.clone(), target: to.target })
    }

    async fn receiver(&self, from: ReceiveFrom<()>) -> Result<MemoryReceiver, LinkDown> {
        self.check()?;
        self.hub.dynamic.set(self.hub.dynamic.get() + 1);
        let id = self.hub.dynamic.get();
        let address = from.source.unwrap_or_else(|| format!("dynamic-{id}"));
        let (deliver, messages) = mpsc::unbounded_channel();
        let queue = Queue { credit: from.credit, id, deliver };
        self.hub.queues.borrow_mut().insert(address.clone(), queue);
        self.hub.changed.notify_waiters();
        Ok(MemoryReceiver { connection: self.clone(), address, id, renew: from.renew, messages })
    }

    async fn session(&self) -> Result<(), LinkDown> {
        self.check()
    }

    async fn accept(&self) -> Option<MemoryIncoming> {
        self.wait_down().await;
        None
    }

    async fn manage(&self, _request: ManagementRequest) -> Result<(u32, String), LinkDown> {
        self.check()?;
        Ok((501, "not implemented".to_owned()))
    }

    async fn closed(&self) -> LinkDown {
        self.wait_down().await
    }

    fn close(&self) {
        self.closer.send_replace(true);
    }
}

// === impl MemorySender ===

impl MemorySender {
    async fn credit(&self, target: &str) -> Result<(), LinkDown> {
        loop {
            let changed = self.connection.hub.changed.notified();
            self.connection.check()?;
            if self.connection.hub.queues.borrow().get(target).is_some_and(|q| q.credit > 0) {
                return Ok(());
            }
            changed.await;
        }
    }
}

impl Sender for MemorySender {
    async fn send(&self, message: Envelope) -> Result<Pending, LinkDown> {
        let hub = &self.connection.hub;
        let target = match &self.target {
            Some(target) => {
                self.credit(target).await?;
                target.clone()
            }
            None => message.to.clone().unwrap_or_default(),
        };
        self.connection.check()?;
        hub.log.borrow_mut().push(message.clone());
        let (outcome, settled) = oneshot::channel();
        if let Some(queue) = hub.queues.borrow_mut().get_mut(&target) {
            queue.credit = queue.credit.saturating_sub(1);
            let outcome = Some(outcome);
            let _ = queue.deliver.send(MemoryDelivery { message, outcome, renew: None });
        }
        let down = self.connection.clone();
        Ok(Box::pin(async move {
            match crate::race::race(settled, down.closed()).await {
                crate::race::Either::Left(Ok(settled)) => Ok(settled),
                crate::race::Either::Left(Err(_)) => Ok(Settled::Released),
                crate::race::Either::Right(down) => Err(down),
            }
        }))
    }

    async fn send_sealed(&self, message: Bytes) -> Result<Pending, LinkDown> {
        self.send(super::decode(&message).unwrap()).await
    }

    async fn ready(&self) -> Result<(), LinkDown> {
        match &self.target {
            Some(target) => self.credit(target).await,
            None => self.connection.check(),
        }
    }

    async fn detached(&self) -> LinkDown {
        self.connection.wait_down().await
    }
}

// === impl MemoryReceiver ===

impl Receiver for MemoryReceiver {
    type Delivery = MemoryDelivery;

    fn address(&self) -> Option<&str> {
        Some(&self.address)
    }

    async fn recv(&mut self) -> Result<MemoryDelivery, LinkDown> {
        let down = self.connection.clone();
        match crate::race::race(self.messages.recv(), down.closed()).await {
            crate::race::Either::Left(Some(mut delivery)) => {
                if self.renew {
                    delivery.renew = Some((Rc::clone(&self.connection.hub), self.address.clone()));
                }
                Ok(delivery)
            }
            crate::race::Either::Left(None) => Err(gone()),
            crate::race::Either::Right(down) => Err(down),
        }
    }

    fn begin(&self, credit: u32) {
        self.grant(credit);
    }

    fn grant(&self, more: u32) {
        grant(&self.connection.hub, &self.address, more);
    }
}

impl Drop for MemoryReceiver {
    fn drop(&mut self) {
        let mut queues = self.connection.hub.queues.borrow_mut();
        if queues.get(&self.address).is_some_and(|queue| queue.id == self.id) {
            queues.remove(&self.address);
        }
    }
}

fn grant(hub: &Hub, address: &str, more: u32) {
    if let Some(queue) = hub.queues.borrow_mut().get_mut(address) {
        queue.credit += more;
    }
    hub.changed.notify_waiters();
}

// === impl MemoryDelivery ===

impl Delivery for MemoryDelivery {
    fn len(&self) -> usize {
        self.message.body.len()
    }

    fn part(&self, _parts: &mut Parts) -> Result<Part, Undecodable> {
        Ok(Part::of(&self.message))
    }

    fn envelope(&self) -> Result<Envelope, Undecodable> {
        Ok(self.message.clone())
    }

    fn settle(mut self, outcome: Settled) {
        if let Some(settled) = self.outcome.take() {
            let _ = settled.send(outcome);
        }
    }
}

impl Drop for MemoryDelivery {
    fn drop(&mut self) {
        if let Some((hub, address)) = self.renew.take() {
            grant(&hub, &address, 1);
        }
    }
}

// === impl MemoryIncoming ===

impl Incoming for MemoryIncoming {
    type Receiver = MemoryReceiver;

    fn name(&self) -> &str {
        match *self {}
    }

    fn source(&self) -> Option<&str> {
        match *self {}
    }

    fn target(&self) -> Option<&str> {
        match *self {}
    }

    fn accept(self) -> Result<MemoryReceiver, LinkDown> {
        match self {}
    }

    fn refuse(self, _why: &str) {
        match self {}
    }
}

/// Sends `message` to `target` on a connection of its own and gives the outcome.
pub(crate) async fn send_once(network: &MemoryNetwork, target: &str, message: Envelope) -> Settled {
    let connection = network.connect("test").await.unwrap();
    let sender = connection.sender(SendTo::target(target)).await.unwrap();
    sender.send(message).await.unwrap().await.unwrap()
}

/// The next `count` messages of a queue, all accepted.
pub(crate) async fn take(receiver: &mut MemoryReceiver, count: usize) -> VecDeque<Envelope> {
    let mut taken = VecDeque::new();
    while taken.len() < count {
        let delivery = receiver.recv().await.unwrap();
        taken.push_back(delivery.envelope().unwrap());
        delivery.settle(Settled::Accepted);
    }
    taken
}
