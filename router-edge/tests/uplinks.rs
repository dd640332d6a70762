//! An edge router with a standby uplink, over sockets: what becomes of deliveries under way, and of the edge at the
//! interior that it left. Faults in number and at every moment: `simulation/uplinks.rs`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test support: failures are its purpose")]

#[path = "support/cable.rs"]
mod cable;
#[path = "support/cores.rs"]
mod cores;
mod support;

use std::time::Duration;

use cable::{Cable, Manner};
use cores::carry;
use iofog_amqp::{Attach, Role as LinkRole};
use iofog_amqp_client::{Outcome, ReceiverOptions};
use iofog_amqp_engine::{Config, Connection, Event, LinkId, Millis, Security, ServerSasl};
use iofog_router::config::{ConnectorConfig, ListenerConfig, Mode, Role};
use iofog_router::core::{ConnId, Core};
use iofog_router::{RouterConfig, RouterHandle, RuntimeOptions, start};
use support::{body, client, connect, interior, port, receiver, run, sender, text, until};

/// Two interiors that know each other.
async fn two_interiors() -> (RouterHandle, RouterHandle) {
    let (a, b) = (interior("A").await, interior("B").await);
    connect(&a, "b", Role::InterRouter, port(&b, Role::InterRouter)).await;
    until(|| a.status().routers == 1 && b.status().routers == 1).await;
    (a, b)
}

/// An edge router whose active uplink leads over a cable to `first`, with a standby to `second`.
async fn edge_of(first: &RouterHandle, second: &RouterHandle) -> (RouterHandle, Cable) {
    let cable = Cable::to(port(first, Role::Edge)).await;
    let edge = support::router(Mode::Edge, "left", &[Role::Normal]).await;
    connect(&edge, "first", Role::Edge, cable.address).await;
    until(|| edge.status().uplink).await;
    connect(&edge, "second", Role::Edge, port(second, Role::Edge)).await;
    until(|| edge.status().connectors.iter().all(|connector| connector.connected)).await;
    (edge, cable)
}

