//! Keeps one connection to the Router with a receiver for each consumer of this node, and a task for each lane: over the
//! Router to other nodes, by hand inside of this one.

use std::rc::Rc;
use std::time::Duration;

use iofog_amqp::Error;
use iofog_amqp_client::{Connection, Receiver};
use iofog_sorted::SortedMap;
use tokio::task::JoinHandle;

use super::handle::Shared;
use super::lane::{self, LaneGate, LaneLink};
use super::mailbox::Settle;
use super::outbox::Lane;
use super::{amqp, connection};
use crate::context::RouterAccess;
use crate::ids::MicroserviceUuid;

/// The way to other nodes: a connection, and its name, which no other has.
pub(super) type Carrier = (Connection, Rc<str>);

/// A task that ends when this is dropped.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs for ever: connects, receives, and starts again when the connection or the way to the Router changes.
pub(super) async fn run(shared: Rc<Shared>) {
    let (first, longest) = shared.options.reconnect;
    let (mut pause, mut number) = (first, 0_u32);
    let mut changes = shared.context.subscribe();
    loop {
        let seen = changes.borrow_and_update().router;
        let access = shared.context.router();
        if matches!(access, RouterAccess::None) {
            if changes.changed().await.is_err() {
                return;
            }
            continue;
        }
        number = number.wrapping_add(1);
        let connecting = connection::open(&shared, &access, number);
        match connecting.await {
            Ok(open) => {
                log::info!(target: "bus", "connected to the router");
                pause = first;
                let name: Rc<str> = format!("{}:{number}", shared.context.fog_uuid()).into();
                shared.set_carrier(Some((open.clone(), name.clone())));
                tokio::select! {
                    () = receive_all(&shared, &open, &name, seen) => {}
                    reason = open.closed() => {
                        log::warn!(target: "bus", "connection to the router lost: {reason:?}");
                    }
                }
                shared.set_carrier(None);
                open.close();
                shared.mailboxes.borrow().values().for_each(|mailbox| mailbox.router_lost());
            }
            Err(error) => {
                log::debug!(target: "bus", "router not reached: {error}");
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    _ = changes.changed() => {}
                }
                pause = (pause * 2).min(longest);
            }
        }
    }
}

/// Keeps receivers in step with the consumers until the way to the Router changes.
async fn receive_all(
    shared: &Rc<Shared>,
    connection: &Connection,
    name: &Rc<str>,
    router_seen: u32,
) {
    let mut changes = shared.context.subscribe();
    let mut receivers: SortedMap<MicroserviceUuid, Task> = SortedMap::new();
    while changes.borrow_and_update().router == router_seen {
        let consumers = shared.context.consumers();
        receivers.retain(|consumer, _| consumers.contains(consumer));
        for consumer in consumers {
            receivers.entry(consumer.clone()).or_insert_with(|| {
                let receiving = receive(shared.clone(), connection.clone(), name.clone(), consumer);
                Task(iofog_task::spawn(receiving))
            });
        }
        if changes.changed().await.is_err() {
            break;
        }
    }
}

/// Runs for ever: keeps a task for each lane on the way that is right for it. A lane that changes its way goes back to the
/// first message that was not taken.
pub(super) async fn run_lanes(shared: Rc<Shared>) {
    let mut changes = shared.context.subscribe();
    // With the name of the connection; none inside of the node.
    let mut lanes: SortedMap<Lane, (Option<Rc<str>>, Task)> = SortedMap::new();
    loop {
        changes.borrow_and_update();
        forget_idle_lanes(&shared, &mut lanes);
        let consumers = shared.context.consumers();
        for (uuid, mailbox) in shared.mailboxes.borrow().iter() {
            if !consumers.contains(uuid) {
                mailbox.abandoned();
            }
        }
        let carrier = shared.carrier.borrow().clone();
        let gates: Vec<_> =
            shared.gates.borrow().iter().map(|(lane, gate)| (lane.clone(), gate.clone())).collect();
        for (lane, gate) in gates {
            let inside = consumers.contains(&lane.destination);
            let way = match &carrier {
                _ if inside => Some(None),
                Some((_, name)) => Some(Some(name.clone())),
                None => None,
            };
            if lanes.get(&lane).map(|(way, _)| way) == way.as_ref() {
                continue;
            }
            if lanes.remove(&lane).is_some() {
                shared.outbox.borrow_mut().link_lost(&lane);
            }
            let task = match (way.as_ref(), &carrier) {
                (Some(None), _) => {
                    let (shared, lane) = (shared.clone(), lane.clone());
                    let link = LaneLink::Direct(shared.mailbox(&lane.destination));
                    let handing = async move { lane::run(&shared, &lane, &gate, &link).await };
                    Task(iofog_task::spawn(handing))
                }
                (Some(Some(_)), Some((connection, name))) => {
                    let (connection, name) = (connection.clone(), name.clone());
                    let sending = send(shared.clone(), connection, name, lane.clone(), gate);
                    Task(iofog_task::spawn(sending))
                }
                _ => continue,
            };
            lanes.insert(lane, (way.flatten(), task));
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = shared.lanes_changed.notified() => {}
        }
    }
}

