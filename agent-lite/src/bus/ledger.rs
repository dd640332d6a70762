//! Where every message went: the sums must add up at any moment.

/// Why a message was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropReason {
    /// The storage quota was reached: lowest priority, then oldest, goes first.
    Quota,
    /// The receiving side called it invalid.
    Rejected,
    /// Its stored form could not be read back.
    Corrupt,
}

/// Counts of messages since start, one per destination of each message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Taken from microservices of this node.
    pub accepted: u64,
    /// Found in storage at start.
    pub recovered: u64,
    /// Consumed, or accepted by the Router.
    pub delivered: u64,
    /// Given up: quota.
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
            DropReason::Quota => &mut self.dropped_quota,
            DropReason::Rejected => &mut self.dropped_rejected,
            DropReason::Corrupt => &mut self.dropped_corrupt,
        };
        *count += 1;
    }

    /// Messages that must still be held somewhere, by the books.
    pub fn pending(&self) -> u64 {
        (self.accepted + self.recovered).saturating_sub(self.delivered + self.dropped())
    }

    /// Messages that were given up, for any reason.
    pub fn dropped(&self) -> u64 {
        self.dropped_quota + self.dropped_rejected + self.dropped_corrupt
    }
}
