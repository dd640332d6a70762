//! The outbox under seeded schedules: the books add up, order holds, crashes lose nothing that was safe.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;

use super::{Lane, Limits, Outbox, Seq, Verdict};
use crate::bus::message_log::{MessageLog, Recovery};
use crate::domain::MessageSettings;
use crate::ids::MicroserviceUuid;

const LIMITS: Limits = Limits { quota_bytes: 1 << 30, window: 4, memory_bytes: 64 };

fn lane(destination: &str) -> Lane {
    Lane { publisher: "p".into(), destination: destination.into() }
}

fn outbox() -> Outbox {
    Outbox::new(LIMITS, Recovery::default())
}

fn accept(outbox: &mut Outbox, lane: &Lane, priority: u8) -> Seq {
    accept_with(outbox, lane, priority, 0, &MessageSettings::default())
}

fn accept_with(
    outbox: &mut Outbox,
    lane: &Lane,
    priority: u8,
    now: u64,
    settings: &MessageSettings,
) -> Seq {
    outbox.accept(lane.clone(), priority, Bytes::from_static(b"payload"), now, settings)
}

/// The books of the node and of each publisher add up, to what is held.
fn balanced(outbox: &Outbox) -> bool {
    let (mut held, mut bytes) = (0, 0);
    let mut each = true;
    for (_, ledger, count, share) in outbox.publishers() {
        (held, bytes) = (held + count, bytes + share);
        each &= ledger.pending() == count as u64;
    }
    each && outbox.ledger().pending() == outbox.len() as u64
        && (held, bytes) == (outbox.len(), outbox.bytes())
}

#[test]
fn window_bounds_what_is_under_way() {
    let (mut outbox, lane) = (outbox(), lane("d"));
    let all: Vec<Seq> = (0..6).map(|_| accept(&mut outbox, &lane, 0)).collect();
    let sent: Vec<Seq> = std::iter::from_fn(|| outbox.next(&lane)).collect();
    assert_eq!(sent, all[..4]);
    outbox.verdict(all[1], Verdict::Delivered);
    assert_eq!(outbox.next(&lane), Some(all[4]));
    assert!(balanced(&outbox));
}

#[test]
fn a_returned_message_goes_before_what_follows_it() {
    let (mut outbox, lane) = (outbox(), lane("d"));
    let all: Vec<Seq> = (0..5).map(|_| accept(&mut outbox, &lane, 0)).collect();
    while outbox.next(&lane).is_some() {}
    outbox.verdict(all[0], Verdict::Delivered);
    outbox.verdict(all[1], Verdict::Again);
    assert_eq!(outbox.next(&lane), None, "the others are not answered yet");
    outbox.verdict(all[2], Verdict::Again);
    outbox.verdict(all[3], Verdict::Again);
    assert_eq!(outbox.next(&lane), Some(all[1]));
}

#[test]
fn a_lost_link_goes_back_to_the_first_unsettled() {
    let (mut outbox, lane) = (outbox(), lane("d"));
    let all: Vec<Seq> = (0..4).map(|_| accept(&mut outbox, &lane, 0)).collect();
    while outbox.next(&lane).is_some() {}
    outbox.verdict(all[2], Verdict::Delivered);
    outbox.link_lost(&lane);
    let again: Vec<Seq> = std::iter::from_fn(|| outbox.next(&lane)).collect();
    assert_eq!(again, [all[0], all[1], all[3]]);
}

#[test]
fn quota_drops_the_lowest_priority_then_the_oldest() {
    let lane = lane("d");
    let limits = Limits { quota_bytes: 3 * (7 + super::OVERHEAD), ..LIMITS };
    let mut outbox = Outbox::new(limits, Recovery::default());
    let high = accept(&mut outbox, &lane, 9);
    let old = accept(&mut outbox, &lane, 1);
    let new = accept(&mut outbox, &lane, 1);
    let least = accept(&mut outbox, &lane, 0);
    let gone = |outbox: &Outbox, seq| outbox.payload(seq).is_none();
    assert!(gone(&outbox, least) && !gone(&outbox, old));
    let last = accept(&mut outbox, &lane, 5);
    assert!(gone(&outbox, old) && !gone(&outbox, new) && !gone(&outbox, high));
    assert_eq!(outbox.ledger().dropped_quota, 2);
    assert!(balanced(&outbox));
    let order: Vec<Seq> = std::iter::from_fn(|| outbox.next(&lane)).collect();
    assert_eq!(order, [high, new, last]);
}