#[test]
fn deliveries_under_way_come_back_and_the_standby_carries_the_next() {
    run(async {
        let (a, b) = two_interiors().await;
        let (left, cable) = edge_of(&a, &b).await;
        let (near, far) = (client(&left).await, client(&b).await);
        // Five reach the consumer, 250 fill the credit of the proxy link, the rest waits at the edge.
        let options =
            ReceiverOptions { initial_credit: 5, auto_credit: false, ..ReceiverOptions::from("q") };
        let mut consumer = far.receiver(options).await.unwrap();
        let senders = [sender(&near, "q").await, sender(&near, "q").await];
        let mut pending = Vec::new();
        for n in 0..400 {
            pending.push(senders[n % 2].send_start(text(&n.to_string()), false).await.unwrap());
        }
        let mut held = Vec::new();
        for _ in 0..5 {
            held.push(consumer.recv().await.unwrap());
        }
        let accepted = held.pop().unwrap();
        accepted.accept();
        until(|| left.status().deliveries == 399).await;
        cable.set(Manner::Cut);
        let (mut outcomes, mut odd) = ([0, 0, 0], Vec::new());
        for one in pending {
            match one.await.unwrap() {
                Outcome::Accepted => outcomes[0] += 1,
                Outcome::Modified { delivery_failed: true, undeliverable_here: false } => {
                    outcomes[1] += 1;
                }
                Outcome::Released => outcomes[2] += 1,
                other => odd.push(other),
            }
        }
        assert!(odd.is_empty(), "{odd:?}");
        // What was settled frees the place of one more.
        let (sent, waiting) = (outcomes[0] + outcomes[1], outcomes[2]);
        assert_eq!((outcomes[0], sent + waiting), (1, 400));
        assert!((250..=251).contains(&sent), "{outcomes:?}");
        // The consumer's word comes too late for the sender, and harms no one.
        for delivery in held {
            delivery.accept();
        }
        until(|| left.status().uplink).await;
        // What the other interior holds for the consumer still comes; then the new one.
        consumer.grant(1_000);
        let drain = tokio::task::spawn_local(async move {
            loop {
                let delivery = consumer.recv().await.unwrap();
                let last = body(&delivery) == "over the standby";
                delivery.accept();
                if last {
                    return;
                }
            }
        });
        while senders[0].send(text("over the standby")).await.unwrap() != Outcome::Accepted {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        drain.await.unwrap();
    });
}

#[test]
fn a_consumer_on_the_edge_is_found_over_the_standby() {
    run(async {
        let (a, b) = two_interiors().await;
        let (left, cable) = edge_of(&a, &b).await;
        let (near, far) = (client(&left).await, client(&a).await);
        let mut consumer = receiver(&near, "q").await;
        let mut replies = near
            .receiver(ReceiverOptions::from(iofog_amqp_client::Address::Dynamic))
            .await
            .unwrap();
        let own = replies.address().unwrap().to_owned();
        let sender = sender(&far, "q").await;
        let reply = support::anonymous(&far).await;
        for round in 0..3 {
            // Round 1 goes over the standby; for round 2 the first one was whole again.
            for (way, to, consumer) in
                [("q", None, &mut consumer), ("own", Some(&own), &mut replies)]
            {
                loop {
                    let pending = match to {
                        None => sender.send_start(text("x"), false).await.unwrap(),
                        Some(to) => {
                            reply.send_start(support::text_to(to, "x"), false).await.unwrap()
                        }
                    };
                    let arrives = tokio::time::timeout(Duration::from_secs(1), consumer.recv());
                    if let Ok(delivery) = arrives.await {
                        delivery.unwrap().accept();
                        assert_eq!(pending.await.unwrap(), Outcome::Accepted, "{round} {way}");
                        break;
                    }
                }
            }
            cable.set(if round == 0 { Manner::Cut } else { Manner::Whole });
            until(|| left.status().uplink).await;
        }
    });
}

#[test]
fn of_two_connections_of_an_edge_the_older_is_given_up_with_the_first_heartbeat_it_misses() {
    let mut edge = Core::new(&RouterConfig::new(Mode::Edge, "E"), 1, 1, Millis(0));
    let mut top = Core::new(&RouterConfig::new(Mode::Interior, "A"), 2, 1, Millis(0));
    let connector = ConnectorConfig::new("up", Role::Edge, "here", 1);
    let listener = ListenerConfig::new(Role::Edge, "", 1);
    let dial = |edge: &mut Core, top: &mut Core, now| {
        let ours = edge.connect(&connector, None, Millis(now));
        let theirs = top.accept(&listener, "here".to_owned(), None, Millis(now));
        carry([(edge, ours), (top, theirs)], 100, now);
        (ours, theirs)
    };
    let (first, first_at_top) = dial(&mut edge, &mut top, 0);
    // A standby is no reason for doubt.
    let (standby, standby_at_top) = dial(&mut edge, &mut top, 1_000);
    top.tick(Millis(9_500));
    assert!(top.is_open(first_at_top) && top.is_open(standby_at_top));
    edge.remove(standby);
    top.remove(standby_at_top);
    // The edge lost the first one, and the interior does not know.
    edge.remove(first);
    let (second, second_at_top) = dial(&mut edge, &mut top, 9_600);
    assert_eq!(edge.snapshot().uplink, Some(second));
    top.tick(Millis(9_700));
    assert!(!top.is_open(first_at_top), "silent for more than the 8 seconds it was told");
    assert!(top.is_open(second_at_top));
    // Two that share a name, and both are heard, stay.
    let mut other = Core::new(&RouterConfig::new(Mode::Edge, "E"), 3, 1, Millis(0));
    let (third, third_at_top) = dial(&mut other, &mut top, 9_800);
    for now in (10_000..40_000).step_by(500) {
        for (core, ours, theirs) in
            [(&mut edge, second, second_at_top), (&mut other, third, third_at_top)]
        {
            core.tick(Millis(now));
            top.tick(Millis(now));
            carry([(core, ours), (&mut top, theirs)], 10, now);
        }
    }
    assert!(top.is_open(second_at_top) && top.is_open(third_at_top));
}

/// Bytes between an edge router and an interior that is made by hand, until both are quiet. It takes every link, and
/// tells which one is for everything that the edge does not know.
fn serve(edge: &mut Core, conn: ConnId, interior: &mut Connection) -> Option<LinkId> {
    let mut uplink = None;
    for _ in 0..20 {
        edge.take_dirty(&mut Vec::new());
        let bytes = edge.output::<16>(conn).concat();
        edge.wrote(conn, bytes.len(), Millis(0));
        interior.input(bytes.len()).extend_from_slice(&bytes);
        interior.received(Millis(0));
        while let Some(event) = interior.poll_event() {
            if let Event::Attach { link, attach, .. } = event {
                let target = attach.target.as_ref().and_then(|target| target.address.as_ref());
                if attach.role == LinkRole::Sender && target.is_none() {
                    uplink = Some(link);
                }
                let answer = Attach {
                    source: attach.source.clone(),
                    target: attach.target.clone(),
                    ..Attach::new(attach.name.clone(), attach.role.opposite())
                };
                interior.accept(link, answer);
            }
        }
        interior.flush();
        let bytes = interior.output_chunks::<16>().concat();
        interior.wrote(bytes.len(), Millis(0));
        if let Some(input) = edge.input(conn, bytes.len()) {
            input.extend_from_slice(&bytes);
            edge.received(conn, Millis(0));
        }
    }
    uplink
}

#[test]
fn an_interior_that_ends_the_uplink_alone_is_left_for_the_standby() {
    let mut edge = Core::new(&RouterConfig::new(Mode::Edge, "E"), 1, 1, Millis(0));
    let mut top = Core::new(&RouterConfig::new(Mode::Interior, "A"), 2, 1, Millis(0));
    let connector = ConnectorConfig::new("up", Role::Edge, "here", 1);
    let first = edge.connect(&connector, None, Millis(0));
    let security = Security::Server(ServerSasl::default());
    let config = Config { security, container_id: "odd".to_owned(), ..Config::default() };
    let mut odd = Connection::new(config, Millis(0));
    let uplink = serve(&mut edge, first, &mut odd).unwrap();
    let second = edge.connect(&connector, None, Millis(0));
    let at_top =
        top.accept(&ListenerConfig::new(Role::Edge, "", 1), "here".to_owned(), None, Millis(0));
    carry([(&mut edge, second), (&mut top, at_top)], 100, 0);
    assert_eq!(edge.snapshot().uplink, Some(first));
    odd.detach(uplink, true, None);
    serve(&mut edge, first, &mut odd);
    assert!(edge.close_reason(first).is_some(), "it is dialled again");
    assert_eq!(edge.snapshot().uplink, Some(second));
}

/// A gateway whose address changed: the interior still holds the connection that nobody answers on.
#[test]
fn the_place_of_an_edge_that_dialled_anew_is_not_kept_for_long() {
    run(async {
        let mut config = RouterConfig::new(Mode::Interior, "top");
        for role in [Role::Normal, Role::Edge] {
            let mut listener = ListenerConfig::new(role, "127.0.0.1", 0);
            listener.name = role.as_str().to_owned();
            listener.idle_timeout = 8;
            config.listeners.push(listener);
        }
        let top = start(config, RuntimeOptions::default()).await.unwrap();
        let cable = Cable::to(port(&top, Role::Edge)).await;
        let edge = support::router(Mode::Edge, "left", &[Role::Normal]).await;
        let mut config = edge.config();
        let address = cable.address;
        let mut connector =
            ConnectorConfig::new("up", Role::Edge, &address.ip().to_string(), address.port());
        // The edge notices after 2 seconds, the interior would after 8.
        connector.idle_timeout = 2;
        config.connectors.push(connector);
        edge.apply(config).await.unwrap();
        until(|| edge.status().uplink).await;
        cable.set(Manner::Silent);
        until(|| !edge.status().uplink).await;
        until(|| edge.status().uplink && cable.dialled.get() == 2).await;
        assert_eq!(top.status().connections, 2, "the old one is still there");
        let begun = tokio::time::Instant::now();
        until(|| top.status().connections == 1).await;
        // 2 seconds and a way back had passed of the 4 that it may be silent. No limit of time: 8 would be the rule.
        println!("given up {} ms after the new one", begun.elapsed().as_millis());
        let (near, far) = (client(&edge).await, client(&top).await);
        let mut consumer = receiver(&near, "q").await;
        let sender = sender(&far, "q").await;
        for _ in 0..20 {
            let pending = sender.send_start(text("x"), false).await.unwrap();
            consumer.recv().await.unwrap().accept();
            assert_eq!(pending.await.unwrap(), Outcome::Accepted);
        }
    });
}
