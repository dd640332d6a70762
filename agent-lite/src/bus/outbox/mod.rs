//! Messages on their way out: a state machine without I/O. Order is kept per lane (publisher, destination);
//! a message stays until its destination, or the Router for it, has accepted it.

mod lane;
mod share;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use iofog_sorted::SortedMap;

use self::lane::LaneState;
use self::share::Share;
use super::ledger::{DropReason, Ledger};
use super::message_log::{Location, Recovery};
use crate::domain::MessageSettings;
use crate::ids::MicroserviceUuid;

/// Number of a message in the outbox, rising.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seq(pub u64);

/// From whom, to whom: order is kept inside of a lane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lane {
    /// The sender.
    pub publisher: MicroserviceUuid,
    /// The receiver.
    pub destination: MicroserviceUuid,
}

/// What became of a message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the other side's now.
    Delivered,
    /// It will never be taken.
    Rejected,
    /// Not this time: it is sent again, and what follows it in the lane too.
    Again,
}

/// Bounds of the outbox.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of messages that may wait.
    pub quota_bytes: u64,
    /// Messages of one lane that may be under way.
    pub window: usize,
    /// Bytes of payloads kept in memory once they are on disk.
    pub memory_bytes: u64,
}

/// The messages that wait or are under way.
#[derive(Debug)]
pub struct Outbox {
    limits: Limits,
    entries: BTreeMap<Seq, Entry>,
    /// Keys are shared with the entries: tens of thousands may wait on a small node.
    lanes: SortedMap<Rc<Lane>, LaneState>,
    /// By publisher.
    shares: SortedMap<MicroserviceUuid, Share>,
    unwritten: BTreeSet<Seq>,
    /// On disk and gone since: their settlement must be written.
    settled: Vec<(Seq, Location)>,
    bytes: u64,
    cached: u64,
    next: Seq,
    /// Books of what belongs to no publisher.
    unowned: Ledger,
}

#[derive(Debug)]
struct Entry {
    lane: Rc<Lane>,
    priority: u8,
    /// When it was taken, or found at start (ms, monotonic).
    since: u64,
    /// Bytes counted against the quota.
    size: u64,
    payload: Option<Bytes>,
    location: Option<Location>,
    durable: bool,
}

/// Bytes counted for a message beside its payload: index, record prefix, identifiers.
const OVERHEAD: u64 = 160;

impl Outbox {
    /// An outbox with what was found on disk.
    pub fn new(limits: Limits, recovery: Recovery) -> Self {
        let mut outbox = Self::empty(limits);
        outbox.take_back(recovery, 0);
        outbox
    }

    /// An outbox with nothing in it.
    pub fn empty(limits: Limits) -> Self {
        Self {
            limits,
            entries: BTreeMap::new(),
            lanes: SortedMap::new(),
            shares: SortedMap::new(),
            unwritten: BTreeSet::new(),
            settled: Vec::new(),
            bytes: 0,
            cached: 0,
            next: Seq::default(),
            unowned: Ledger::default(),
        }
    }

    /// Takes what was found on disk at `now` (ms, monotonic); nothing may have been accepted before.
    pub fn take_back(&mut self, recovery: Recovery, now: u64) {
        debug_assert!(self.entries.is_empty(), "numbers on disk may be taken");
        self.next = recovery.next;
        self.unowned.recovered += recovery.damaged_messages;
        self.unowned.dropped_corrupt += recovery.damaged_messages;
        self.unowned.bad_segments += recovery.bad_segments;
        for (seq, found) in recovery.live {
            let size = u64::from(found.location.length()) + OVERHEAD;
            let entry = Entry {
                lane: found.lane,
                priority: found.priority,
                since: now,
                size,
                payload: None,
                location: Some(found.location),
                durable: true,
            };
            self.insert(seq, entry).recovered += 1;
        }
    }

    /// Changes how many bytes may wait; what is too much goes with the next message.
    pub fn set_quota(&mut self, bytes: u64) {
        self.limits.quota_bytes = bytes;
    }

    /// Takes a message for one destination at `now` (ms, monotonic). When a quota is passed, its publisher's or the
    /// node's, the least important messages go, possibly this one.
    pub fn accept(
        &mut self,
        lane: Lane,
        priority: u8,
        payload: Bytes,
        now: u64,
        settings: &MessageSettings,
    ) -> Seq {
        let seq = self.next;
        self.next = Seq(seq.0.wrapping_add(1));
        let length = u64::try_from(payload.len()).unwrap_or(u64::MAX);
        let size = length.saturating_add(OVERHEAD);
        self.cached += length;
        self.unwritten.insert(seq);
        let lane =
            self.lanes.get_key_value(&lane).map_or_else(|| lane.into(), |(key, _)| key.clone());
        let payload = Some(payload);
        let publisher = lane.publisher.clone();
        let priority = settings.priority.unwrap_or(priority);
        let entry =
            Entry { lane, priority, since: now, size, payload, location: None, durable: false };
        self.insert(seq, entry).accepted += 1;
        if let Some(quota) = settings.quota_bytes {
            self.keep_to(&publisher, quota);
        }
        while self.bytes > self.limits.quota_bytes {
            let worst = self.shares.values().filter_map(|share| share.ranks.first()).min();
            let Some((_, worst)) = worst.copied() else { break };
            self.give_up(worst, DropReason::Quota);
        }
        seq
    }

