//! Where every message went: the sums must add up at any moment, for each microservice and in all.

use std::ops::Add;

use serde::Serialize;

/// Why a message was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropReason {
    /// It waited longer than its microservice wants.
    Expired,
    /// The quota of its microservice was reached: lowest priority, then oldest, goes first.
    OwnQuota,
    /// The storage quota of the node was reached: lowest priority, then oldest, goes first.
    Quota,
    /// The receiving side called it invalid.
    Rejected,
    /// Its stored form could not be read back.
    Corrupt,
}

/// Counts of messages since start, one per destination of each message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// Taken from microservices of this node.
    pub accepted: u64,
    /// Found in storage at start.
    pub recovered: u64,
    /// Consumed, or accepted by the Router.
    pub delivered: u64,
    /// Given up: waited too long.
    pub expired: u64,
    /// Given up: quota of the microservice.
    pub dropped_own_quota: u64,
    /// Given up: quota of the node.
    pub dropped_quota: u64,
    /// Given up: invalid to the receiving side.
    pub dropped_rejected: u64,
    /// Given up: unreadable in storage.
    pub dropped_corrupt: u64,
    /// Taken although no route exists; counted here only, never pending.
    pub without_route: u64,
}

impl Ledger {
    /// Counts one message that was given up.
    pub fn drop_one(&mut self, reason: DropReason) {
        let count = match reason {
            DropReason::Expired => &mut self.expired,
            DropReason::OwnQuota => &mut self.dropped_own_quota,
            DropReason::Quota => &mut self.dropped_quota,
            DropReason::Rejected => &mut self.dropped_rejected,
            DropReason::Corrupt => &mut self.dropped_corrupt,
        };
        *count += 1;
    }

    /// Messages that must still be held somewhere, by the books.
    pub fn pending(&self) -> u64 {
        (self.accepted + self.recovered).saturating_sub(self.delivered + self.given_up())
    }

    /// Messages that were given up, for any reason.
    pub fn given_up(&self) -> u64 {
        self.reasons().into_iter().map(|(count, _)| count).sum()
    }

    /// How many were given up, and why, for people.
    pub fn reasons(&self) -> [(u64, &'static str); 5] {
        [
            (self.expired, "waited longer than ttlSeconds"),
            (self.dropped_own_quota, "over quotaKiB of the microservice"),
            (self.dropped_quota, "over the disk limit of the Agent"),
            (self.dropped_rejected, "refused by the receiver"),
            (self.dropped_corrupt, "unreadable in storage"),
        ]
    }
}

impl Add for Ledger {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            accepted: self.accepted + other.accepted,
            recovered: self.recovered + other.recovered,
            delivered: self.delivered + other.delivered,
            expired: self.expired + other.expired,
            dropped_own_quota: self.dropped_own_quota + other.dropped_own_quota,
            dropped_quota: self.dropped_quota + other.dropped_quota,
            dropped_rejected: self.dropped_rejected + other.dropped_rejected,
            dropped_corrupt: self.dropped_corrupt + other.dropped_corrupt,
            without_route: self.without_route + other.without_route,
        }
    }
}
