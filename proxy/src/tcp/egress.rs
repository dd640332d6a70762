//! Egress of a tcp mapping: each tunnel from the queue becomes a connection to the target.

use std::io;
use std::rc::Rc;

use bytes::Bytes;
use iofog_task::boxed;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::copy::{Around, End};
use super::gone::Parting;
use super::ingress::{MOST, back_channel};
use super::route;
use super::sessions::Sessions;
use crate::context::MappingTask;
use crate::counters::MappingState;
use crate::domain::exchange::Settled;
use crate::domain::failure::Failure;
use crate::domain::intake::Intake;
use crate::domain::tunnel::{Piece, Tunnel};
use crate::link::{
    Connection, Delivery, Incoming, LinkDown, Network, ReceiveFrom, Receiver, SendTo, Sender,
};
use crate::race::{Either, one_ended, race};
use crate::session;
use crate::target;

/// Runs the mapping until it is dropped.
pub(crate) async fn run<N: Network>(task: MappingTask<N>) {
    let egress = Rc::new(Egress { task });
    egress.task.counters.set_state(MappingState::Running);
    let serving = Rc::clone(&egress);
    session::keep(&egress.task, move |connection| attached(Rc::clone(&serving), connection)).await;
}

struct Egress<N> {
    task: MappingTask<N>,
}

async fn attached<N: Network>(
    egress: Rc<Egress<N>>,
    connection: N::Connection,
) -> Result<(), LinkDown> {
    let routed = route::create(&connection, egress.task.mapping.queue.as_str()).await;
    log::info!("{}: {} links", egress.task.name, if routed { "routed" } else { "plain" });
    // Dropped with the connection: open sockets are closed when it is lost.
    let mut tunnels = JoinSet::new();
    let sessions = Rc::new(Sessions::new(connection.clone()));
    if routed {
        egress.task.connected(true);
        while let Some(link) = connection.accept().await {
            while tunnels.try_join_next().is_some() {}
            if tunnels.len() >= egress.task.context.limits.connections {
                link.refuse("too many connections");
                continue;
            }
            let (egress, connection) = (Rc::clone(&egress), connection.clone());
            let sessions = Rc::clone(&sessions);
            let serving = async move { egress.routed(&connection, &sessions, link).await };
            tunnels.spawn_local(boxed(serving));
        }
        return Err(connection.closed().await);
    }
    let mut opens = connection
        .receiver(ReceiveFrom {
            source: Some(egress.task.mapping.queue.as_str().to_owned()),
            credit: 0,
            renew: false,
            most: MOST,
            session: None,
        })
        .await?;
    egress.task.connected(true);
    let limits = &egress.task.context.limits;
    let most = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let mut intake = Intake::new(most, limits.ahead);
    loop {
        let more = intake.grant();
        if more > 0 {
            opens.grant(more);
        }
        let ended = one_ended(&mut tunnels);
        match race(opens.recv(), ended).await {
            Either::Left(open) => {
                let open = open?;
                intake.arrived();
                let (egress, connection) = (Rc::clone(&egress), connection.clone());
                let sessions = Rc::clone(&sessions);
                let serving = async move { egress.plain(&connection, &sessions, open).await };
                tunnels.spawn_local(boxed(serving));
            }
            Either::Right(()) => intake.done(),
        }
    }
}

// === impl Egress ===

