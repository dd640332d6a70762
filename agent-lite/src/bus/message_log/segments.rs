//! The files of the log. Records are appended to the newest; the oldest goes when nothing in it is live.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bytes::Bytes;
use iofog_sorted::{SortedMap, SortedSet};

use super::aside;
use super::record::{Record, Scan};
use crate::bus::outbox::{Lane, Seq};
use crate::fault;

/// Where the payload of a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    segment: u32,
    offset: u64,
    length: u32,
}

/// A message found at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// From whom, to whom; shared between the messages of a lane.
    pub lane: Rc<Lane>,
    /// Importance.
    pub priority: u8,
    /// Where its payload stands.
    pub location: Location,
}

/// What the files held at start.
#[derive(Debug, Default)]
pub struct Recovery {
    /// Messages that wait, in order.
    pub live: BTreeMap<Seq, Recovered>,
    /// First number that was never used.
    pub next: Seq,
    /// Bytes that were cut off or skipped because they were torn or damaged.
    pub lost_bytes: u64,
    /// Messages among them, as far as they can be told.
    pub damaged_messages: u64,
    /// Segments that were set aside: unreadable, or damaged before their end.
    pub bad_segments: u64,
    lanes: SortedSet<Rc<Lane>>,
}

/// The open log.
#[derive(Debug)]
pub struct MessageLog {
    folder: PathBuf,
    segment_limit: u64,
    /// Live messages per segment; the last key is the one that is appended to.
    live: SortedMap<u32, u32>,
    /// None when there was no room for one at start; another is tried with each write.
    current: Option<File>,
    current_id: u32,
    length: u64,
    /// A sync failed, or there is no current segment: what the segment holds beyond the one before is unknown, and a reader stops where it is damaged.
    broken: bool,
    buffer: Vec<u8>,
}

impl Location {
    /// Length of the payload in bytes.
    pub fn length(self) -> u32 {
        self.length
    }
}

impl MessageLog {
    /// A log without a folder, which takes and holds nothing.
    pub fn closed() -> Self {
        Self {
            folder: PathBuf::new(),
            segment_limit: 0,
            live: SortedMap::new(),
            current: None,
            current_id: 0,
            length: 0,
            broken: true,
            buffer: Vec::new(),
        }
    }

    /// Reads what is in `folder` (created when missing) and starts a new segment, at once or with the first write.
    ///
    /// # Errors
    /// When the folder cannot be had or listed. A segment that cannot be read or is damaged is set aside, see
    /// [`Recovery`].
    pub fn open(folder: &Path, segment_limit: u64) -> io::Result<(Self, Recovery)> {
        fault::at("log.folder", || fs::create_dir_all(folder))?;
        let mut ids = segment_ids(folder)?;
        let current_id = ids.last().map_or(1, |id| id.wrapping_add(1));
        let mut recovery = Recovery::default();
        for id in std::mem::take(&mut ids) {
            match aside::read(&path_of(folder, id))? {
                Some(bytes) => {
                    recovery.read(folder, id, &bytes.into());
                    ids.insert(id);
                }
                None => recovery.bad_segments += 1,
            }
        }
        let mut live: SortedMap<u32, u32> = ids.iter().map(|id| (*id, 0)).collect();
        for one in recovery.live.values() {
            *live.entry(one.location.segment).or_default() += 1;
        }
        let current = create(folder, current_id)
            .inspect_err(
                |error| log::warn!(target: "bus", "no segment of the message log: {error}"),
            )
            .ok();
        live.insert(current_id, 0);
        let broken = current.is_none();
        let mut log = Self {
            folder: folder.to_owned(),
            segment_limit,
            live,
            current,
            current_id,
            length: 0,
            broken,
            buffer: Vec::new(),
        };
        log.collect();
        Ok((log, recovery))
    }

