//! The log under cuts and bit flips: what was synced is found again, in order.

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;

use super::MessageLog;
use crate::bus::outbox::{Lane, Seq};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("iofog-log-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn newest(&self) -> PathBuf {
        let files = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| fs::metadata(path).unwrap().len() > 0).max().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn lane() -> Lane {
    Lane { publisher: "p".into(), destination: "d".into() }
}

fn payload(seq: u64) -> Bytes {
    Bytes::from(format!("message {seq}"))
}

fn append(log: &mut MessageLog, range: std::ops::Range<u64>) -> Vec<(Seq, super::Location)> {
    let lane = lane();
    let all: Vec<_> = range.map(|seq| (Seq(seq), payload(seq))).collect();
    let stored = log.append(all.iter().map(|(seq, bytes)| (*seq, 4, &lane, bytes)), &[]).unwrap();
    log.sync().unwrap();
    stored
}

#[test]
fn log_reopened_gives_back_what_is_not_settled() {
    let folder = Folder::new("reopen");
    let (mut log, recovery) = MessageLog::open(&folder.0, 1 << 20).unwrap();
    assert!(recovery.live.is_empty());
    let stored = append(&mut log, 0..5);
    assert_eq!(log.read(stored[3].1).unwrap(), payload(3));
    log.append(std::iter::empty(), &[Seq(0), Seq(2)]).unwrap();
    drop(log);
    let (log, recovery) = MessageLog::open(&folder.0, 1 << 20).unwrap();
    let seqs: Vec<u64> = recovery.live.keys().map(|seq| seq.0).collect();
    assert_eq!((seqs, recovery.next, recovery.lost_bytes), (vec![1, 3, 4], Seq(5), 0));
    for (seq, found) in &recovery.live {
        assert_eq!(log.read(found.location).unwrap(), payload(seq.0));
    }
}

#[test]
fn log_cut_at_every_byte_keeps_every_whole_record() {
    let folder = Folder::new("cut");
    let (mut log, _) = MessageLog::open(&folder.0, 1 << 20).unwrap();
    append(&mut log, 0..3);
    drop(log);
    let whole = fs::read(folder.newest()).unwrap();
    let record = whole.len() / 3;
    for cut in 0..=whole.len() {
        let copy = Folder::new(&format!("cut-{cut}"));
        fs::create_dir_all(&copy.0).unwrap();
        fs::write(copy.0.join("outbox-0000000001.log"), &whole[..cut]).unwrap();
        let (mut log, recovery) = MessageLog::open(&copy.0, 1 << 20).unwrap();
        assert_eq!(recovery.live.len(), cut / record, "cut at {cut}");
        assert_eq!(recovery.lost_bytes, (cut % record) as u64);
        // It goes on working, and the next start sees old and new.
        append(&mut log, 10..12);
        drop(log);
        let (_, recovery) = MessageLog::open(&copy.0, 1 << 20).unwrap();
        assert_eq!(recovery.live.len(), cut / record + 2);
    }
}

#[test]
fn log_deletes_oldest_segments_only_in_order() {
    let folder = Folder::new("collect");
    let (mut log, _) = MessageLog::open(&folder.0, 64).unwrap();
    let mut stored = Vec::new();
    for seq in 0..6 {
        stored.extend(append(&mut log, seq..seq + 1));
        append(&mut log, 100 + seq..101 + seq).into_iter().for_each(|(seq, at)| {
            log.append(std::iter::empty(), &[seq]).unwrap();
            log.release(at);
        });
    }
    let count = || fs::read_dir(&folder.0).unwrap().count();
    let before = count();
    assert!(before > 3);
    log.release(stored[3].1);
    assert_eq!(count(), before, "a later segment waits for the earlier ones");
    for at in [0, 1, 2, 4, 5] {
        log.release(stored[at].1);
    }
    assert_eq!(count(), 1);
}
