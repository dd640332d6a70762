//! The log under cuts and bit flips: what was synced is found again, in order.

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;

use rustix::io::Errno;

use super::MessageLog;
use crate::bus::outbox::{Lane, Seq};
use crate::fault::{self, Fault, Part};

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

/// The numbers of the messages that wait.
fn live(recovery: &super::Recovery) -> Vec<u64> {
    recovery.live.keys().map(|seq| seq.0).collect()
}

#[test]
fn an_unreadable_segment_is_set_aside_and_the_others_serve() {
    let folder = Folder::new("unreadable");
    for first in [0, 10, 20] {
        let (mut log, _) = MessageLog::open(&folder.0, 1 << 20).unwrap();
        append(&mut log, first..first + 2);
    }
    // Nothing can be read from a folder.
    let path = folder.0.join("outbox-0000000002.log");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let (mut log, recovery) = MessageLog::open(&folder.0, 1 << 20).unwrap();
    assert_eq!((live(&recovery), recovery.bad_segments), (vec![0, 1, 20, 21], 1));
    assert!(path.with_extension("unreadable").exists() && !path.exists());
    append(&mut log, 30..31);
    drop(log);
    let (_, recovery) = MessageLog::open(&folder.0, 1 << 20).unwrap();
    assert_eq!((live(&recovery), recovery.bad_segments), (vec![0, 1, 20, 21, 30], 0));
}

#[test]
fn a_damaged_message_costs_itself_and_is_told() {
    let folder = Folder::new("damaged");
    let (mut log, _) = MessageLog::open(&folder.0, 1 << 20).unwrap();
    append(&mut log, 0..4);
    drop(log);
    let path = folder.newest();
    let mut bytes = fs::read(&path).unwrap();
    let record = bytes.len() / 4;
    bytes[record + record - 1] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (mut log, recovery) = MessageLog::open(&folder.0, 1 << 20).unwrap();
    assert_eq!(live(&recovery), [0, 2, 3]);
    assert_eq!((recovery.damaged_messages, recovery.bad_segments), (1, 1));
    assert_eq!(recovery.lost_bytes, record as u64);
    for one in recovery.live.values() {
        log.release(one.location);
    }
    assert!(!path.exists(), "all that was good in it is gone");
    assert!(path.with_extension("damaged").exists(), "what was bad is there to look at");
}

#[test]
fn of_many_bad_segments_the_newest_are_kept() {
    let folder = Folder::new("thin");
    fs::create_dir_all(&folder.0).unwrap();
    for number in 1..=5 {
        let path = folder.0.join(format!("outbox-{number:010}.log"));
        let (mut log, _) = MessageLog::open(&folder.0.join("make"), 1 << 20).unwrap();
        append(&mut log, number * 10..number * 10 + 3);
        let mut bytes = fs::read(folder.0.join("make/outbox-0000000001.log")).unwrap();
        let record = bytes.len() / 3;
        bytes[record - 1] ^= 1;
        fs::write(path, bytes).unwrap();
        fs::remove_dir_all(folder.0.join("make")).unwrap();
    }
    let (_, recovery) = MessageLog::open(&folder.0, 1 << 20).unwrap();
    assert_eq!((recovery.live.len(), recovery.damaged_messages), (10, 5));
    let names = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name());
    let mut aside: Vec<_> =
        names.filter(|name| name.to_string_lossy().ends_with("damaged")).collect();
    aside.sort();
    assert_eq!(aside, ["outbox-0000000004.damaged", "outbox-0000000005.damaged"]);
}

#[test]
fn a_full_disk_at_start_leaves_the_log_open_for_later() {
    let folder = Folder::new("full");
    // Folder, list, and the first segment, which fails.
    let fault = Fault { number: 2, errno: Errno::NOSPC, for_ever: false, part: Part::Bytes(0) };
    fault::arm(Some(fault));
    let opened = MessageLog::open(&folder.0, 1 << 20);
    assert_eq!(fault::disarm()[2].0, "log.create");
    let (mut log, _) = opened.unwrap();
    append(&mut log, 0..2);
    drop(log);
    let (_, recovery) = MessageLog::open(&folder.0, 1 << 20).unwrap();
    assert_eq!(live(&recovery), [0, 1]);
}

#[test]
fn segments_go_also_after_a_start_without_room() {
    let folder = Folder::new("full-goes");
    let fault = Fault { number: 2, errno: Errno::NOSPC, for_ever: false, part: Part::Bytes(0) };
    fault::arm(Some(fault));
    let (mut log, _) = MessageLog::open(&folder.0, 64).unwrap();
    assert_eq!(fault::disarm()[2].0, "log.create");
    for seq in 0..6 {
        for (seq, at) in append(&mut log, seq..seq + 3) {
            log.append(std::iter::empty(), &[seq]).unwrap();
            log.release(at);
        }
    }
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
}
