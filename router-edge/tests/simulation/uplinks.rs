//! Edge routers with a second connector: the uplink that is cut, goes silent or loses its interior is changed for the
//! standby in time, and one that comes and goes all the time loses, doubles and leaves nothing.
//! `UPLINK_SEEDS=200` runs more of them.

use super::number;
use super::schedule::{EDGES, INTERIORS, Outcome, Standby, begin, conclude, rest};
use super::world::{Place, World};

/// How an uplink ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// Both ends learn of it.
    Cut,
    /// Nothing arrives any more, and nobody is told.
    Silence,
    /// The interior router dies.
    Death,
}

/// Milliseconds until each end of a cut wire has learnt of it, and a turn of the router's clock.
const TOLD: u64 = 1_000;
/// Twice the advertised idle time-out, and a turn of the router's clock.
const SILENT: u64 = 16_000 + 1_000;

fn lose(seed: u64, loss: Loss) -> Outcome {
    let mut world = begin(seed, Standby::ForAll);
    let edge = INTERIORS + world.random.index(EDGES);
    let first = world.uplink_of(edge).unwrap();
    let Place::Router(interior) = world.wires[first].ends[1] else { panic!("leads to a router") };
    match loss {
        Loss::Cut => world.cut(first),
        Loss::Silence => world.wires[first].blocked = true,
        Loss::Death => world.kill_router(interior),
    }
    if loss == Loss::Silence {
        // Not given up at the first hitch.
        world.run(4_000);
        assert_eq!(world.uplink_of(edge), Some(first), "seed {seed}");
    }
    world.run(if loss == Loss::Silence { SILENT - 4_000 } else { TOLD });
    let second = world.uplink_of(edge);
    let other = second.is_some_and(|wire| world.wires[wire].ends[1] != Place::Router(interior));
    if !other {
        world.books.violation(format!("the standby does not take over: {first} {second:?}"));
    }
    // Busy over the standby, while the first one comes back.
    world.run(5_000);
    if loss == Loss::Death {
        world.start_router(interior);
    }
    let sums = rest(&mut world, false);
    if world.uplink_of(edge) != second {
        world.books.violation("the uplink changes without need".to_owned());
    }
    conclude(world, sums)
}

fn flap(seed: u64) -> Outcome {
    let mut world = begin(seed, Standby::ForAll);
    let links = world.links();
    for _ in 0..80 {
        let edge = INTERIORS + world.random.index(EDGES);
        if let Some(wire) = world.uplink_of(edge) {
            strike(&mut world, wire);
        }
        let pause = world.random.between(10, 1_500);
        world.run(pause);
    }
    let sums = rest(&mut world, false);
    if world.links() != links {
        let now = world.links();
        world.books.violation(format!("{now} links are left, {links} were there before"));
    }
    conclude(world, sums)
}

/// Cuts a wire, or lets it hang for a moment or for ever.
fn strike(world: &mut World, wire: usize) {
    match world.random.below(4) {
        0 => {
            world.wires[wire].blocked = true;
            let pause = world.random.between(10, 3_000);
            world.run(pause);
            world.unblock(wire);
        }
        1 => world.wires[wire].blocked = true,
        _ => world.cut(wire),
    }
}

fn all_hold(seeds: u64, what: impl Fn(u64) -> Outcome) {
    let (mut sent, mut accepted) = (0, 0);
    let seeds = number("UPLINK_SEEDS").unwrap_or(seeds);
    let seeds = number("SEED").map_or(0..seeds, |seed| seed..seed + 1);
    for seed in seeds {
        let outcome = what(seed);
        let told = outcome.violations.join("\n");
        assert!(
            outcome.violations.is_empty(),
            "seed {seed} (run it alone with SEED={seed}):\n{told}"
        );
        sent += outcome.sums.sent;
        accepted += outcome.sums.accepted;
    }
    println!("{sent} messages, {accepted} accepted");
    assert!(accepted * 3 > sent, "a schedule in which little happens shows little");
}

#[test]
fn the_standby_takes_over_when_the_uplink_is_cut() {
    all_hold(8, |seed| lose(seed, Loss::Cut));
}

#[test]
fn the_standby_takes_over_when_the_uplink_goes_silent() {
    all_hold(8, |seed| lose(seed, Loss::Silence));
}

#[test]
fn the_standby_takes_over_when_the_interior_dies() {
    all_hold(8, |seed| lose(seed, Loss::Death));
}

#[test]
fn an_uplink_that_comes_and_goes_loses_doubles_and_leaves_nothing() {
    all_hold(4, flap);
}
