//! One lane: what waits, what is under way, and going back to the first that was not taken.

use std::collections::BTreeSet;

use super::Seq;

#[derive(Debug, Default)]
pub(super) struct LaneState {
    waiting: BTreeSet<Seq>,
    under_way: BTreeSet<Seq>,
    /// Given back by the other side; nothing is sent until all that is under way is answered, because
    /// what follows must not overtake these.
    returned: BTreeSet<Seq>,
}

impl LaneState {
    pub(super) fn push(&mut self, seq: Seq) {
        self.waiting.insert(seq);
    }

    pub(super) fn next(&mut self, window: usize) -> Option<Seq> {
        if !self.returned.is_empty() || self.under_way.len() >= window {
            return None;
        }
        let seq = self.waiting.pop_first()?;
        self.under_way.insert(seq);
        Some(seq)
    }

    pub(super) fn returned(&mut self, seq: Seq) {
        if self.under_way.remove(&seq) {
            self.returned.insert(seq);
        }
    }

    pub(super) fn remove(&mut self, seq: Seq) {
        self.waiting.remove(&seq);
        self.under_way.remove(&seq);
        self.returned.remove(&seq);
    }

    /// Puts back what was given back, once nothing is under way or when `all` of it is lost.
    pub(super) fn rewind(&mut self, all: bool) -> Vec<Seq> {
        if all {
            self.returned.append(&mut self.under_way);
        }
        if !self.under_way.is_empty() {
            return Vec::new();
        }
        let back: Vec<Seq> = self.returned.iter().copied().collect();
        self.waiting.append(&mut self.returned);
        back
    }

    /// Those that wait, the oldest first.
    pub(super) fn waiting(&self) -> impl Iterator<Item = Seq> {
        self.waiting.iter().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.under_way.len() + self.returned.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
