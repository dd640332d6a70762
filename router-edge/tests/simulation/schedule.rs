//! One schedule: a network, clients, faults at random moments, then rest, and the questions at the end.

use iofog_router::RouterConfig;
use iofog_router::config::{AddressRule, Mode, Role, Treatment};

use super::books::Sums;
use super::client::{ADDRESSES, Client, Mood};
use super::random::Random;
use super::wire::Manner;
use super::world::{Uplink, World};

pub(crate) const INTERIORS: usize = 3;
pub(crate) const EDGES: usize = 4;

/// Which edge routers dial two interiors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standby {
    ForSome,
    ForAll,
}

/// What a schedule showed.
pub(crate) struct Outcome {
    pub(crate) violations: Vec<String>,
    pub(crate) trace: u64,
    pub(crate) sums: Sums,
}

/// A fault that is over at some time.
enum Cure {
    Start(usize),
    Unblock(usize),
    Quicken(usize),
    Attach(usize),
}

/// Runs the schedule of a seed.
pub(crate) fn run(seed: u64) -> Outcome {
    let mut world = begin(seed, Standby::ForSome);
    // One schedule in six has no fault but slowness: then nothing at all may be lost.
    let undisturbed = world.random.one_in(6);
    world.books.moving = !undisturbed;
    disturb(&mut world, undisturbed);
    let sums = rest(&mut world, undisturbed);
    conclude(world, sums)
}

/// A network with clients that has found itself and is busy.
pub(crate) fn begin(seed: u64, standby: Standby) -> World {
    let mut world = World::new(Random::new(seed));
    // While the network finds itself.
    world.books.moving = true;
    build(&mut world, standby);
    world.run(6_000);
    world
}

/// Lets everything come to rest.
pub(crate) fn rest(world: &mut World, undisturbed: bool) -> Sums {
    world.mood = Mood::Calm;
    // Longer than the time after which a silent peer is given up, and a dial after that.
    world.run(60_000);
    let sums = world.books.close(undisturbed);
    check_rest(world);
    sums
}

/// The questions at the end.
pub(crate) fn conclude(mut world: World, sums: Sums) -> Outcome {
    world.books.moving = false;
    probe(&mut world);
    world.books.close(false);
    Outcome { violations: std::mem::take(&mut world.books.violations), trace: world.trace, sums }
}

fn build(world: &mut World, standby: Standby) {
    let rules = [("c/#", Treatment::Closest), ("m/#", Treatment::Multicast)];
    let config = |mode, id: String| {
        let mut config = RouterConfig::new(mode, &id);
        config.addresses = rules
            .map(|(pattern, distribution)| AddressRule {
                name: None,
                pattern: pattern.to_owned(),
                distribution,
                presettled_overflow: None,
                priority: None,
            })
            .into();
        config
    };
    for n in 0..INTERIORS {
        let cost = u32::try_from(world.random.between(1, 6)).unwrap_or(1);
        let uplink = Uplink { to: (n + 1) % INTERIORS, role: Role::InterRouter, cost };
        world.add_router(config(Mode::Interior, format!("I{n}")), vec![uplink]);
    }
    for n in 0..EDGES {
        let to = world.random.index(INTERIORS);
        let mut uplinks = vec![Uplink { to, role: Role::Edge, cost: 1 }];
        if standby == Standby::ForAll || world.random.one_in(2) {
            uplinks.push(Uplink { to: (to + 1) % INTERIORS, role: Role::Edge, cost: 1 });
        }
        world.add_router(config(Mode::Edge, format!("E{n}")), uplinks);
    }
    for n in 0..9 {
        // Each address has a sender and a receiver; the rest is chance.
        let mut sends = vec![n % ADDRESSES.len()];
        let mut receives = vec![(n + 2) % ADDRESSES.len()];
        if world.random.one_in(2) {
            sends.push(world.random.index(ADDRESSES.len()));
        }
        if world.random.one_in(3) {
            receives.push(world.random.index(ADDRESSES.len()));
        }
        sends.dedup();
        receives.dedup();
        let home = world.random.index(INTERIORS + EDGES);
        world.add_client(Client::new(format!("c{n}"), &sends, &receives), home);
    }
}

fn disturb(world: &mut World, gently: bool) {
    let mut cures: Vec<(u64, Cure)> = Vec::new();
    for _ in 0..world.random.between(4, 16) {
        let pause = world.random.between(50, 3_000);
        world.run(pause);
        heal(world, &mut cures, false);
        if let Some(cure) = strike(world, gently) {
            let lasts = world.random.between(100, 12_000);
            cures.push((world.now + lasts, cure));
        }
    }
    heal(world, &mut cures, true);
}

