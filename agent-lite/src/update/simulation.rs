//! Every power cut at every write of an update: whatever happens, a whole program runs, and the node ends on the new
//! release or on the old one.

use super::plan::{MAX_STARTS, Refusal};
use super::record::{Digest, Installed, Program, Record, Slot, Trial, Version};

const FACTORY: Version = Version(1);
/// Writes of a program file.
const PIECES: u32 = 3;

/// How a release behaves once started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behaviour {
    Good,
    Crashes,
    NeverHealthy,
}

/// The power went away.
#[derive(Debug)]
struct Cut;

/// A disk that loses power after a number of writes.
struct Disk {
    record: Option<Record>,
    /// Release and pieces written, of each slot.
    files: [Option<(Version, u32)>; 2],
    writes_left: u32,
    writes: u32,
}

fn index(slot: Slot) -> usize {
    if slot == Slot::A { 0 } else { 1 }
}

fn installed(version: Version) -> Installed {
    Installed { version, bytes: PIECES, sha256: Digest([u8::try_from(version.0).unwrap(); 32]) }
}

impl Disk {
    fn write(&mut self, change: impl FnOnce(&mut Self)) -> Result<(), Cut> {
        if self.writes_left == 0 {
            return Err(Cut);
        }
        self.writes_left -= 1;
        self.writes += 1;
        change(self);
        Ok(())
    }

    fn save(&mut self, record: Record) -> Result<(), Cut> {
        self.write(|disk| disk.record = Some(record))
    }

    fn record(&self) -> Record {
        self.record.clone().unwrap_or_default()
    }

    fn is_whole(&self, record: &Record, program: Program) -> bool {
        let Program::Slot(slot) = program else { return true };
        let on_record = record.slot(slot);
        on_record.is_some() && on_record == self.files[index(slot)].and_then(whole)
    }

    /// The installing side, in the order of the supervisor.
    fn install(&mut self, version: Version) -> Result<(), Cut> {
        if self.record().judge(version, FACTORY).is_err() {
            return Ok(());
        }
        let slot = self.record().free_slot();
        let cleared = self.record().cleared(slot);
        self.save(cleared)?;
        self.write(|disk| disk.files[index(slot)] = None)?;
        for piece in 1..=PIECES {
            self.write(|disk| disk.files[index(slot)] = Some((version, piece)))?;
        }
        let staged = self.record().staged(slot, installed(version), trial());
        self.save(staged)
    }

    /// One life of the daemon: launcher, then the program, until it ends or is settled. True when settled.
    fn life(&mut self, behaviour: Behaviour, new: Version) -> Result<bool, Cut> {
        let record = self.record();
        let start = record.start(FACTORY, |program| self.is_whole(&record, program));
        if let Some(next) = start.write {
            self.save(next)?;
        }
        let record = self.record();
        assert!(self.is_whole(&record, start.program), "half a program was started: {record:?}");
        if record.trial.is_none() {
            return Ok(true);
        }
        let acts = if record.version_of(start.program, FACTORY) == new {
            behaviour
        } else {
            Behaviour::Good
        };
        match acts {
            Behaviour::Good => self.save(record.confirmed(FACTORY))?,
            Behaviour::Crashes => {}
            Behaviour::NeverHealthy => self.save(record.given_up(FACTORY))?,
        }
        Ok(false)
    }
}

fn whole((version, pieces): (Version, u32)) -> Option<Installed> {
    (pieces == PIECES).then(|| installed(version))
}

fn trial() -> Trial {
    Trial { program: Program::Factory, starts: 0, provisioned: true, running: Vec::new() }
}

/// Runs an update with power cuts after `cuts` writes each; gives the final disk.
fn run(disk: &mut Disk, behaviour: Behaviour, new: Version, cuts: &[u32]) {
    let mut cuts = cuts.iter();
    disk.writes_left = *cuts.next().unwrap_or(&u32::MAX);
    let mut ordered = false;
    for _ in 0..60 {
        // The order is given once more after a cut, as an operator would.
        let result = match ordered {
            false => {
                disk.install(new).map(|()| ordered = true).and_then(|()| disk.life(behaviour, new))
            }
            true => disk.life(behaviour, new),
        };
        match result {
            Ok(true) if ordered => return,
            Ok(_) => {}
            Err(Cut) => {
                disk.writes_left = *cuts.next().unwrap_or(&u32::MAX);
                // After a cut the node starts before anybody orders anything.
                if let Err(Cut) = disk.life(behaviour, new) {
                    disk.writes_left = *cuts.next().unwrap_or(&u32::MAX);
                }
            }
        }
    }
    panic!("not settled: {:?}", disk.record());
}

fn disk_at(version: u32) -> Disk {
    let mut disk = Disk { record: None, files: [None, None], writes_left: u32::MAX, writes: 0 };
    for number in 2..=version {
        run(&mut disk, Behaviour::Good, Version(number), &[]);
        assert_eq!(disk.record().version_of(disk.record().confirmed, FACTORY), Version(number));
    }
    disk.writes = 0;
    disk
}

#[test]
fn every_cut_leaves_the_old_or_the_new_release() {
    let mut runs = 0;
    for start in 1..=3 {
        let new = Version(start + 1);
        for behaviour in [Behaviour::Good, Behaviour::Crashes, Behaviour::NeverHealthy] {
            for first in 0..14 {
                for second in 0..14 {
                    for third in 0..14 {
                        let mut disk = disk_at(start);
                        run(&mut disk, behaviour, new, &[first, second, third]);
                        let record = disk.record();
                        let ends = record.version_of(record.confirmed, FACTORY);
                        runs += 1;
                        let case =
                            format!("{start} {behaviour:?} {first} {second} {third}: {record:?}");
                        if behaviour == Behaviour::Good {
                            assert!(ends == new || record.failed.contains(&new), "{case}");
                        } else {
                            assert_ne!(ends, new, "{case}");
                            assert_eq!(record.judge(new, FACTORY), Err(Refusal::Failed), "{case}");
                        }
                        assert!(ends >= Version(start), "{case}");
                        assert!(disk.is_whole(&record, record.confirmed), "{case}");
                    }
                }
            }
        }
    }
    assert_eq!(runs, 3 * 3 * 14 * 14 * 14);
}

#[test]
fn a_good_release_without_cuts_takes_few_writes() {
    let mut disk = disk_at(1);
    run(&mut disk, Behaviour::Good, Version(2), &[]);
    assert_eq!(disk.writes, PIECES + 5, "cleared, removed, pieces, staged, counted, confirmed");
    // One power cut alone must not fail a release.
    const { assert!(MAX_STARTS >= 2) };
}
