//! Ingress of a tcp mapping: each accepted socket becomes a tunnel to the queue.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::net::TcpStream;

use super::copy::{Around, End};
use super::gone::Parting;
use super::route;
use super::sessions::Sessions;
use crate::clients::Activity;
use crate::context::MappingTask;
use crate::counters::MappingState;
use crate::domain::envelope::Envelope;
use crate::domain::exchange::Settled;
use crate::domain::failure::Failure;
use crate::domain::tunnel::{Piece, Tunnel, Window};
use crate::link::{Connection, Delivery, LinkDown, Network, ReceiveFrom, Receiver, SendTo, Sender};
use crate::listener;
use crate::race::{Either, race};
use crate::session;

/// Longest message taken from a peer, in bytes.
pub(super) const MOST: usize = 1 << 20;

/// Runs the mapping until it is dropped. The port is open only while the router is connected: a client
/// is refused rather than held.
pub(crate) async fn run<N: Network>(task: MappingTask<N>) {
    let ingress = Rc::new(Ingress { task, connections: Cell::new(0) });
    let serving = Rc::clone(&ingress);
    session::keep(&ingress.task, move |connection| attached(Rc::clone(&serving), connection)).await;
}

struct Ingress<N> {
    task: MappingTask<N>,
    connections: Cell<u64>,
}

/// The connection that tunnels go over.
struct Way<C: Connection> {
    sessions: Sessions<C>,
    connection: C,
    routed: bool,
}

async fn attached<N: Network>(
    ingress: Rc<Ingress<N>>,
    connection: N::Connection,
) -> Result<(), LinkDown> {
    let task = &ingress.task;
    let routed = route::possible(&connection, task.mapping.queue.as_str()).await;
    log::info!("{}: {} links", task.name, if routed { "routed" } else { "plain" });
    let listener = listener::bind(task).await;
    task.connected(true);
    let way = Rc::new(Way { sessions: Sessions::new(connection.clone()), connection, routed });
    let serve = |socket: TcpStream, peer: SocketAddr, activity: Activity| {
        let (ingress, way) = (Rc::clone(&ingress), Rc::clone(&way));
        // Makes room for others until the first byte has passed; from then on an idle tunnel is as good as a
        // busy one.
        async move { ingress.serve(&way, socket, peer, &activity).await }
    };
    // Ended from outside when the connection is lost; that closes the port and all sockets.
    let _open = Open(task.counters.as_ref());
    listener::accept(&listener, task.context.limits.connections, &task.name, serve).await;
    Ok(())
}

/// Shows the mapping as not running once its port is closed.
struct Open<'a>(&'a crate::counters::Counters);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.set_state(MappingState::Starting);
    }
}

/// A receiver for the bytes of one socket, at an address that the router makes.
pub(super) async fn back_channel<C: Connection>(
    connection: &C,
    session: &C::Session,
) -> Result<C::Receiver, LinkDown> {
    connection
        .receiver(ReceiveFrom {
            source: None,
            credit: Window::default().credit(),
            renew: true,
            most: MOST,
            session: Some(session.clone()),
        })
        .await
}

// === impl Ingress ===

impl<N: Network> Ingress<N> {
    async fn serve(
        &self,
        way: &Way<N::Connection>,
        mut socket: TcpStream,
        peer: SocketAddr,
        activity: &Activity,
    ) {
        let _active = self.task.counters.begin();
        let tunnelled = self.tunnel(way, &mut socket, peer, activity).await;
        drop(socket);
        match tunnelled {
            Ok(()) => log::debug!("{}: {peer} ended", self.task.name),
            Err((failure, lost)) => {
                self.task.counters.fail(failure);
                log::info!("{}: {peer} closed: {}: {lost}", self.task.name, failure.name());
            }
        }
    }

    async fn tunnel(
        &self,
        way: &Way<N::Connection>,
        socket: &mut TcpStream,
        peer: SocketAddr,
        activity: &Activity,
    ) -> Result<(), (Failure, LinkDown)> {
        let lost = |lost| (Failure::RouterLost, lost);
        let Way { sessions, connection, routed } = way;
        let shared = sessions.take().await.map_err(lost)?;
        let session = shared.session();
        let mut back = back_channel(connection, session).await.map_err(lost)?;
        let address = back.address().unwrap_or_default().to_owned();
        let to_queue = SendTo {
            name: format!("{peer}@undefined"),
            target: Some(self.task.mapping.queue.as_str().to_owned()),
            source: Some(address.clone()),
            session: Some(session.clone()),
        };
        let patience = self.task.context.limits.timings.credit;
        let no_egress = |lost| (Failure::NoEgress, lost);
        let sender = match tokio::time::timeout(patience, connection.sender(to_queue)).await {
            Ok(sender) => sender.map_err(no_egress)?,
            Err(_) => return Err(no_egress(LinkDown("no answer to attach".to_owned()))),
        };
        if *routed {
            let around = Around { activity: Some(activity), ..Around::of(&self.task) };
            let end = End::new(&sender, Some(&address), Tunnel::new(false), around);
            let ended = end.run_within(patience, socket, &mut back).await;
            return ended.map_err(|cause| match end.failure() {
                Failure::RouterLost if !end.was_ready() => no_egress(cause),
                failure => (failure, cause),
            });
        }
        let opened = self.open(&sender, &mut back, &address);
        let far = match tokio::time::timeout(patience, opened).await {
            Ok(far) => far?,
            Err(_) => return Err(no_egress(LinkDown("no answer to open".to_owned()))),
        };
        drop(sender);
        let to_far = SendTo { session: Some(session.clone()), ..SendTo::target(&far) };
        let sender = connection.sender(to_far).await.map_err(lost)?;
        let parting = Parting::new(sender, &self.task.farewells);
        let around = Around { activity: Some(activity), ..Around::plain(&self.task) };
        let end = End::new(parting.sender(), None, Tunnel::new(true), around);
        let ended = match race(end.run(socket, &mut back), activity.evicted()).await {
            Either::Left(Ok(())) => {
                drop(end);
                parting.known();
                return Ok(());
            }
            Either::Left(Err(cause)) => Err((end.failure(), cause)),
            Either::Right(()) => Ok(()),
        };
        drop(end);
        parting.tell();
        ended
    }

    /// Asks the far proxy to open its socket; gives the address that takes the bytes.
    async fn open(
        &self,
        sender: &impl Sender,
        back: &mut impl Receiver,
        address: &str,
    ) -> Result<String, (Failure, LinkDown)> {
        let lost = |lost| (Failure::RouterLost, lost);
        self.connections.set(self.connections.get().wrapping_add(1));
        let open = Piece::open(address, self.connections.get());
        let pending = sender.send(open).await.map_err(lost)?;
        match pending.await.map_err(lost)? {
            Settled::Accepted => {}
            outcome => {
                let cause = LinkDown(format!("target not reached: {outcome:?}"));
                return Err((Failure::TargetFailed, cause));
            }
        }
        let answer = back.recv().await.map_err(lost)?;
        let message = answer.envelope();
        answer.settle(Settled::Accepted);
        let bad = || (Failure::BadReply, LinkDown("answer to open is not valid".to_owned()));
        let message: Envelope = message.map_err(|_| bad())?;
        let far = message.reply_to.clone().filter(|_| Piece::of(&message) == Piece::Open);
        far.ok_or_else(bad)
    }
}