    /// Appends messages and settlements with one write; nothing is durable before [`Self::sync`].
    ///
    /// # Errors
    /// What the file system reports; the log is as before then.
    pub fn append<'a>(
        &mut self,
        messages: impl Iterator<Item = (Seq, u8, &'a Lane, &'a Bytes)>,
        settled: &[Seq],
    ) -> io::Result<Vec<(Seq, Location)>> {
        if self.broken {
            self.next_segment()?;
            self.broken = false;
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let mut stored = Vec::new();
        for (seq, priority, lane, payload) in messages {
            let (lane, payload) = (lane.clone(), payload.clone());
            let start = buffer.len();
            let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
            let record = Record::Message { seq, priority, lane, payload };
            let within = record.encode_into(&mut buffer);
            let offset = self.length + as_u64(start + within);
            stored.push((seq, Location { segment: self.current_id, offset, length }));
        }
        if !settled.is_empty() {
            Record::Settled(settled.to_vec()).encode_into(&mut buffer);
        }
        let end = self.length;
        let Some(file) = &self.current else { return Err(io::ErrorKind::NotFound.into()) };
        let written = fault::write("log.write", &buffer, |bytes| file.write_all_at(bytes, end));
        if let Err(error) = written {
            // What was written of it must not be taken for records later.
            let _ = fault::at("log.cut", || file.set_len(end));
            self.buffer = buffer;
            return Err(error);
        }
        self.length += as_u64(buffer.len());
        let count = u32::try_from(stored.len()).unwrap_or(u32::MAX);
        *self.live.entry(self.current_id).or_default() += count;
        // One huge batch must not pin its memory.
        buffer.shrink_to(64 * 1024);
        self.buffer = buffer;
        Ok(stored)
    }

    /// Makes everything appended so far durable; afterwards a full segment is followed by a new one, as is one whose
    /// sync failed: the system may have thrown away what it could not write, and says so only once.
    ///
    /// # Errors
    /// What the file system reports; what was appended since the last time must be appended again then.
    pub fn sync(&mut self) -> io::Result<()> {
        if let Err(error) =
            fault::at("log.sync", || self.current.as_ref().map_or(Ok(()), File::sync_data))
        {
            self.broken = true;
            return Err(error);
        }
        if self.length >= self.segment_limit
            && let Err(error) = self.next_segment()
        {
            // Everything is safe; the segment grows until another one can be had.
            log::warn!(target: "bus", "no new segment of the message log: {error}");
        }
        Ok(())
    }

    fn next_segment(&mut self) -> io::Result<()> {
        let next = self.current_id.wrapping_add(1);
        self.current = Some(create(&self.folder, next)?);
        self.current_id = next;
        self.length = 0;
        self.live.insert(next, 0);
        self.collect();
        Ok(())
    }

    /// Takes over the messages that wait in another folder, behind its own. They go there once they are safe here; a crash in
    /// between leaves them in both.
    ///
    /// # Errors
    /// What the file system reports; nothing was taken over then.
    pub fn take_over(&mut self, recovery: &mut Recovery, former: &Path) -> io::Result<usize> {
        let (mut old, found) = Self::open(former, self.segment_limit)?;
        let first = self.current_id;
        let copies = self.copy(&old, &found, recovery.next);
        let copies = copies.inspect_err(|_| self.remove_from(first))?;
        old.remove_from(0);
        let count = copies.len();
        if let Some((last, _)) = copies.last_key_value() {
            recovery.next = Seq(last.0.wrapping_add(1));
        }
        recovery.live.extend(copies);
        recovery.lost_bytes += found.lost_bytes;
        recovery.damaged_messages += found.damaged_messages;
        recovery.bad_segments += found.bad_segments;
        Ok(count)
    }

    fn copy(
        &mut self,
        old: &Self,
        found: &Recovery,
        mut next: Seq,
    ) -> io::Result<BTreeMap<Seq, Recovered>> {
        let mut copies = BTreeMap::new();
        for one in found.live.values() {
            let payload = old.read(one.location)?;
            let message = (next, one.priority, one.lane.as_ref(), &payload);
            let stored = self.append(std::iter::once(message), &[])?;
            copies.extend(stored.into_iter().map(|(seq, location)| {
                (seq, Recovered { location, lane: one.lane.clone(), priority: one.priority })
            }));
            next = Seq(next.0.wrapping_add(1));
            if self.length >= self.segment_limit {
                self.sync()?;
            }
        }
        self.sync()?;
        Ok(copies)
    }

    /// Removes its segments from this one on; the next write makes another.
    fn remove_from(&mut self, first: u32) {
        for id in self.live.keys().filter(|id| **id >= first) {
            let _ = fs::remove_file(path_of(&self.folder, *id));
        }
        self.live.retain(|id, _| *id < first);
        (self.current, self.length, self.broken) = (None, 0, true);
    }

    /// Reads a payload back.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn read(&self, at: Location) -> io::Result<Bytes> {
        let length = usize::try_from(at.length).map_err(|_| io::ErrorKind::InvalidData)?;
        let mut payload = vec![0; length];
        fault::at("log.read", || match &self.current {
            Some(current) if at.segment == self.current_id => {
                current.read_exact_at(&mut payload, at.offset)
            }
            _ => File::open(path_of(&self.folder, at.segment))?
                .read_exact_at(&mut payload, at.offset),
        })?;
        Ok(payload.into())
    }

    /// The message at `location` is not needed any longer; its settlement must be in the log.
    pub fn release(&mut self, location: Location) {
        if let Some(live) = self.live.get_mut(&location.segment) {
            *live = live.saturating_sub(1);
        }
        self.collect();
    }

    /// A segment that holds up the deletion of many later ones: its messages should be appended again.
    pub fn pinning(&self) -> Option<u32> {
        let (oldest, live) = self.live.first_key_value()?;
        let behind = self.live.values().skip(1).filter(|live| **live == 0).count();
        (*live > 0 && behind > PINNED_SEGMENTS).then_some(*oldest)
    }

    /// Whether a location is in a segment.
    pub fn is_in(location: Location, segment: u32) -> bool {
        location.segment == segment
    }

    /// Bytes that the files take.
    pub fn disk_bytes(&self) -> u64 {
        let length =
            |id: &u32| fs::metadata(path_of(&self.folder, *id)).map_or(0, |meta| meta.len());
        self.live.keys().map(length).sum()
    }

    /// Deletes the oldest segments without live messages. Never out of order: a later segment may hold the
    /// settlements of an earlier one.
    fn collect(&mut self) {
        while let Some((&oldest, 0)) = self.live.first_key_value() {
            if oldest == self.current_id {
                break;
            }
            match fault::at("log.remove", || fs::remove_file(path_of(&self.folder, oldest))) {
                // There was no room to make it.
                Err(error) if error.kind() != io::ErrorKind::NotFound => break,
                _ => {}
            }
            self.live.remove(&oldest);
        }
    }
}

