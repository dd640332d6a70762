//! Sending one lane: order kept, a window of messages under way, pauses after refusals.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use iofog_amqp_client::{LinkError, Outcome, Sender};
use iofog_iomessage::{DecodeError, IoMessage};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::amqp;
use super::handle::Shared;
use super::mailbox::{Mailbox, Settle};
use super::outbox::{Lane, Seq, Verdict};

/// What wakes and holds the task of a lane.
#[derive(Default)]
pub(super) struct LaneGate {
    pub(super) wake: Notify,
    not_before: Cell<Option<Instant>>,
    pause: Cell<Duration>,
}

/// Where a lane's messages go.
pub(super) enum LaneLink {
    /// A link to the Router.
    Amqp(Rc<Sender>),
    /// A microservice of this node.
    Direct(Rc<Mailbox>),
}

impl LaneGate {
    /// A verdict opens the window again, or makes the lane pause.
    pub(super) fn judged(&self, verdict: Verdict, (first, longest): (Duration, Duration)) {
        if verdict == Verdict::Again {
            let pause = (self.pause.get() * 2).clamp(first, longest);
            self.pause.set(pause);
            self.not_before.set(Some(Instant::now() + pause));
        } else {
            self.pause.set(Duration::ZERO);
        }
        self.wake.notify_one();
    }

    async fn open(&self) {
        if let Some(until) = self.not_before.take() {
            tokio::time::sleep_until(until).await;
        }
    }
}

/// Sends what the lane has, for ever; returns when its link is gone.
pub(super) async fn run(shared: &Rc<Shared>, lane: &Lane, gate: &LaneGate, link: &LaneLink) {
    loop {
        gate.open().await;
        let next = shared.outbox.borrow_mut().next(lane);
        let Some(seq) = next else {
            gate.wake.notified().await;
            continue;
        };
        let sent = match link {
            LaneLink::Amqp(sender) => {
                let Some(message) = read(shared, seq, IoMessage::decode) else { continue };
                send(shared, lane, seq, sender, &message).await
            }
            LaneLink::Direct(mailbox) => {
                let whole = |payload: &Bytes| {
                    IoMessage::id_of(payload).map(|id| (id.to_owned(), payload.clone()))
                };
                let Some((id, payload)) = read(shared, seq, whole) else { continue };
                mailbox.room(usize::try_from(shared.options.credit).unwrap_or(1)).await;
                let settle = Settle::Direct(shared.clone(), lane.clone(), seq);
                mailbox.offer(shared.now(), &id, payload, settle);
                Ok(())
            }
        };
        if let Err(error) = sent {
            log::debug!("link to {} lost: {error}", lane.destination);
            return;
        }
    }
}

/// What `decode` makes of the message in binary form; one that cannot be read is given up and counted.
fn read<T>(
    shared: &Shared,
    seq: Seq,
    decode: impl Fn(&Bytes) -> Result<T, DecodeError>,
) -> Option<T> {
    let payload = shared.outbox.borrow().payload(seq)?;
    let payload = payload.or_else(|at| shared.log.borrow().read(at));
    let decoded = payload
        .map_err(|error| error.to_string())
        .and_then(|payload| decode(&payload).map_err(|error| error.to_string()));
    match decoded {
        Ok(read) => Some(read),
        Err(error) => {
            log::error!("stored message cannot be read: {error}");
            shared.outbox.borrow_mut().unreadable(seq);
            None
        }
    }
}

async fn send(
    shared: &Rc<Shared>,
    lane: &Lane,
    seq: Seq,
    sender: &Sender,
    message: &IoMessage,
) -> Result<(), LinkError> {
    let pending = sender.send_start(amqp::encode(message, lane), false).await?;
    let (shared, lane) = (shared.clone(), lane.clone());
    iofog_task::spawn(async move {
        // A lost link is dealt with for the whole lane at once.
        if let Ok(outcome) = pending.await {
            shared.verdict(&lane, seq, verdict_of(&outcome));
        }
    });
    Ok(())
}

fn verdict_of(outcome: &Outcome) -> Verdict {
    match outcome {
        Outcome::Accepted => Verdict::Delivered,
        Outcome::Rejected(_) => Verdict::Rejected,
        Outcome::Released | Outcome::Modified { .. } => Verdict::Again,
    }
}
