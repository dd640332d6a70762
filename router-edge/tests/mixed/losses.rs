//! A router of the other make ends without a word, with messages under way; then it comes again, and everything works as
//! before.

use std::net::SocketAddr;

use iofog_amqp_client::{Connection, Delivery, Outcome, Receiver};
use iofog_router::config::{Mode, Role};

use crate::exchange::{both_ways, client, give, next};
use crate::ours;
use crate::peer::{Make, Peer};
use crate::support::{connect, port, receiver, sender, text, until};

/// A message that its consumer holds.
struct UnderWay<F> {
    outcome: F,
    _held: Delivery,
    _consumer: (Connection, Receiver),
}

async fn under_way(from: SocketAddr, to: SocketAddr) -> UnderWay<impl Future<Output = Outcome>> {
    let address = format!("q.lost.{}", from.port());
    let consuming = client(to).await;
    let mut receiver = receiver(&consuming, &address).await;
    let producing = client(from).await;
    let sender = sender(&producing, &address).await;
    let pending = give(&sender, text("lost"), false, "to be lost").await;
    let held = next(&mut receiver, "to be lost").await;
    let outcome = async move {
        let _keep = (producing, sender);
        pending.await
    };
    UnderWay { outcome, _held: held, _consumer: (consuming, receiver) }
}

/// Nobody has accepted it.
async fn told(outcome: impl Future<Output = Outcome>) {
    let outcome = outcome.await;
    assert!(matches!(outcome, Outcome::Released | Outcome::Modified { .. }), "{outcome:?}");
    println!("  told: {outcome:?}");
}

/// Beside our interior, and above our edge.
pub(crate) async fn of_the_peer(make: Make) {
    let us = ours(Mode::Interior, "ours").await;
    let edge = ours(Mode::Edge, "ours-below").await;
    let Some(mut peer) = Peer::start(make, Mode::Interior, "theirs", &[]).await else { return };
    connect(&us, "up", Role::InterRouter, peer.port(Role::InterRouter)).await;
    connect(&edge, "up", Role::Edge, peer.port(Role::Edge)).await;
    for _ in 0..2 {
        until(|| us.status().routers == 1 && edge.status().uplink).await;
        let beside = under_way(port(&us, Role::Normal), peer.port(Role::Normal)).await;
        let through = under_way(port(&edge, Role::Normal), port(&us, Role::Normal)).await;
        peer.kill().await;
        told(beside.outcome).await;
        told(through.outcome).await;
        until(|| us.status().routers == 0 && !edge.status().uplink).await;
        peer.again().await;
    }
    until(|| us.status().routers == 1 && edge.status().uplink).await;
    both_ways(port(&us, Role::Normal), peer.port(Role::Normal)).await;
    both_ways(port(&edge, Role::Normal), port(&us, Role::Normal)).await;
}
