//! Keeps one connection to the Router and, on it, a task per lane and per consumer; without a Router, lanes
//! inside of this node are delivered directly.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use iofog_amqp::Error;
use iofog_amqp_client::{Connection, Receiver};
use tokio::task::JoinHandle;

use super::handle::Shared;
use super::lane::{self, LaneGate, LaneLink};
use super::mailbox::Settle;
use super::outbox::Lane;
use super::{amqp, connection};
use crate::context::RouterAccess;
use crate::ids::MicroserviceUuid;

/// How messages travel at the moment.
#[derive(Clone)]
enum Carrier {
    Router(Connection, Rc<str>),
    Direct,
}

/// A task that ends when this is dropped.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs for ever: connects, serves, and starts again when the connection or the way to the Router changes.
pub(super) async fn run(shared: Rc<Shared>) {
    let (first, longest) = shared.options.reconnect;
    let (mut pause, mut number) = (first, 0_u32);
    let mut changes = shared.context.subscribe();
    loop {
        let seen = changes.borrow_and_update().router;
        let access = shared.context.router();
        if matches!(access, RouterAccess::None) {
            serve(&shared, &Carrier::Direct, seen).await;
            continue;
        }
        number = number.wrapping_add(1);
        let connecting = connection::open(&shared, &access, number);
        match connecting.await {
            Ok(open) => {
                log::info!(target: "bus", "connected to the router");
                pause = first;
                shared.set_connected(true);
                let name = format!("{}:{number}", shared.context.fog_uuid());
                let carrier = Carrier::Router(open.clone(), name.into());
                tokio::select! {
                    () = serve(&shared, &carrier, seen) => {}
                    reason = open.closed() => {
                        log::warn!(target: "bus", "connection to the router lost: {reason:?}");
                    }
                }
                shared.set_connected(false);
                open.close();
                lost(&shared);
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

/// Keeps the tasks in step with lanes and consumers until the way to the Router changes.
async fn serve(shared: &Rc<Shared>, carrier: &Carrier, router_seen: u32) {
    let mut changes = shared.context.subscribe();
    let mut lanes: BTreeMap<Lane, Task> = BTreeMap::new();
    let mut receivers: BTreeMap<MicroserviceUuid, Task> = BTreeMap::new();
    loop {
        if changes.borrow_and_update().router != router_seen {
            break;
        }
        forget_idle_lanes(shared, &mut lanes);
        let gates: Vec<_> =
            shared.gates.borrow().iter().map(|(lane, gate)| (lane.clone(), gate.clone())).collect();
        for (lane, gate) in gates {
            let task = || start_lane(shared, carrier, lane.clone(), gate);
            if !lanes.contains_key(&lane)
                && let Some(task) = task()
            {
                lanes.insert(lane, task);
            }
        }
        if let Carrier::Router(connection, name) = carrier {
            let consumers = shared.context.consumers();
            receivers.retain(|consumer, _| consumers.contains(consumer));
            for consumer in consumers {
                receivers.entry(consumer.clone()).or_insert_with(|| {
                    let receiving =
                        receive(shared.clone(), connection.clone(), name.clone(), consumer);
                    Task(tokio::task::spawn_local(receiving))
                });
            }
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { break },
            () = shared.lanes_changed.notified() => {}
        }
    }
    drop((lanes, receivers));
    lost(shared);
}

/// A lane without messages whose route is gone needs no link.
fn forget_idle_lanes(shared: &Shared, tasks: &mut BTreeMap<Lane, Task>) {
    shared.gates.borrow_mut().retain(|lane, _| {
        let routed = shared.context.routes_from(&lane.publisher).contains(&lane.destination);
        let keep = routed || !shared.outbox.borrow().is_idle(lane);
        if !keep {
            tasks.remove(lane);
        }
        keep
    });
}

fn start_lane(
    shared: &Rc<Shared>,
    carrier: &Carrier,
    lane: Lane,
    gate: Rc<LaneGate>,
) -> Option<Task> {
    let shared = shared.clone();
    match carrier {
        Carrier::Router(connection, name) => {
            let sending = send(shared, connection.clone(), name.clone(), lane, gate);
            Some(Task(tokio::task::spawn_local(sending)))
        }
        Carrier::Direct => {
            shared.context.microservice(&lane.destination).filter(|found| found.is_consumer)?;
            let link = LaneLink::Direct(shared.mailbox(&lane.destination));
            let sending = async move { lane::run(&shared, &lane, &gate, &link).await };
            Some(Task(tokio::task::spawn_local(sending)))
        }
    }
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
                shared.mailbox(&consumer).senders_lost();
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

/// No link is left: what was under way goes again, what nobody has seen will come again.
fn lost(shared: &Shared) {
    let lanes: Vec<Lane> = shared.gates.borrow().keys().cloned().collect();
    for lane in lanes {
        shared.outbox.borrow_mut().link_lost(&lane);
    }
    shared.mailboxes.borrow().values().for_each(|mailbox| mailbox.senders_lost());
}

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