    fn keep_to(&mut self, publisher: &MicroserviceUuid, quota: u64) {
        while let Some(share) = self.shares.get(publisher).filter(|share| share.bytes > quota) {
            let Some((_, worst)) = share.ranks.first().copied() else { break };
            self.give_up(worst, DropReason::OwnQuota);
        }
    }

    /// Gives up what waits at `now` for longer than its publisher wants; says whether there was any. What is under
    /// way may arrive yet, and is left.
    pub fn expire(
        &mut self,
        now: u64,
        ttl: impl Fn(&MicroserviceUuid) -> Option<Duration>,
    ) -> bool {
        let mut overdue = Vec::new();
        for (lane, state) in &self.lanes {
            let Some(ttl) = ttl(&lane.publisher) else { continue };
            let ttl = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
            let age = |seq: &Seq| self.entries.get(seq).map(|one| now.saturating_sub(one.since));
            overdue
                .extend(state.waiting().take_while(|seq| age(seq).is_some_and(|age| age >= ttl)));
        }
        for seq in &overdue {
            self.give_up(*seq, DropReason::Expired);
        }
        !overdue.is_empty()
    }

    /// Counts a message that has no destination.
    pub fn accept_without_route(&mut self) {
        self.unowned.without_route += 1;
    }

    /// The next message of a lane to send now, if its window is open.
    pub fn next(&mut self, lane: &Lane) -> Option<Seq> {
        let seq = self.lanes.get_mut(lane)?.next(self.limits.window)?;
        if let Some(entry) = self.entries.get(&seq)
            && let Some(share) = self.shares.get_mut(&lane.publisher)
        {
            share.ranks.remove(&(entry.priority, seq));
        }
        Some(seq)
    }

    /// The payload in memory, or where to read it.
    pub fn payload(&self, seq: Seq) -> Option<Result<Bytes, Location>> {
        let entry = self.entries.get(&seq)?;
        entry.payload.clone().map(Ok).or_else(|| entry.location.map(Err))
    }

    /// Priority and lane of a message.
    pub fn about(&self, seq: Seq) -> Option<(u8, &Lane)> {
        self.entries.get(&seq).map(|entry| (entry.priority, entry.lane.as_ref()))
    }

    /// What became of a message under way.
    pub fn verdict(&mut self, seq: Seq, verdict: Verdict) {
        let Some(entry) = self.entries.get(&seq) else { return };
        let lane = entry.lane.clone();
        match verdict {
            Verdict::Delivered => {
                if let Some(ledger) = self.remove(seq) {
                    ledger.delivered += 1;
                }
            }
            Verdict::Rejected => self.give_up(seq, DropReason::Rejected),
            Verdict::Again => {
                if let Some(state) = self.lanes.get_mut(&lane) {
                    state.returned(seq);
                }
            }
        }
        self.rewind(&lane, false);
    }

    /// The stored form of a message cannot be read.
    pub fn unreadable(&mut self, seq: Seq) {
        let Some(entry) = self.entries.get(&seq) else { return };
        let lane = entry.lane.clone();
        self.give_up(seq, DropReason::Corrupt);
        self.rewind(&lane, false);
    }

    /// The link of a lane is gone: everything under way on it must be sent again, from the first.
    pub fn link_lost(&mut self, lane: &Lane) {
        self.rewind(lane, true);
    }

    /// Whether the message is consumed, given up, or safe on disk: the publisher can be answered.
    pub fn is_safe(&self, seq: Seq) -> bool {
        self.entries.get(&seq).is_none_or(|entry| entry.durable)
    }

    /// Whether anything must be written: new messages, or settlements of written ones.
    pub fn needs_write(&self) -> bool {
        !self.unwritten.is_empty() || !self.settled.is_empty()
    }

    /// Whether messages wait that are not on disk.
    pub fn has_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// When the oldest message that is not on disk was taken (ms, monotonic).
    pub fn oldest_unwritten(&self) -> Option<u64> {
        Some(self.entries.get(self.unwritten.first()?)?.since)
    }

