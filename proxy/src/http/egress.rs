//! Egress of an http mapping: each message from the queue becomes a request to the target.

use std::rc::Rc;

use tokio::task::JoinSet;

use super::body::collect;
use super::pool::Pool;
use crate::context::MappingTask;
use crate::counters::MappingState;
use crate::domain::envelope::Envelope;
use crate::domain::exchange::Settled;
use crate::domain::failure::Failure;
use crate::domain::{request, response};
use crate::link::{Connection, Delivery, LinkDown, Network, ReceiveFrom, Receiver, SendTo, Sender};
use crate::race::{Either, race};
use crate::session;

/// Runs the mapping until it is dropped.
pub(crate) async fn run<N: Network>(task: MappingTask<N>) {
    let context = &task.context;
    let pool = Pool::new(&context.target_host, task.mapping.port, context.limits.idle);
    let egress = Rc::new(Egress { task, pool });
    egress.task.counters.set_state(MappingState::Running);
    let serving = Rc::clone(&egress);
    session::keep(&egress.task, move |connection| attached(Rc::clone(&serving), connection)).await;
}

struct Egress<N> {
    task: MappingTask<N>,
    pool: Pool,
}

/// Why a request got no response.
#[derive(Debug)]
struct Unserved {
    settled: Settled,
    failure: Failure,
    cause: String,
}

/// Attaches the links and serves requests until the connection is lost.
async fn attached<N: Network>(
    egress: Rc<Egress<N>>,
    connection: N::Connection,
) -> Result<(), LinkDown> {
    let limits = &egress.task.context.limits;
    let replies = Rc::new(connection.sender(SendTo::anywhere()).await?);
    let mut requests = connection
        .receiver(ReceiveFrom {
            source: Some(egress.task.mapping.queue.as_str().to_owned()),
            credit: limits.parallel,
            renew: true,
            most: limits.body.saturating_add(64 << 10),
            session: None,
        })
        .await?;
    egress.task.connected(true);
    // Dropped with the connection: what it answers could not be sent any more.
    let mut running = JoinSet::new();
    loop {
        let received = match race(requests.recv(), replies.detached()).await {
            Either::Left(received) => received,
            Either::Right(lost) => Err(lost),
        };
        while running.try_join_next().is_some() {}
        match received {
            Ok(delivery) => {
                let egress = Rc::clone(&egress);
                let replies = Rc::clone(&replies);
                running.spawn_local(async move { egress.serve(delivery, &*replies).await });
            }
            Err(lost) => {
                egress.task.connected(false);
                return Err(lost);
            }
        }
    }
}

// === impl Egress ===

impl<N: Network> Egress<N> {
    /// Serves one request and settles its delivery once the answer is out.
    async fn serve(&self, delivery: impl Delivery, replies: &impl Sender) {
        let _active = self.task.counters.begin();
        let served = match self.task.context.budget.reserve(delivery.len()) {
            None => Err(Unserved::new(Settled::Modified, Failure::OverBudget, "no buffer space")),
            Some(_held) => match delivery.envelope() {
                Err(error) => Err(Unserved::new(Settled::Rejected, Failure::Refused, error)),
                Ok(message) => self.request(message, replies).await,
            },
        };
        match served {
            Ok(()) => delivery.settle(Settled::Accepted),
            Err(unserved) => {
                self.task.counters.fail(unserved.failure);
                log::warn!("{}: request failed: {}", self.task.name, unserved.cause);
                delivery.settle(unserved.settled);
            }
        }
    }

    async fn request(&self, message: Envelope, replies: &impl Sender) -> Result<(), Unserved> {
        let limits = &self.task.context.limits;
        let refused = |cause: String| Unserved::new(Settled::Rejected, Failure::Refused, cause);
        let reply_to = message.reply_to.clone().filter(|address| !address.is_empty());
        let reply_to = reply_to.ok_or_else(|| refused("message has no reply-to".to_owned()))?;
        let request = request::from_envelope(&message, &self.pool.authority());
        let request = request.map_err(|error| refused(error.to_string()))?;
        let method = request.method().clone();
        let correlation = message.correlation_id.clone();
        self.task.counters.received(message.body.len());
        drop(message);
        let failed = |cause: String| Unserved::new(Settled::Modified, Failure::TargetFailed, cause);
        let asked = async {
            let sent = self.pool.send(request).await;
            let (response, lease) = sent.map_err(|error| failed(error.to_string()))?;
            let (head, body) = response.into_parts();
            let budget = &self.task.context.budget;
            let held = collect(body, limits.body, limits.timings.target, budget).await;
            let held = held.map_err(|error| failed(format!("target's response: {error:?}")))?;
            self.pool.keep(lease).await;
            Ok((head, held))
        };
        let asked = tokio::time::timeout(limits.timings.target, asked).await;
        let (head, held) = asked.unwrap_or_else(|_| {
            let cause = "target did not answer in time";
            Err(Unserved::new(Settled::Modified, Failure::NoAnswer, cause))
        })?;
        let length = held.bytes.len();
        let reply = response::into_envelope(&head, held.bytes, &method, reply_to, correlation);
        // The request has been served, whatever becomes of the answer: never ask the target twice.
        match replies.send(reply).await {
            Ok(pending) => match pending.await {
                Ok(Settled::Accepted) => self.task.counters.sent(length),
                Ok(outcome) => log::info!("{}: answer was not taken: {outcome:?}", self.task.name),
                Err(lost) => log::info!("{}: answer was lost: {lost}", self.task.name),
            },
            Err(lost) => log::info!("{}: answer could not be sent: {lost}", self.task.name),
        }
        Ok(())
    }
}

// === impl Unserved ===

impl Unserved {
    fn new(settled: Settled, failure: Failure, cause: impl ToString) -> Self {
        Self { settled, failure, cause: cause.to_string() }
    }
}
