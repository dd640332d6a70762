//! The state file: checksummed, replaced atomically, with the previous generation kept.

use std::io;
use std::path::{Path, PathBuf};

use super::Snapshot;
use crate::{disk, fault};

const MAGIC: &str = "iofog-agent-state 1";

/// Reads and writes the state of one Agent.
#[derive(Clone, Debug)]
pub struct StateStore {
    current: PathBuf,
    previous: PathBuf,
}

// === impl StateStore ===

impl StateStore {
    /// The store in `folder`, which must exist.
    pub fn new(folder: &Path) -> Self {
        Self { current: folder.join("state.json"), previous: folder.join("state.json.previous") }
    }

    /// The newest whole generation; an empty state when there is none. Never fails: a node with a
    /// damaged disk still starts.
    pub fn load(&self) -> Snapshot {
        // A crash between the two renames of `save` leaves the newest state under its temporary name.
        let staged = self.current.with_file_name("state.json.new");
        for path in [&self.current, &staged, &self.previous] {
            // An older generation must not rule because of one failed call: too many open files, a bus error.
            match read(path).or_else(|_| read(path)) {
                Ok(bytes) => match decode(&bytes) {
                    Some(snapshot) => {
                        if *path == staged {
                            self.heal(&staged);
                        }
                        return snapshot;
                    }
                    None => {
                        log::warn!(target: "state", "{} is damaged, trying an older generation", path.display())
                    }
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    log::warn!(target: "state", "cannot read {}: {error}", path.display())
                }
            }
        }
        Snapshot::default()
    }

    /// What was taken from under its temporary name must not be overwritten by the next generation in the making.
    fn heal(&self, staged: &Path) {
        let renamed = fault::at("state.heal", || std::fs::rename(staged, &self.current));
        if let Err(error) = renamed.and_then(|()| disk::sync_folder_of(&self.current)) {
            log::warn!(target: "state", "cannot put {} in place: {error}", staged.display());
        }
    }

    /// Makes `snapshot` the current generation; when this returns, it survives a power cut.
    pub fn save(&self, snapshot: &Snapshot) -> io::Result<()> {
        let staged = disk::stage(&self.current, &encode(snapshot)?, 0o600)?;
        match fault::at("state.keep", || std::fs::rename(&self.current, &self.previous)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fault::at("state.replace", || std::fs::rename(&staged, &self.current))?;
        disk::sync_folder_of(&self.current)
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    fault::at("state.read", || std::fs::read(path))
}

fn encode(snapshot: &Snapshot) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(snapshot)?;
    let mut bytes = header(&json).into_bytes();
    bytes.extend_from_slice(&json);
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Option<Snapshot> {
    let line_end = bytes.iter().take(64).position(|byte| *byte == b'\n')?;
    let (line, json) = bytes.split_at(line_end + 1);
    (line == header(json).as_bytes()).then(|| serde_json::from_slice(json).ok()).flatten()
}

/// The first line: format, checksum and length of what follows.
fn header(json: &[u8]) -> String {
    format!("{MAGIC} {:08x} {}\n", crc32(json), json.len())
}

/// CRC-32 (IEEE), bit by bit: the state is small and written rarely.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let mask = (crc & 1).wrapping_neg();
            crc = (crc >> 1) ^ (0xedb8_8320 & mask);
        }
    }
    !crc
}

#[cfg(test)]
mod faults;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Desired, Workload};

    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("iofog-state-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn generation(number: u64) -> Snapshot {
        let workloads = vec![Workload { uuid: "a".into(), rebuild: number, ..Workload::default() }];
        Snapshot {
            fog: "fog".into(),
            desired: Desired { workloads, ..Desired::default() },
            ..Snapshot::default()
        }
    }

    #[test]
    fn checksum_is_the_common_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn cut_or_flipped_at_any_byte_the_previous_generation_serves() {
        let folder = folder("cut");
        let store = StateStore::new(&folder);
        assert_eq!(store.load(), Snapshot::default());
        store.save(&generation(1)).unwrap();
        store.save(&generation(2)).unwrap();
        assert_eq!(store.load(), generation(2));
        let path = folder.join("state.json");
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            std::fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(store.load(), generation(1), "cut at {at}");
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            std::fs::write(&path, &flipped).unwrap();
            assert_eq!(store.load(), generation(1), "flipped at {at}");
        }
        let _ = std::fs::remove_dir_all(folder);
    }

    #[test]
    fn crash_between_the_renames_loses_nothing() {
        let folder = folder("renames");
        let store = StateStore::new(&folder);
        store.save(&generation(1)).unwrap();
        disk::stage(&folder.join("state.json"), &encode(&generation(2)).unwrap(), 0o600).unwrap();
        assert_eq!(store.load(), generation(1), "before the first rename the old state rules");
        std::fs::rename(folder.join("state.json"), folder.join("state.json.previous")).unwrap();
        assert_eq!(store.load(), generation(2));
        let _ = std::fs::remove_dir_all(folder);
    }

    #[test]
    fn a_new_identity_forgets_the_old_list_but_not_whose_containers_are_ours() {
        let mut snapshot = generation(1);
        snapshot.take_identity(&"fog-2".into());
        assert!(snapshot.desired.workloads.is_empty() && snapshot.former.contains("fog"));
        snapshot.take_identity(&"fog".into());
        assert!(!snapshot.former.contains("fog") && snapshot.former.contains("fog-2"));
    }
}