    /// Messages that are not on disk, in order.
    pub fn unwritten(&self) -> impl Iterator<Item = (Seq, u8, &Lane, &Bytes)> {
        self.unwritten.iter().filter_map(|seq| {
            let entry = self.entries.get(seq)?;
            Some((*seq, entry.priority, entry.lane.as_ref(), entry.payload.as_ref()?))
        })
    }

    /// Settlements to write.
    pub fn unwritten_settlements(&self) -> Vec<Seq> {
        self.settled.iter().map(|(seq, _)| *seq).collect()
    }

    /// Messages stored in a place that a caller picks, for writing them again elsewhere.
    pub fn stored_where(&self, pick: impl Fn(Location) -> bool) -> Vec<(Seq, Location)> {
        let stored = self.entries.iter().filter_map(|(seq, one)| Some((*seq, one.location?)));
        stored.filter(|(_, location)| pick(*location)).collect()
    }

    /// The messages and settlements given out before are on disk. Returns what may be released there.
    pub fn written(&mut self, stored: Vec<(Seq, Location)>) -> Vec<Location> {
        let mut free: Vec<Location> = self.settled.drain(..).map(|(_, at)| at).collect();
        for (seq, location) in stored {
            self.unwritten.remove(&seq);
            let Some(entry) = self.entries.get_mut(&seq) else {
                free.push(location);
                continue;
            };
            free.extend(entry.location.replace(location));
            entry.durable = true;
            // What waits long is read back when its turn comes.
            if self.cached > self.limits.memory_bytes
                && let Some(payload) = entry.payload.take()
            {
                self.cached -= u64::try_from(payload.len()).unwrap_or(u64::MAX);
            }
        }
        free
    }

    /// Lanes with messages.
    pub fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.keys().map(AsRef::as_ref)
    }

    /// Lanes with messages, and how many each holds.
    pub fn held(&self) -> impl Iterator<Item = (&Lane, usize)> {
        self.lanes.iter().map(|(lane, state)| (lane.as_ref(), state.len()))
    }

    /// Whether the lane has nothing, waiting or under way.
    pub fn is_idle(&self, lane: &Lane) -> bool {
        self.lanes.get(lane).is_none_or(LaneState::is_empty)
    }

    /// The books of the node.
    pub fn ledger(&self) -> Ledger {
        let all = self.shares.values().map(|share| share.ledger);
        all.fold(self.unowned, |sum, one| sum + one)
    }

    /// The books of each publisher, and how many messages and bytes of its are held.
    pub fn publishers(&self) -> impl Iterator<Item = (&MicroserviceUuid, Ledger, usize, u64)> {
        self.shares.iter().map(|(who, share)| (who, share.ledger, share.held, share.bytes))
    }

    /// Messages held, waiting or under way.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes counted against the quota.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives the books to write it into.
    fn insert(&mut self, seq: Seq, entry: Entry) -> &mut Ledger {
        self.bytes = self.bytes.saturating_add(entry.size);
        self.lanes.entry(entry.lane.clone()).or_default().push(seq);
        let share = self.shares.entry(entry.lane.publisher.clone()).or_default();
        share.bytes = share.bytes.saturating_add(entry.size);
        share.held += 1;
        share.ranks.insert((entry.priority, seq));
        self.entries.insert(seq, entry);
        &mut share.ledger
    }

    fn give_up(&mut self, seq: Seq, reason: DropReason) {
        if let Some(ledger) = self.remove(seq) {
            ledger.drop_one(reason);
        }
    }

    /// Gives the books to write the reason into.
    fn remove(&mut self, seq: Seq) -> Option<&mut Ledger> {
        let entry = self.entries.remove(&seq)?;
        self.bytes = self.bytes.saturating_sub(entry.size);
        let payload = entry.payload.as_ref().map_or(0, Bytes::len);
        self.cached = self.cached.saturating_sub(u64::try_from(payload).unwrap_or(u64::MAX));
        self.unwritten.remove(&seq);
        if let Some(location) = entry.location {
            self.settled.push((seq, location));
        }
        if let Some(state) = self.lanes.get_mut(&entry.lane) {
            state.remove(seq);
            if state.is_empty() {
                self.lanes.remove(&entry.lane);
            }
        }
        let share = self.shares.get_mut(&entry.lane.publisher)?;
        share.bytes = share.bytes.saturating_sub(entry.size);
        share.held = share.held.saturating_sub(1);
        share.ranks.remove(&(entry.priority, seq));
        Some(&mut share.ledger)
    }

    fn rewind(&mut self, lane: &Lane, all: bool) {
        let Some(state) = self.lanes.get_mut(lane) else { return };
        for seq in state.rewind(all) {
            if let Some(entry) = self.entries.get(&seq)
                && let Some(share) = self.shares.get_mut(&lane.publisher)
            {
                share.ranks.insert((entry.priority, seq));
            }
        }
    }
}