impl<N: Network> Egress<N> {
    /// A tunnel whose bytes arrive on a link of its own.
    async fn routed(
        &self,
        connection: &N::Connection,
        sessions: &Sessions<N::Connection>,
        link: <N::Connection as Connection>::Incoming,
    ) {
        let _active = self.task.counters.begin();
        let queue = self.task.mapping.queue.as_str();
        let Some(answers) = link.source().filter(|a| !a.is_empty()).map(str::to_owned) else {
            return link.refuse("link has no source address");
        };
        if link.target() != Some(queue) {
            return link.refuse("link has another target");
        }
        log::debug!("{}: link {}", self.task.name, link.name());
        let mut socket = match self.connect().await {
            Ok(socket) => socket,
            Err(error) => {
                self.failed(Failure::TargetFailed, &error);
                return link.refuse("target is not reachable");
            }
        };
        let tunnelled = async {
            let mut receiver = link.accept()?;
            // Not the session of the link, as the reference has it: routers attach all routed links in
            // one, and a client that does not read would stop the answers to all others.
            let shared = sessions.take().await?;
            let session = Some(shared.session().clone());
            let to_far = SendTo { session, ..SendTo::target(&answers) };
            let sender = connection.sender(to_far).await?;
            // Tells a proxy of ours who we are before it can have sent, or ended, anything.
            let hello = sender.send(Piece::Open.message(None, Bytes::new())).await?;
            match race(hello, receiver_gone(&sender)).await {
                Either::Left(outcome) => drop(outcome?),
                Either::Right(lost) => return Err(lost),
            }
            // Only now: bytes that came earlier would have had nowhere to go.
            receiver.begin(self.task.context.limits.window.messages);
            let end = End::new(&sender, None, Tunnel::new(false), Around::of(&self.task));
            Ok(end.run(&mut socket, &mut receiver).await.map_err(|cause| (end.failure(), cause)))
        };
        match tunnelled.await {
            Ok(Ok(())) => {}
            Ok(Err((failure, cause))) => self.failed(failure, &cause),
            Err(lost) => self.failed(Failure::RouterLost, &lost),
        }
    }

    /// A tunnel that was asked for by a message, between two addresses that the router made.
    async fn plain(
        &self,
        connection: &N::Connection,
        sessions: &Sessions<N::Connection>,
        open: impl Delivery,
    ) {
        let _active = self.task.counters.begin();
        let answers = match open.envelope() {
            Ok(message) if Piece::of(&message) == Piece::Open => {
                message.reply_to.clone().map(|to| (to, message.correlation_id))
            }
            _ => None,
        };
        let Some((answers, correlation_id)) = answers else {
            log::warn!("{}: message refused: not the start of a tunnel", self.task.name);
            return open.settle(Settled::Rejected);
        };
        let mut socket = match self.connect().await {
            Ok(socket) => socket,
            Err(error) => {
                self.failed(Failure::TargetFailed, &error);
                return open.settle(Settled::Modified);
            }
        };
        let tunnelled = async {
            let shared = sessions.take().await?;
            let session = shared.session();
            let mut receiver = back_channel(connection, session).await?;
            let to_far = SendTo { session: Some(session.clone()), ..SendTo::target(&answers) };
            let sender = connection.sender(to_far).await?;
            open.settle(Settled::Accepted);
            let address = receiver.address().map(str::to_owned);
            let mut hello = Piece::Open.message(address.as_deref(), Bytes::new());
            hello.correlation_id = correlation_id;
            // A peer that has gone meanwhile leaves an address that never gives credit.
            let greeted = async { sender.send(hello).await?.await };
            let patience = self.task.context.limits.timings.credit;
            match tokio::time::timeout(patience, greeted).await {
                Ok(Ok(Settled::Accepted)) => {}
                Ok(Ok(other)) => return Err(LinkDown(format!("peer has gone: {other:?}"))),
                Ok(Err(lost)) => return Err(lost),
                Err(_) => return Err(LinkDown("peer has gone: no credit".to_owned())),
            }
            let parting = Parting::new(sender, &self.task.farewells);
            let around = Around::plain(&self.task);
            let end = End::new(parting.sender(), None, Tunnel::new(true), around);
            let ended = end.run(&mut socket, &mut receiver).await;
            let ended = ended.map_err(|cause| (end.failure(), cause));
            drop(end);
            if ended.is_err() {
                parting.tell();
            } else {
                parting.known();
            }
            Ok(ended)
        };
        match tunnelled.await {
            Ok(Ok(())) => {}
            Ok(Err((failure, cause))) => self.failed(failure, &cause),
            Err(lost) => self.failed(Failure::RouterLost, &lost),
        }
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        target::connect(&self.task.context.target_host, self.task.mapping.port).await
    }

    fn failed(&self, failure: Failure, cause: &dyn std::error::Error) {
        self.task.counters.fail(failure);
        log::info!("{}: connection ended: {}: {cause}", self.task.name, failure.name());
    }
}

async fn receiver_gone(sender: &impl Sender) -> LinkDown {
    sender.detached().await
}
