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
    /// Files of the storage that were set aside at start; how many messages an unreadable one held, nobody knows.
    pub bad_segments: u64,
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

    /// All of it in one line for people, with the `waiting` messages that make it add up.
    pub fn line(&self, waiting: usize) -> String {
        let reasons = self.reasons().into_iter().filter(|(count, _)| *count > 0);
        let reasons: Vec<String> = reasons.map(|(count, why)| format!("{count} {why}")).collect();
        let given_up = match reasons.as_slice() {
            [] => "0 given up".to_owned(),
            _ => format!("{} given up ({})", self.given_up(), reasons.join(", ")),
        };
        let mut line = format!(
            "{} accepted + {} found at start = {} delivered + {given_up} + {waiting} waiting",
            self.accepted, self.recovered, self.delivered
        );
        if self.without_route > 0 {
            line.push_str(&format!("; {} without a route", self.without_route));
        }
        if self.bad_segments > 0 {
            line.push_str(&format!("; {} storage files set aside", self.bad_segments));
        }
        line
    }

    /// How many were given up, and why, for people.
    pub fn reasons(&self) -> [(u64, &'static str); 5] {
        [
            (self.expired, "waited longer than ttlSeconds"),
            (self.dropped_own_quota, "over quotaKiB of the microservice"),
            (self.dropped_quota, "over message_quota of the Agent"),
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
            bad_segments: self.bad_segments + other.bad_segments,
        }
    }
}
