//! Networks of our routers and routers of other makes, which have to be built from their sources: every
//! kind of place in the network, every kind of message. Skipped where the programs are not here.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic, reason = "a test may fail here")]

#[path = "../support/mod.rs"]
mod support;

mod exchange;
mod losses;
mod peer;
mod routes;

use iofog_router::config::{AddressRule, Mode, Role, Treatment};
use iofog_router::{RouterConfig, RouterHandle, RuntimeOptions, start};
use peer::{Make, Peer};
use support::{connect, port, run, until};

/// One of ours with the address rules that the peers have.
async fn ours(mode: Mode, id: &str) -> RouterHandle {
    let mut config = RouterConfig::new(mode, id);
    let roles: &[Role] = match mode {
        Mode::Interior => &[Role::Normal, Role::Edge, Role::InterRouter],
        _ => &[Role::Normal],
    };
    for role in roles {
        let mut listener = iofog_router::config::ListenerConfig::new(*role, "127.0.0.1", 0);
        listener.name = role.as_str().to_owned();
        config.listeners.push(listener);
    }
    for (prefix, distribution) in
        [("multicast", Treatment::Multicast), ("closest", Treatment::Closest)]
    {
        let pattern = format!("{prefix}/#");
        config.addresses.push(AddressRule {
            name: None,
            pattern,
            distribution,
            presettled_overflow: None,
            priority: None,
        });
    }
    start(config, RuntimeOptions::default()).await.unwrap()
}

/// Interiors beside each other; the one or the other dials.
async fn interiors(make: Make, we_dial: bool) {
    let us = ours(Mode::Interior, "ours").await;
    let dials = [(Role::InterRouter, port(&us, Role::InterRouter))];
    let dials = if we_dial { &[][..] } else { &dials };
    let Some(peer) = Peer::start(make, Mode::Interior, "theirs", dials).await else { return };
    if we_dial {
        connect(&us, "up", Role::InterRouter, peer.port(Role::InterRouter)).await;
    }
    until(|| us.status().routers == 1).await;
    exchange::both_ways(port(&us, Role::Normal), peer.port(Role::Normal)).await;
    if make.routes_links() {
        routes::both_ways(port(&us, Role::Normal), peer.port(Role::Normal)).await;
    }
}

/// One of our edges below one of their interiors, and the client of that interior.
async fn our_edge(make: Make) {
    let Some(peer) = Peer::start(make, Mode::Interior, "theirs-top", &[]).await else { return };
    let edge = ours(Mode::Edge, "ours-below").await;
    connect(&edge, "up", Role::Edge, peer.port(Role::Edge)).await;
    until(|| edge.status().uplink).await;
    exchange::both_ways(port(&edge, Role::Normal), peer.port(Role::Normal)).await;
    let other = ours(Mode::Edge, "ours-beside").await;
    connect(&other, "up", Role::Edge, peer.port(Role::Edge)).await;
    until(|| other.status().uplink).await;
    exchange::both_ways(port(&edge, Role::Normal), port(&other, Role::Normal)).await;
    if make.routes_links() {
        routes::both_ways(port(&edge, Role::Normal), peer.port(Role::Normal)).await;
        routes::both_ways(port(&edge, Role::Normal), port(&other, Role::Normal)).await;
    }
}

/// One of their edges below our interior.
async fn their_edge(make: Make) {
    let top = ours(Mode::Interior, "ours-top").await;
    let dials = [(Role::Edge, port(&top, Role::Edge))];
    let Some(edge) = Peer::start(make, Mode::Edge, "theirs-below", &dials).await else { return };
    until(|| top.status().connections == 1).await;
    exchange::both_ways(edge.port(Role::Normal), port(&top, Role::Normal)).await;
    let ours = ours(Mode::Edge, "ours-next").await;
    connect(&ours, "up", Role::Edge, port(&top, Role::Edge)).await;
    until(|| ours.status().uplink).await;
    exchange::both_ways(edge.port(Role::Normal), port(&ours, Role::Normal)).await;
    if make.routes_links() {
        routes::both_ways(edge.port(Role::Normal), port(&top, Role::Normal)).await;
        routes::both_ways(edge.port(Role::Normal), port(&ours, Role::Normal)).await;
    }
}

#[test]
fn dispatch_interior_that_we_dial() {
    run(interiors(Make::Dispatch, true));
}

#[test]
fn dispatch_interior_that_dials_us() {
    run(interiors(Make::Dispatch, false));
}

#[test]
fn dispatch_above_our_edges() {
    run(our_edge(Make::Dispatch));
}

#[test]
fn dispatch_edge_below_us() {
    run(their_edge(Make::Dispatch));
}

#[test]
fn dispatch_is_lost_and_comes_again() {
    run(losses::of_the_peer(Make::Dispatch));
}

#[test]
fn skupper_interior_that_we_dial() {
    run(interiors(Make::Skupper, true));
}

#[test]
fn skupper_interior_that_dials_us() {
    run(interiors(Make::Skupper, false));
}

#[test]
fn skupper_above_our_edges() {
    run(our_edge(Make::Skupper));
}

#[test]
fn skupper_edge_below_us() {
    run(their_edge(Make::Skupper));
}

/// The two makes do not understand each other: we stand between them and translate.
#[test]
fn dispatch_and_skupper_over_one_of_ours() {
    run(async {
        let us = ours(Mode::Interior, "between").await;
        let dials = [(Role::InterRouter, port(&us, Role::InterRouter))];
        let Some(dispatch) = Peer::start(Make::Dispatch, Mode::Interior, "D", &dials).await else {
            return;
        };
        let Some(skupper) = Peer::start(Make::Skupper, Mode::Interior, "S", &dials).await else {
            return;
        };
        until(|| us.status().routers == 2).await;
        exchange::both_ways(dispatch.port(Role::Normal), skupper.port(Role::Normal)).await;
    });
}
