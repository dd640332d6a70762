//! The message store while every file operation fails once in turn, and as crashes at any byte leave it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use rustix::io::Errno;

use super::write;
use crate::bus::message_log::MessageLog;
use crate::bus::outbox::{Lane, Limits, Outbox, Seq, Verdict};
use crate::domain::MessageSettings;
use crate::fault::{self, Fault, Part};

const LIMITS: Limits = Limits { quota_bytes: 1 << 20, window: 4, memory_bytes: 64 };
const SEGMENT: u64 = 300;
const STEPS: u64 = 14;
/// Images of a crash that a step makes, and a few more.
const IMAGES_OF_A_STEP: u64 = 150;

struct Folder(PathBuf);

impl Folder {
    /// In memory where the machine has such a place: a crash is made by hand here.
    fn new(name: &str) -> Self {
        let memory = PathBuf::from("/dev/shm");
        let base = if memory.is_dir() { memory } else { std::env::temp_dir() };
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = base.join(format!("iofog-messages-{name}-{number}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn payload(number: u64) -> Bytes {
    Bytes::from(format!("message {number}"))
}

/// Messages by the number that the publisher gave them.
#[derive(Default)]
struct Told {
    /// The publisher was told that they are safe, and nobody has consumed them.
    safe: BTreeMap<Seq, u64>,
    /// All that were handed in, and are not consumed.
    open: BTreeMap<Seq, u64>,
}

/// Takes, writes and delivers messages; what was told until the end, or until the process is as good as dead.
fn work(folder: &Path, steps: u64, fault: Option<Fault>) -> Told {
    fault::arm(fault);
    let mut told = Told::default();
    let opened = MessageLog::open(folder, SEGMENT).or_else(|_| MessageLog::open(folder, SEGMENT));
    let Ok((mut log, recovery)) = opened else { return told };
    let mut outbox = Outbox::new(LIMITS, recovery);
    let lane = Lane { publisher: "p".into(), destination: "d".into() };
    let settings = MessageSettings::default();
    for step in 0..steps {
        for number in [2 * step, 2 * step + 1] {
            let seq = outbox.accept(lane.clone(), 0, payload(number), 0, &settings);
            told.open.insert(seq, number);
        }
        let _ = write(&mut outbox, &mut log);
        let safe = told.open.iter().filter(|(seq, _)| outbox.is_safe(**seq));
        told.safe = safe.map(|(seq, number)| (*seq, *number)).collect();
        // One of two is delivered, once it can be read; the first stays for long and holds its segment.
        if step > 0
            && let Some(seq) = outbox.next(&lane)
        {
            let read = outbox.payload(seq).map(|found| found.or_else(|at| log.read(at)));
            let verdict = match read {
                Some(Ok(bytes)) => {
                    assert_eq!(bytes, payload(told.open[&seq]));
                    Verdict::Delivered
                }
                _ => Verdict::Again,
            };
            outbox.verdict(seq, verdict);
            if verdict == Verdict::Delivered {
                told.safe.remove(&seq);
                told.open.remove(&seq);
            }
        }
        let ledger = outbox.ledger();
        assert_eq!((ledger.pending(), ledger.given_up()), (outbox.len() as u64, 0));
        let dead = fault.is_some_and(|one| one.for_ever && fault::seen() > one.number);
        if dead {
            return told;
        }
    }
    // The bus tries again what failed.
    if write(&mut outbox, &mut log).is_ok() {
        told.safe.clone_from(&told.open);
    }
    told
}

/// Opens what was left; everything that was told to be safe must be there as it was.
fn check(folder: &Path, told: &Told, what: &str) {
    let (log, recovery) = MessageLog::open(folder, SEGMENT).unwrap();
    for (seq, number) in &told.safe {
        let found = recovery.live.get(seq);
        assert!(found.is_some(), "{what}: message {number} was safe and is lost");
    }
    for (seq, found) in &recovery.live {
        let bytes = log.read(found.location).unwrap();
        let known = told.open.get(seq).is_none_or(|number| bytes == payload(*number));
        assert!(known, "{what}: {seq:?} is {bytes:?}");
    }
    let mut outbox = Outbox::new(LIMITS, recovery);
    let mut log = log;
    let lane = Lane { publisher: "p".into(), destination: "d".into() };
    let seq = outbox.accept(lane, 0, payload(999), 0, &MessageSettings::default());
    write(&mut outbox, &mut log).unwrap();
    assert!(outbox.is_safe(seq), "{what}: it goes on");
}

/// Operations of a run without faults.
fn operations(steps: u64) -> Vec<(&'static str, usize)> {
    let folder = Folder::new("plain");
    let told = work(&folder.0, steps, None);
    let operations = fault::disarm();
    assert_eq!(told.safe.len(), told.open.len());
    check(&folder.0, &told, "without faults");
    for name in ["log.write", "log.sync", "log.create", "log.remove", "log.read"] {
        assert!(operations.iter().any(|one| one.0 == name), "{name} is not tried");
    }
    operations
}

#[test]
fn any_operation_may_fail_once() {
    for errno in [Errno::NOSPC, Errno::IO, Errno::ROFS, Errno::MFILE] {
        for (at, (name, bytes)) in operations(STEPS).into_iter().enumerate() {
            let folder = Folder::new("once");
            let part = Part::Bytes(bytes / 2);
            let fault = Fault { number: at, errno, for_ever: false, part };
            let told = work(&folder.0, STEPS, Some(fault));
            fault::disarm();
            let what = format!("{name} ({at}), error {errno}");
            assert_eq!(told.safe.len(), told.open.len(), "{what}: all is written in the end");
            check(&folder.0, &told, &what);
        }
    }
}

#[test]
fn after_a_failed_sync_nothing_relies_on_what_was_written_before() {
    let folder = Folder::new("sync");
    let (mut log, recovery) = MessageLog::open(&folder.0, 1 << 20).unwrap();
    let mut outbox = Outbox::new(LIMITS, recovery);
    let lane = Lane { publisher: "p".into(), destination: "d".into() };
    let settings = MessageSettings::default();
    let first = outbox.accept(lane.clone(), 0, payload(1), 0, &settings);
    write(&mut outbox, &mut log).unwrap();
    let file = folder.0.join("outbox-0000000001.log");
    let safe = std::fs::metadata(&file).unwrap().len();
    outbox.accept(lane, 0, payload(2), 0, &settings);
    // Operation 0 writes, operation 1 syncs.
    fault::arm(Some(Fault { number: 1, errno: Errno::IO, for_ever: false, part: Part::Bytes(0) }));
    assert!(write(&mut outbox, &mut log).is_err());
    fault::disarm();
    // The system drops what it could not write, and a later sync says nothing of it.
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[usize::try_from(safe).unwrap()..].fill(0);
    std::fs::write(&file, bytes).unwrap();
    write(&mut outbox, &mut log).unwrap();
    drop(log);
    let (_, recovery) = MessageLog::open(&folder.0, 1 << 20).unwrap();
    assert_eq!(recovery.live.len(), 2);
    assert!(recovery.live.contains_key(&first));
}

#[test]
#[allow(clippy::print_stdout, reason = "the record of a long run")]
fn what_a_crash_leaves_opens_with_all_that_was_safe() {
    let wanted = std::env::var("IOFOG_CRASH_IMAGES").ok();
    let wanted: usize = wanted.map_or(400, |text| text.parse().expect("a number"));
    let steps = STEPS.max(wanted as u64 / IMAGES_OF_A_STEP);
    let mut all = Vec::new();
    for (at, (name, bytes)) in operations(steps).into_iter().enumerate() {
        all.push((at, name, Part::Bytes(0)));
        for kept in 1..=bytes {
            all.push((at, name, Part::Bytes(kept)));
            all.push((at, name, Part::Zeroes(kept - 1)));
        }
    }
    // Evenly over all places.
    let count = wanted.min(all.len());
    for index in 0..count {
        let (number, name, part) = all[index * all.len() / count];
        let folder = Folder::new("crash");
        let fault = Fault { number, errno: Errno::IO, for_ever: true, part };
        let told = work(&folder.0, steps, Some(fault));
        fault::disarm();
        check(&folder.0, &told, &format!("{name} ({number}), {part:?}"));
    }
    println!("{count} of {} images", all.len());
}
