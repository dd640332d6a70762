//! Egress of an http mapping: each message from the queue becomes a request to the target.

use std::rc::Rc;

use iofog_task::boxed;
use tokio::task::JoinSet;

use super::pool::Pool;
use crate::context::MappingTask;
use crate::counters::MappingState;
use crate::domain::intake::Intake;
use crate::link::{Connection, LinkDown, Network, ReceiveFrom, Receiver, SendTo, Sender};
use crate::race::{Either, one_ended, race};
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

/// Shared state of one egress mapping.
pub(super) struct Egress<N> {
    pub(super) task: MappingTask<N>,
    pub(super) pool: Pool,
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
            // Granted below: unlike a delivery, a place is free again before the request is settled.
            credit: 0,
            renew: false,
            most: limits.body.saturating_add(64 << 10),
            session: None,
        })
        .await?;
    egress.task.connected(true);
    let mut intake = Intake::new(limits.parallel, limits.ahead);
    // Dropped with the connection: what it answers could not be sent any more.
    let mut running = JoinSet::new();
    loop {
        let more = intake.grant();
        if more > 0 {
            requests.grant(more);
        }
        let served = one_ended(&mut running);
        match race(race(requests.recv(), replies.detached()), served).await {
            Either::Left(Either::Left(Ok(delivery))) => {
                intake.arrived();
                let (egress, replies) = (Rc::clone(&egress), Rc::clone(&replies));
                let serving = async move { egress.serve(delivery, &*replies).await };
                running.spawn_local(boxed(serving));
            }
            Either::Left(Either::Left(Err(lost)) | Either::Right(lost)) => return Err(lost),
            Either::Right(()) => intake.done(),
        }
    }
}
