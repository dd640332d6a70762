//! Remembers the newest messages that were consumed, so that a repeated one is not handed out twice.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

/// Fingerprint of a message: 128 bits of keyed hashes of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint(u64, u64);

/// A bounded memory of fingerprints.
#[derive(Debug)]
pub(super) struct Dedup {
    keys: (RandomState, RandomState),
    seen: HashSet<Fingerprint>,
    order: VecDeque<Fingerprint>,
    limit: usize,
}

impl Dedup {
    /// Remembers the newest `limit` messages.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            keys: (RandomState::new(), RandomState::new()),
            seen: HashSet::new(),
            order: VecDeque::new(),
            limit,
        }
    }

    /// The fingerprint of a message id; none for an empty id, which says nothing.
    pub(super) fn fingerprint(&self, id: &str) -> Option<Fingerprint> {
        let hash = || Fingerprint(self.keys.0.hash_one(id), self.keys.1.hash_one(id));
        (!id.is_empty()).then(hash)
    }

    /// Whether it is remembered.
    pub(super) fn contains(&self, fingerprint: Fingerprint) -> bool {
        self.seen.contains(&fingerprint)
    }

    /// Remembers it, forgetting the oldest.
    pub(super) fn insert(&mut self, fingerprint: Fingerprint) {
        if !self.seen.insert(fingerprint) {
            return;
        }
        self.order.push_back(fingerprint);
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
    }
}
