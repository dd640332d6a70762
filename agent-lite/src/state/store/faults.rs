//! The state file while every file operation fails once in turn, and as crashes at any byte leave it.

use std::path::PathBuf;

use rustix::io::Errno;

use super::StateStore;
use crate::domain::{Desired, Workload};
use crate::fault::{self, Fault, Part};
use crate::state::Snapshot;

const GENERATIONS: u64 = 4;

struct Folder(PathBuf);

impl Folder {
    /// In memory where the machine has such a place: a crash is made by hand here.
    fn new(name: &str) -> Self {
        let memory = PathBuf::from("/dev/shm");
        let base = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let path = base.join(format!("iofog-state-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn generation(number: u64) -> Snapshot {
    let workloads = vec![Workload { uuid: "a".into(), rebuild: number, ..Workload::default() }];
    Snapshot { desired: Desired { workloads, ..Desired::default() }, ..Snapshot::default() }
}

fn number(snapshot: &Snapshot) -> u64 {
    snapshot.desired.workloads.first().map_or(0, |one| one.rebuild)
}

/// Saves one generation after the other; the last that was acknowledged, and the last that was tried.
fn save_all(store: &StateStore, fault: Option<Fault>) -> (u64, u64) {
    fault::arm(fault);
    let (mut acknowledged, mut tried) = (0, 0);
    for next in 1..=GENERATIONS {
        tried = next;
        match store.save(&generation(next)) {
            Ok(()) => acknowledged = next,
            Err(_) if fault.is_some_and(|one| one.for_ever) => break,
            Err(_) => {}
        }
    }
    (acknowledged, tried)
}

#[test]
fn any_operation_may_fail_once() {
    let plain = Folder::new("once");
    save_all(&StateStore::new(&plain.0), None);
    let operations = fault::disarm();
    assert!(operations.len() > 20, "{operations:?}");
    for errno in [Errno::NOSPC, Errno::IO, Errno::ROFS, Errno::MFILE] {
        for (at, (name, bytes)) in operations.iter().enumerate() {
            let folder = Folder::new("once");
            let store = StateStore::new(&folder.0);
            let part = Part::Bytes(bytes / 2);
            let told = save_all(&store, Some(Fault { number: at, errno, for_ever: false, part }));
            fault::disarm();
            let loaded = number(&store.load());
            assert!((told.0..=told.1).contains(&loaded), "{name} ({at}): {loaded}, told {told:?}");
            store.save(&generation(9)).unwrap();
            assert_eq!(number(&store.load()), 9, "after {name} ({at}) it goes on");
        }
    }
    // Reading fails once: no older generation rules for it.
    let folder = Folder::new("read");
    let store = StateStore::new(&folder.0);
    save_all(&store, None);
    fault::arm(Some(Fault { number: 0, errno: Errno::IO, for_ever: false, part: Part::Bytes(0) }));
    assert_eq!(number(&store.load()), GENERATIONS);
    fault::disarm();
}

#[test]
#[allow(clippy::print_stdout, reason = "the record of a long run")]
fn what_a_crash_leaves_opens_with_the_last_acknowledged_state() {
    let folder = Folder::new("crash");
    save_all(&StateStore::new(&folder.0), None);
    let operations = fault::disarm();
    let mut images = 0;
    for (at, (name, bytes)) in operations.iter().enumerate() {
        for kept in 0..=*bytes {
            for part in [Part::Bytes(kept), Part::Zeroes(kept)] {
                let folder = Folder::new("crash");
                let store = StateStore::new(&folder.0);
                let fault = Fault { number: at, errno: Errno::IO, for_ever: true, part };
                let (acknowledged, tried) = save_all(&store, Some(fault));
                fault::disarm();
                let loaded = number(&store.load());
                assert!((acknowledged..=tried).contains(&loaded), "{name} ({at}), {part:?}");
                // What was shown once is not taken back by another crash while the next one is made.
                let fault = Fault { number: 1, ..fault };
                fault::arm(Some(fault));
                let _ = store.save(&generation(tried + 1));
                fault::disarm();
                assert!(number(&store.load()) >= loaded, "{name} ({at}), {part:?}, twice");
                images += 2;
            }
        }
    }
    println!("{images} images");
    assert!(images > 400, "{images} images");
}
