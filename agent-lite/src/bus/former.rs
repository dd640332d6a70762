//! Messages that wait in a folder that `disk_directory` named before: they are brought over when another is opened.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::message_log::{MessageLog, Recovery};
use crate::disk;

/// Folders where messages may wait, one a line, beside the one below the state folder.
const KNOWN: &str = "message-folders";

/// Takes over what waits in the folders that were used before `folder`. One that is away, or cannot be taken over, is
/// remembered for the next start.
pub(super) fn bring_over(
    state: &Path,
    folder: &Path,
    log: &mut MessageLog,
    recovery: &mut Recovery,
) {
    if state.as_os_str().is_empty() {
        return;
    }
    let own = state.join("messages/outbox");
    let text = fs::read_to_string(state.join(KNOWN)).unwrap_or_default();
    let mut known: Vec<PathBuf> = text.lines().map(PathBuf::from).collect();
    known.retain(|former| former != folder && *former != own);
    remember(state, &known, folder, &own);
    known.retain(|former| !is_done(former, folder, log, recovery));
    if folder != own {
        is_done(&own, folder, log, recovery);
    }
    remember(state, &known, folder, &own);
}

/// Whether nothing waits in `former` any longer.
fn is_done(former: &Path, folder: &Path, log: &mut MessageLog, recovery: &mut Recovery) -> bool {
    match is_same(former, folder) {
        // Its disk may be away.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return false,
        Ok(true) => return true,
        _ => {}
    }
    match log.take_over(recovery, former) {
        Ok(count) => {
            if count > 0 {
                log::info!(target: "bus", "{count} messages brought over from {}", former.display());
            }
            // Files that were set aside stay, and their folder.
            let _ = fs::remove_dir(former);
            true
        }
        Err(error) => {
            log::error!(target: "bus", "messages stay in {} for now: {error}", former.display());
            false
        }
    }
}

/// One folder can have two names.
fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (fs::metadata(one)?, fs::metadata(other)?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

fn remember(state: &Path, known: &[PathBuf], folder: &Path, own: &Path) {
    let all = known.iter().map(PathBuf::as_path).chain((folder != own).then_some(folder));
    let text: String = all.map(|one| format!("{}\n", one.display())).collect();
    let path = state.join(KNOWN);
    if text.is_empty() && !path.exists() {
        return;
    }
    if let Err(error) = disk::write_atomically(&path, text.as_bytes()) {
        log::error!(target: "bus", "{} cannot be written: {error}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use rustix::io::Errno;

    use super::*;
    use crate::bus::outbox::{Lane, Seq};
    use crate::fault::{self, Fault, Part};

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let name = format!("iofog-former-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(path.join("state")).unwrap();
            Self(path)
        }

        fn outbox(&self, name: &str) -> PathBuf {
            self.0.join(name).join("messages/outbox")
        }

        /// A start with this folder, that takes some messages; the texts of all that wait then.
        fn start(&self, name: &str, accepted: &[&str]) -> Vec<String> {
            let folder = self.outbox(name);
            let (mut log, mut recovery) = MessageLog::open(&folder, 64).unwrap();
            bring_over(&self.0.join("state"), &folder, &mut log, &mut recovery);
            let lane = Lane { publisher: "p".into(), destination: "d".into() };
            let mut texts: Vec<String> = recovery
                .live
                .values()
                .map(|one| String::from_utf8(log.read(one.location).unwrap().to_vec()).unwrap())
                .collect();
            for (number, text) in accepted.iter().enumerate() {
                let seq = Seq(recovery.next.0 + number as u64);
                let bytes = Bytes::copy_from_slice(text.as_bytes());
                log.append(std::iter::once((seq, 4, &lane, &bytes)), &[]).unwrap();
                log.sync().unwrap();
                texts.push((*text).to_owned());
            }
            texts
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn messages_follow_their_folder_from_one_to_the_next() {
        let scratch = Scratch::new("follow");
        scratch.start("state", &["1", "2"]);
        assert!(!scratch.0.join("state/message-folders").exists(), "nothing to remember");
        assert_eq!(scratch.start("one", &["3"]), ["1", "2", "3"]);
        assert!(!scratch.outbox("state").exists());
        assert_eq!(scratch.start("two", &["4"]), ["1", "2", "3", "4"]);
        assert_eq!(scratch.start("two", &[]), ["1", "2", "3", "4"]);
        assert_eq!(scratch.start("state", &[]), ["1", "2", "3", "4"]);
        assert!(!scratch.outbox("one").exists() && !scratch.outbox("two").exists());
    }

    #[test]
    fn a_folder_that_is_away_is_remembered() {
        let scratch = Scratch::new("away");
        scratch.start("one", &["1"]);
        fs::rename(scratch.0.join("one"), scratch.0.join("unplugged")).unwrap();
        assert_eq!(scratch.start("two", &["2"]), ["2"]);
        fs::rename(scratch.0.join("unplugged"), scratch.0.join("one")).unwrap();
        assert_eq!(scratch.start("two", &[]), ["2", "1"]);
        assert_eq!(scratch.start("two", &[]), ["2", "1"]);
    }

    #[test]
    fn one_folder_under_two_names_keeps_its_messages() {
        let scratch = Scratch::new("names");
        scratch.start("one", &["1"]);
        std::os::unix::fs::symlink(scratch.0.join("one"), scratch.0.join("link")).unwrap();
        assert_eq!(scratch.start("link", &["2"]), ["1", "2"]);
        assert_eq!(scratch.start("one", &[]), ["1", "2"]);
    }

    #[test]
    fn whatever_fails_on_the_way_no_message_is_lost() {
        let full = Scratch::new("count");
        full.start("one", &["1", "2", "3"]);
        fault::arm(None);
        full.start("two", &[]);
        let operations = fault::disarm();
        assert!(operations.iter().any(|(name, _)| *name == "log.write"));
        for (number, operation) in operations.iter().enumerate() {
            for for_ever in [false, true] {
                let scratch = Scratch::new(&format!("fails-{number}-{for_ever}"));
                scratch.start("one", &["1", "2", "3"]);
                let part = Part::Bytes(9);
                fault::arm(Some(Fault { number, errno: Errno::NOSPC, for_ever, part }));
                let folder = scratch.outbox("two");
                if let Ok((mut log, mut recovery)) = MessageLog::open(&folder, 64) {
                    bring_over(&scratch.0.join("state"), &folder, &mut log, &mut recovery);
                }
                fault::disarm();
                // A message may be there twice: its id tells.
                let mut found = scratch.start("two", &[]);
                found.sort();
                found.dedup();
                assert_eq!(found, ["1", "2", "3"], "{operation:?}, {for_ever}");
            }
        }
    }
}