#[test]
fn a_quota_of_its_own_costs_only_its_own_messages() {
    let mut outbox = outbox();
    let (chatty, other) = (lane("d"), Lane { publisher: "q".into(), destination: "d".into() });
    let kept = accept(&mut outbox, &other, 0);
    let quota_bytes = Some(2 * (7 + super::OVERHEAD));
    let settings = MessageSettings { quota_bytes, ..MessageSettings::default() };
    let all = [3, 1, 2].map(|priority| accept_with(&mut outbox, &chatty, priority, 0, &settings));
    assert!(outbox.payload(all[1]).is_none() && outbox.payload(kept).is_some());
    assert_eq!((outbox.ledger().dropped_own_quota, outbox.ledger().dropped_quota), (1, 0));
    let of = |who: &str| {
        let found = outbox.publishers().find(|one| one.0.as_str() == who).unwrap();
        (found.1.given_up(), found.2)
    };
    assert_eq!((of("p"), of("q")), ((1, 2), (0, 1)));
    // What is under way is not taken back, however small the quota is.
    assert_eq!(outbox.next(&chatty), Some(all[0]));
    let none = MessageSettings { quota_bytes: Some(1), ..settings };
    let last = accept_with(&mut outbox, &chatty, 9, 0, &none);
    assert!(outbox.payload(all[0]).is_some() && outbox.payload(last).is_none());
    assert!(balanced(&outbox));
}

#[test]
fn a_priority_of_the_microservice_stands_over_that_of_its_messages() {
    let lane = lane("d");
    let limits = Limits { quota_bytes: 7 + super::OVERHEAD, ..LIMITS };
    let mut outbox = Outbox::new(limits, Recovery::default());
    let settings = MessageSettings { priority: Some(5), ..MessageSettings::default() };
    let first = accept_with(&mut outbox, &lane, 0, 0, &settings);
    accept(&mut outbox, &lane, 4);
    assert!(outbox.payload(first).is_some());
    accept(&mut outbox, &lane, 6);
    assert!(outbox.payload(first).is_none());
    assert!(balanced(&outbox));
}

#[test]
fn what_waits_too_long_expires_and_what_is_under_way_does_not() {
    let mut outbox = outbox();
    let (old, other) = (lane("d"), Lane { publisher: "q".into(), destination: "d".into() });
    let none = MessageSettings::default();
    let all = [0, 500, 1000].map(|now| accept_with(&mut outbox, &old, 0, now, &none));
    accept(&mut outbox, &other, 0);
    assert_eq!(outbox.next(&old), Some(all[0]));
    let ttl = |who: &MicroserviceUuid| (who.as_str() == "p").then_some(Duration::from_secs(1));
    assert!(!outbox.expire(1_499, ttl));
    assert!(outbox.expire(1_500, ttl));
    assert_eq!((outbox.ledger().expired, outbox.len()), (1, 3));
    // Back from a lost link it waits again, and its time is over.
    outbox.link_lost(&old);
    assert!(outbox.expire(1_500, ttl) && !outbox.expire(1_500, ttl));
    assert!(outbox.is_safe(all[0]) && balanced(&outbox));
    assert_eq!(outbox.next(&old), Some(all[2]));
}

#[test]
fn lanes_do_not_wait_for_each_other() {
    let mut outbox = outbox();
    let (stuck, free) = (lane("stuck"), lane("free"));
    for _ in 0..6 {
        accept(&mut outbox, &stuck, 0);
    }
    while outbox.next(&stuck).is_some() {}
    let seq = accept(&mut outbox, &free, 0);
    assert_eq!(outbox.next(&free), Some(seq));
}

