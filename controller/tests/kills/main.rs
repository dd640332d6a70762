//! SIGKILL at random moments of random mutations by several clients: nothing that was answered is lost, nothing is half
//! done, and the whole database stays consistent. On the store that the suite runs on.
//!
//! `IOFOG_KILLS_MUTATIONS` (400) and `IOFOG_KILLS_SEED` make it another or a longer run; results of long runs are in
//! docs/long-runs.md.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic, reason = "a test may fail here")]
#![allow(unreachable_pub, missing_docs, reason = "the parts of one test")]

#[path = "../common/mod.rs"]
mod common;

mod client;
mod invariants;
mod mutation;
mod world;

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use client::Client;
use common::Controller;
use world::Random;

const CLIENTS: u64 = 4;
/// A guard against hangs: killed then at the latest.
const HANGS: Duration = Duration::from_secs(30);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

#[test]
fn killed_at_random_nothing_is_lost_or_half_done() {
    let wanted = setting("IOFOG_KILLS_MUTATIONS", 400);
    let seed = setting("IOFOG_KILLS_SEED", 1);
    println!("seed {seed}");
    let mut controller = Controller::start();
    let mut clients: Vec<Client> =
        (0..CLIENTS).map(|number| Client::new(&controller, number, seed)).collect();
    let mut random = Random(seed);
    let (mut kills, mut done) = (0, 0);
    while done < wanted {
        let pid = controller.pid().to_string();
        mutate(&mut clients, &controller.base, &mut random, |_| {
            assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        });
        kills += 1;
        controller.end();
        let wrong = invariants::violations(&controller);
        assert!(wrong.is_empty(), "seed {seed}, after kill {kills}: {wrong:#?}");
        controller.kill_and_restart();
        for client in &mut clients {
            assert!(client.check(&controller.base).is_ok(), "the restarted Controller is gone");
        }
        done = met(&clients);
    }
    report(&clients, seed, kills);
}

/// The same where the database goes and the Controller stays: every connection to it is cut, again and again.
#[test]
fn cut_off_from_the_database_nothing_is_lost_or_half_done() {
    if !common::on_postgres() {
        println!("skipped: the embedded database has no connections (IOFOG_TEST_STORE=postgres)");
        return;
    }
    let (wanted, seed) = (setting("IOFOG_CUTS_MUTATIONS", 200), setting("IOFOG_KILLS_SEED", 1));
    let controller = Controller::start();
    let database = controller.database().unwrap();
    let mut clients: Vec<Client> =
        (0..CLIENTS).map(|number| Client::new(&controller, number, seed)).collect();
    let mut random = Random(seed);
    let (mut cuts, mut done) = (0, 0);
    while done < wanted {
        for client in &mut clients {
            client.forgiving = true;
        }
        let pause = Duration::from_millis(random.below(40));
        mutate(&mut clients, &controller.base, &mut random, |stop| {
            database.cut();
            cuts += 1;
            std::thread::sleep(pause);
            stop.store(true, Ordering::Relaxed);
        });
        let start = Instant::now();
        for client in &mut clients {
            // What a commit without an answer left behind is looked up within a second or two.
            while client.settle(&controller.base).is_err() {
                assert!(start.elapsed() < HANGS, "the database is not found again");
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        std::thread::sleep(Duration::from_secs(2));
        for client in &mut clients {
            client.forgiving = false;
            assert!(client.check(&controller.base).is_ok(), "the Controller is gone");
        }
        done = met(&clients);
    }
    report(&clients, seed, cuts);
}

/// Lets the clients mutate until `end`, which comes after some mutations and a moment that nothing is in step with.
fn mutate(clients: &mut [Client], base: &str, random: &mut Random, end: impl FnOnce(&AtomicBool)) {
    let (some, moment) = (1 + random.below(40), Duration::from_micros(random.below(30_000)));
    let (answered, stop) = (AtomicU32::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for client in clients {
            scope.spawn(|| client.run(base, &answered, &stop));
        }
        let start = Instant::now();
        while u64::from(answered.load(Ordering::Relaxed)) < some && start.elapsed() < HANGS {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(moment);
        end(&stop);
    });
}

fn met(clients: &[Client]) -> u64 {
    clients.iter().map(|client| u64::from(client.accepted + client.cut)).sum()
}

fn report(clients: &[Client], seed: u64, kills: u32) {
    let sum = |of: fn(&Client) -> u32| clients.iter().map(of).sum::<u32>();
    let (accepted, refused, cut) =
        (sum(|one| one.accepted), sum(|one| one.refused), sum(|one| one.cut));
    println!(
        "seed {seed}: {accepted} mutations accepted, {refused} refused, {cut} cut off by {kills} kills"
    );
    assert!(cut > 0, "no kill met a mutation");
}
