//! Deliveries of one direction of a session that are not settled. A ring indexed by delivery id holds the
//! recent ones; those that outlive it move to a map, so that one slow delivery costs one entry, not a window.

use std::collections::{BTreeMap, VecDeque};

use iofog_amqp::Serial;

use crate::room::room_for_more;

/// Ids that the ring spans at most.
const RING: usize = 4_096;

/// One delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) link: u32,
    pub(crate) token: u32,
}

/// Link number of a place whose delivery is settled.
const SETTLED: u32 = u32::MAX;

#[derive(Debug, Clone, Default)]
pub(crate) struct Unsettled {
    /// Id of the front of the ring.
    base: Serial,
    ring: VecDeque<Entry>,
    old: BTreeMap<u32, Entry>,
    live: usize,
}

impl Unsettled {
    /// Number of unsettled deliveries.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.live
    }

    /// Gives back memory while all is settled.
    pub(crate) fn shrink(&mut self) {
        if self.live == 0 && self.ring.is_empty() {
            self.ring = VecDeque::new();
        }
    }

    /// Notes the next delivery; ids come in order. A settled one only takes its number.
    #[inline]
    pub(crate) fn push(&mut self, id: Serial, entry: Option<Entry>) {
        let Some(entry) = entry else {
            if self.ring.is_empty() {
                self.base = id.plus(1);
            } else {
                self.append(Entry { link: SETTLED, token: 0 });
            }
            return;
        };
        if self.ring.is_empty() {
            self.base = id;
        }
        self.live += 1;
        self.append(entry);
    }

    #[inline]
    fn append(&mut self, entry: Entry) {
        if self.ring.len() >= RING {
            if let Some(front) = self.ring.pop_front() {
                self.old.insert(self.base.0, front);
                self.base = self.base.plus(1);
            }
            self.trim();
        }
        if self.ring.len() == self.ring.capacity() {
            let more = room_for_more(self.ring.len(), size_of::<Entry>());
            self.ring.reserve_exact(more.min(RING));
        }
        self.ring.push_back(entry);
    }

    /// Drops settled places from the front.
    #[inline]
    fn trim(&mut self) {
        while self.ring.front().is_some_and(|entry| entry.link == SETTLED) {
            self.ring.pop_front();
            self.base = self.base.plus(1);
        }
    }

    #[inline]
    fn place(&self, id: Serial) -> usize {
        id.since(self.base) as usize
    }

    #[inline]
    pub(crate) fn get(&self, id: Serial) -> Option<&Entry> {
        match self.ring.get(self.place(id)) {
            Some(entry) => Some(entry).filter(|entry| entry.link != SETTLED),
            None => self.old.get(&id.0),
        }
    }

    pub(crate) fn get_mut(&mut self, id: Serial) -> Option<&mut Entry> {
        let place = self.place(id);
        match self.ring.get_mut(place) {
            Some(entry) => Some(entry).filter(|entry| entry.link != SETTLED),
            None => self.old.get_mut(&id.0),
        }
    }

    /// Settles a delivery.
    #[inline]
    pub(crate) fn remove(&mut self, id: Serial) -> Option<Entry> {
        let place = self.place(id);
        let removed = match self.ring.get_mut(place) {
            Some(entry) if entry.link == SETTLED => return None,
            Some(entry) => {
                let removed = *entry;
                entry.link = SETTLED;
                if place == 0 {
                    self.trim();
                }
                removed
            }
            None => self.old.remove(&id.0)?,
        };
        self.live -= 1;
        Some(removed)
    }

    /// Settles all deliveries of a link.
    pub(crate) fn remove_link(&mut self, link: u32) {
        for entry in self.ring.iter_mut().filter(|entry| entry.link == link) {
            entry.link = SETTLED;
            self.live -= 1;
        }
        let before = self.old.len();
        self.old.retain(|_, entry| entry.link != link);
        self.live -= before - self.old.len();
        self.trim();
    }

    /// The first unsettled delivery in `from..=last`.
    pub(crate) fn first_in(&self, from: Serial, last: Serial) -> Option<(Serial, Entry)> {
        let span = last.since(from);
        if from.is_before(self.base) && !self.old.is_empty() {
            let next = self.old.range(from.0..).next().or_else(|| self.old.iter().next());
            if let Some((&id, &entry)) = next
                && Serial(id).since(from) <= span
            {
                return Some((Serial(id), entry));
            }
        }
        let mut id = if from.is_before(self.base) { self.base } else { from };
        while id.since(from) <= span {
            let entry = self.ring.get(self.place(id))?;
            if entry.link != SETTLED {
                return Some((id, *entry));
            }
            id = id.plus(1);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(token: u32) -> Option<Entry> {
        Some(Entry { link: token % 3, token })
    }

    #[test]
    fn ring_and_map_agree_across_the_wrap() {
        let start = Serial(u32::MAX - 10_000);
        let mut unsettled = Unsettled::default();
        for n in 0..30_000 {
            unsettled.push(start.plus(n), entry(n).filter(|_| n % 7 != 0));
            // All but each thousandth are settled soon.
            if n >= 10 && (n - 10) % 1000 != 1 {
                unsettled.remove(start.plus(n - 10));
            }
        }
        let survivors: Vec<u32> =
            (0..30_000).filter(|n| n % 7 != 0 && (n % 1000 == 1 || *n >= 29_990)).collect();
        assert_eq!(unsettled.len(), survivors.len());
        for n in &survivors {
            assert_eq!(unsettled.get(start.plus(*n)).unwrap().token, *n);
        }
        assert!(unsettled.ring.len() <= RING);
        let mut walked = vec![];
        let mut from = start;
        while let Some((id, found)) = unsettled.first_in(from, start.plus(40_000)) {
            walked.push(found.token);
            from = id.plus(1);
        }
        assert_eq!(walked, survivors);
        assert!(unsettled.first_in(start.plus(2), start.plus(1000)).is_none());
        unsettled.remove_link(1);
        assert_eq!(unsettled.len(), survivors.iter().filter(|n| *n % 3 != 1).count());
    }

    #[test]
    fn settled_places_take_no_room() {
        let mut unsettled = Unsettled::default();
        for n in 0..100_000 {
            unsettled.push(Serial(n), None);
        }
        assert_eq!(unsettled.ring.len(), 0);
        unsettled.push(Serial(100_000), entry(1));
        assert!(unsettled.get(Serial(100_000)).is_some());
        assert!(unsettled.remove(Serial(99_999)).is_none());
        assert!(unsettled.remove(Serial(100_000)).is_some());
        assert_eq!(unsettled.len(), 0);
    }
}