/// Empty segments behind a live one that are tolerated.
const PINNED_SEGMENTS: usize = 4;

impl Recovery {
    fn shared(&mut self, lane: Lane) -> Rc<Lane> {
        if let Some(known) = self.lanes.get(&lane) {
            return known.clone();
        }
        let lane = Rc::new(lane);
        self.lanes.insert(lane.clone());
        lane
    }

    fn read(&mut self, folder: &Path, segment: u32, bytes: &Bytes) {
        let (mut at, mut skipped) = (0, (0, 0));
        loop {
            match Record::scan(&bytes.slice(at..)) {
                Scan::Record(Record::Message { seq, priority, lane, payload }, taken) => {
                    let offset = as_u64(at + taken - payload.len());
                    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
                    let location = Location { segment, offset, length };
                    let lane = self.shared(lane);
                    self.live.insert(seq, Recovered { lane, priority, location });
                    self.next = self.next.max(Seq(seq.0.wrapping_add(1)));
                    at += taken;
                }
                Scan::Record(Record::Settled(list), taken) => {
                    list.iter().for_each(|seq| drop(self.live.remove(seq)));
                    at += taken;
                }
                Scan::End => break,
                Scan::Damaged => match Record::skip(&bytes.slice(at..)) {
                    Some((taken, is_message)) => {
                        skipped = (skipped.0 + u64::from(is_message), skipped.1 + as_u64(taken));
                        at += taken;
                    }
                    None => {
                        self.lost_bytes += as_u64(bytes.len() - at);
                        break;
                    }
                },
                Scan::CutShort => {
                    self.lost_bytes += as_u64(bytes.len() - at);
                    break;
                }
            }
        }
        if skipped.1 > 0 {
            aside::keep_damaged(&path_of(folder, segment), skipped.0, skipped.1);
            self.bad_segments += 1;
            self.damaged_messages += skipped.0;
            self.lost_bytes += skipped.1;
        }
    }
}

fn path_of(folder: &Path, id: u32) -> PathBuf {
    folder.join(format!("outbox-{id:010}.log"))
}

fn segment_ids(folder: &Path) -> io::Result<SortedSet<u32>> {
    let mut ids = SortedSet::new();
    for entry in fault::at("log.list", || fs::read_dir(folder))? {
        let name = entry?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix("outbox-"));
        if let Some(id) = digits.and_then(|rest| rest.strip_suffix(".log")?.parse().ok()) {
            ids.insert(id);
        }
    }
    Ok(ids)
}

fn create(folder: &Path, id: u32) -> io::Result<File> {
    let path = path_of(folder, id);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    let file = fault::at("log.create", || options.open(path))?;
    fault::at("log.folder_sync", || File::open(folder)?.sync_all())?;
    Ok(file)
}

fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