fn heal(world: &mut World, cures: &mut Vec<(u64, Cure)>, all: bool) {
    let now = world.now;
    let (due, later) = std::mem::take(cures).into_iter().partition(|(at, _)| all || *at <= now);
    *cures = later;
    for (_, cure) in due {
        match cure {
            Cure::Start(router) => world.start_router(router),
            Cure::Unblock(wire) => world.unblock(wire),
            Cure::Quicken(wire) => world.wires[wire].manner = Manner::QUICK,
            Cure::Attach(client) => world.reattach(client),
        }
    }
}

fn strike(world: &mut World, gently: bool) -> Option<Cure> {
    let open: Vec<usize> = (0..world.wires.len()).filter(|&w| world.wires[w].is_open()).collect();
    let wire = *open.get(world.random.index(open.len()))?;
    let kind = if gently { world.random.below(3) } else { world.random.below(8) };
    match kind {
        0 => {
            // Gently: no neighbour misses its greetings.
            let latency = world.random.between(20, if gently { 400 } else { 1_500 });
            world.wires[wire].manner = Manner { latency, ..Manner::QUICK };
            Some(Cure::Quicken(wire))
        }
        1 => {
            // Gently: greetings still get through in time behind all that may wait before them.
            let (rate, room) = if gently { (500, 8_000) } else { (1, 700) };
            let rate = rate + world.random.index(20);
            world.wires[wire].manner = Manner { latency: 5, rate, room };
            Some(Cure::Quicken(wire))
        }
        2 => {
            let client = world.random.index(world.clients.len());
            world.clients[client].stalled_until = world.now + world.random.between(500, 8_000);
            None
        }
        3 => {
            world.cut(wire);
            None
        }
        4 => {
            world.wires[wire].blocked = true;
            Some(Cure::Unblock(wire))
        }
        5 => {
            let router = world.random.index(world.nodes.len());
            world.nodes[router].core.as_ref()?;
            world.kill_router(router);
            Some(Cure::Start(router))
        }
        6 => {
            let client = world.random.index(world.clients.len());
            world.drop_client(client);
            None
        }
        _ => {
            let client = world.random.index(world.clients.len());
            let World { clients, random, .. } = world;
            clients[client].detach_one(random);
            world.serve(client);
            Some(Cure::Attach(client))
        }
    }
}

/// The network is whole again, and nothing is under way.
fn check_rest(world: &mut World) {
    for n in 0..world.nodes.len() {
        let Some(core) = world.nodes[n].core.as_ref() else {
            world.books.violation(format!("router {n} is not there"));
            continue;
        };
        let seen = core.snapshot();
        let whole =
            if n < INTERIORS { seen.routers == INTERIORS - 1 } else { seen.uplink.is_some() };
        if !whole {
            world.books.violation(format!("router {n} has not found the network again: {seen:?}"));
        }
        if seen.deliveries > 0 || seen.links_blocked > 0 {
            world.books.violation(format!("router {n} does not come to rest: {seen:?}"));
        }
    }
}

/// From every router to every address: no credit is stuck, and multicast reaches everyone once.
fn probe(world: &mut World) {
    let all: Vec<usize> = (0..ADDRESSES.len()).collect();
    let regular = world.clients.len();
    for router in 0..world.nodes.len() {
        world.add_client(Client::new(format!("probe{router}"), &all, &[]), router);
    }
    world.run(10_000);
    let mut sent = Vec::new();
    for n in regular..world.clients.len() {
        for (address, known) in ADDRESSES.iter().enumerate() {
            let World { clients, books, .. } = &mut *world;
            match clients[n].probe(address, books) {
                Some(message) => sent.push((n - regular, address, message)),
                None => world.books.violation(format!(
                    "router {} gives no credit for {}",
                    n - regular,
                    known.name
                )),
            }
        }
        world.serve(n);
    }
    world.run(10_000);
    for (router, address, message) in sent {
        let consumers = world.clients.iter().filter(|client| client.receives(address)).count();
        let wanted = if ADDRESSES[address].many { consumers } else { 1 };
        let (arrived, accepted) = (world.books.arrivals(message), world.books.is_accepted(message));
        if !accepted || arrived != wanted {
            world.books.violation(format!(
                "from router {router} to {}: {arrived} of {wanted} arrived, accepted: {accepted}",
                ADDRESSES[address].name
            ));
        }
    }
}
