//! Controller and Agent over slow, lossy and breaking connections, on a virtual clock, from seeds. A failing seed is
//! printed and replays.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail here")]
#![allow(clippy::cast_possible_truncation, reason = "small numbers")]

mod path;
mod world;

use path::Path;
use world::World;

#[test]
fn both_ends_agree_in_the_end_whatever_breaks() {
    for seed in 1..=300 {
        let breaks = [0, 500, 5_000][seed as usize % 3];
        let path = Path { bits_per_second: 2_000_000, delay_ms: 40, loss: 2, breaks };
        let mut world = World::new(seed, path);
        for _ in 0..30 {
            world.change();
            let pause = world.random.below(4_000);
            world.run(pause, 50);
        }
        assert!(world.settle(), "seed {seed}: {:?} {:?}", world.has.keys(), world.truth.keys());
    }
}

#[test]
fn a_modem_of_9600_bits_with_loss_and_600_ms_delay_keeps_its_link() {
    for seed in 1..=10 {
        let path = Path { bits_per_second: 9_600, delay_ms: 600, loss: 5, breaks: 0 };
        let mut world = World::new(seed, path);
        (0..6).for_each(|_| world.change());
        assert!(world.settle(), "seed {seed}");
        let links = world.links;
        world.run(3_600_000, 100);
        assert_eq!(world.links, links, "seed {seed}: an idle hour on a modem loses no link");
        let before = world.sent();
        world.set("small", "{\"uuid\":\"small\"}");
        assert!(world.settle(), "seed {seed}");
        let sent = world.sent() - before;
        assert!(sent < 200, "seed {seed}: one small change, {sent} bytes");
    }
}

#[test]
fn thirty_days_of_partition_lose_nothing_and_resume_without_a_full_send() {
    let path = Path { bits_per_second: 1_000_000, delay_ms: 50, loss: 0, breaks: 0 };
    let mut world = World::new(11, path);
    (0..20).for_each(|_| world.change());
    assert!(world.settle());
    let before = world.has.clone();
    world.cut_off = true;
    world.run(30 * 86_400_000, 5_000);
    assert_eq!(world.has, before, "work goes on as it was");
    world.set("small", "{\"uuid\":\"small\"}");
    world.cut_off = false;
    let sent = world.sent();
    assert!(world.settle());
    let (sent, full) = (world.sent() - sent, world.truth.values().map(String::len).sum::<usize>());
    assert!(sent < 700, "{sent} of {full} bytes");
}