/// A lane without messages whose route is gone needs no task.
fn forget_idle_lanes(shared: &Shared, tasks: &mut SortedMap<Lane, (Option<Rc<str>>, Task)>) {
    shared.gates.borrow_mut().retain(|lane, _| {
        let publisher = shared.context.microservice(&lane.publisher);
        let routed = publisher.is_some_and(|one| one.routes.contains(&lane.destination));
        let keep = routed || !shared.outbox.borrow().is_idle(lane);
        if !keep {
            tasks.remove(lane);
        }
        keep
    });
}

/// Keeps a sending link for a lane as long as the connection lives.
async fn send(
    shared: Rc<Shared>,
    connection: Connection,
    name: Rc<str>,
    lane: Lane,
    gate: Rc<LaneGate>,
) {
    let mut pause = Pause::new(&shared);
    loop {
        match connection.sender(amqp::sender_options(&lane, &name)).await {
            Ok(sender) => {
                let sender = Rc::new(sender);
                let link = LaneLink::Amqp(sender.clone());
                tokio::select! {
                    () = lane::run(&shared, &lane, &gate, &link) => {}
                    _ = sender.detached() => {}
                }
                shared.outbox.borrow_mut().link_lost(&lane);
            }
            Err(error) => log::debug!(target: "bus", "no link to {}: {error}", lane.destination),
        }
        pause.rest().await;
    }
}

/// Keeps a receiving link for a consumer as long as the connection lives.
async fn receive(
    shared: Rc<Shared>,
    connection: Connection,
    name: Rc<str>,
    consumer: MicroserviceUuid,
) {
    let mut pause = Pause::new(&shared);
    loop {
        let (credit, limit) = (shared.options.credit, shared.options.max_message_bytes);
        // The JSON form is larger: a third for base64, and the keys.
        let limit = limit.saturating_mul(2).saturating_add(4096);
        let options = amqp::receiver_options(&consumer, &name, credit, limit);
        match connection.receiver(options).await {
            Ok(receiver) => {
                fill(&shared, &consumer, receiver).await;
                shared.mailbox(&consumer).router_lost();
            }
            Err(error) => log::debug!(target: "bus", "no link from {consumer}: {error}"),
        }
        pause.rest().await;
    }
}

/// Puts what arrives in the mailbox, until the link is gone.
async fn fill(shared: &Rc<Shared>, consumer: &MicroserviceUuid, mut receiver: Receiver) {
    let mailbox = shared.mailbox(consumer);
    while let Ok(delivery) = receiver.recv().await {
        let decoded = amqp::decode(&delivery.message).and_then(|message| {
            let payload = message.encode().map_err(|error| error.to_string())?;
            Ok((message.id, payload))
        });
        match decoded {
            Ok((id, payload)) => mailbox.offer(shared.now(), &id, payload, Settle::Amqp(delivery)),
            Err(reason) => {
                log::warn!(target: "bus", "message for {consumer} refused: {reason}");
                delivery.reject(Error::new(DECODE_ERROR.into(), reason));
            }
        }
    }
}

/// What a message is refused with that is no ioMessage.
const DECODE_ERROR: &str = "amqp:decode-error";

/// Growing pauses between attempts to attach a link.
struct Pause {
    next: Duration,
    longest: Duration,
}

impl Pause {
    fn new(shared: &Shared) -> Self {
        let (next, longest) = shared.options.reconnect;
        Self { next, longest }
    }

    async fn rest(&mut self) {
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 2).min(self.longest);
    }
}