/// A small generator: the schedule replays from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Writes and syncs like the bus does.
fn commit(outbox: &mut Outbox, log: &mut MessageLog) {
    let settled = outbox.unwritten_settlements();
    let stored = log.append(outbox.unwritten(), &settled).unwrap();
    log.sync().unwrap();
    outbox.written(stored).into_iter().for_each(|at| log.release(at));
}

#[test]
fn schedules_with_crashes_lose_nothing_that_was_safe() {
    for seed in 1..24 {
        run_schedule(seed);
    }
}

fn run_schedule(seed: u64) {
    let folder = std::env::temp_dir().join(format!("iofog-outbox-{seed}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let (mut log, recovery) = MessageLog::open(&folder, 400).unwrap();
    let mut outbox = Outbox::new(LIMITS, recovery);
    let lanes = [lane("a"), lane("b")];
    let mut under_way: Vec<Seq> = Vec::new();
    let (mut known, mut safe, mut taken) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    for step in 0..400 {
        let at = &lanes[usize::from(random.below(2) == 1)];
        match random.below(20) {
            0..=6 => {
                let payload = Bytes::from(format!("payload {step}"));
                // Some of them under a quota of their own.
                let quota_bytes = (random.below(8) == 0).then_some(6 * 180);
                let settings = MessageSettings { quota_bytes, ..MessageSettings::default() };
                let seq = outbox.accept(at.clone(), 0, payload.clone(), step, &settings);
                // Numbers that a crash forgot are used again.
                safe.remove(&seq);
                taken.remove(&seq);
                known.insert(seq, payload);
            }
            7..=12 => under_way.extend(outbox.next(at)),
            13..=15 if !under_way.is_empty() => {
                let index = usize::try_from(random.below(under_way.len() as u64)).unwrap();
                let seq = under_way.swap_remove(index);
                let again = random.below(4) == 0;
                outbox.verdict(seq, if again { Verdict::Again } else { Verdict::Delivered });
                if !again {
                    taken.insert(seq);
                }
            }
            16 => {
                outbox.link_lost(at);
                let outbox = &outbox;
                under_way.retain(|seq| outbox.entries.get(seq).is_some_and(|e| *e.lane != *at));
            }
            17..=18 => commit(&mut outbox, &mut log),
            _ => {
                // Crash: memory is gone, and a torn record may follow what was synced.
                drop(log);
                tear(&folder, &mut random);
                let (reopened, recovery) = MessageLog::open(&folder, 400).unwrap();
                log = reopened;
                for seq in &safe {
                    let found = recovery.live.contains_key(seq) || taken.contains(seq);
                    assert!(found, "seed {seed}: {seq:?} was safe and is lost");
                }
                for (seq, found) in &recovery.live {
                    assert_eq!(&log.read(found.location).unwrap(), &known[seq], "seed {seed}");
                }
                outbox = Outbox::new(LIMITS, recovery);
                under_way.clear();
                known.retain(|seq, _| outbox.payload(*seq).is_some());
            }
        }
        if step % 50 == 49 {
            outbox.expire(step, |_| Some(Duration::from_millis(300)));
        }
        // Given up is as good as taken: the books have it.
        taken.extend(known.keys().filter(|seq| outbox.payload(**seq).is_none()));
        safe.extend(known.keys().filter(|seq| outbox.is_safe(**seq)));
        assert!(balanced(&outbox), "seed {seed}, step {step}: {:?}", outbox.ledger());
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

fn tear(folder: &PathBuf, random: &mut Random) {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let newest = files.max().unwrap();
    let mut bytes = std::fs::read(&newest).unwrap();
    let noise = random.below(40);
    bytes.extend((0..noise).map(|_| u8::try_from(random.below(256)).unwrap()));
    std::fs::write(newest, bytes).unwrap();
}
