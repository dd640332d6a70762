//! Bounds and times of the bus.

use std::time::Duration;

/// Bounds and times of the bus; the defaults suit a small gateway.
#[derive(Clone, Copy, Debug)]
pub struct BusOptions {
    /// Bytes of messages that may wait for their destinations; beyond it the least important go.
    pub quota_bytes: u64,
    /// Bytes of waiting messages kept in memory once they are on disk.
    pub memory_bytes: u64,
    /// Messages of one lane that may be under way.
    pub window: usize,
    /// Messages held unconsumed per microservice: the credit of its receiver.
    pub credit: u32,
    /// Largest message in bytes, in binary form.
    pub max_message_bytes: usize,
    /// Size of a log segment in bytes.
    pub segment_bytes: u64,
    /// Bytes of published messages kept for queries.
    pub archive_bytes: usize,
    /// Messages that arrive within this time share one write to disk.
    pub commit_delay: Duration,
    /// An unacknowledged message counts as consumed after this time: some SDKs never acknowledge.
    pub ack_patience: Duration,
    /// First and longest pause between attempts to reach the Router.
    pub reconnect: (Duration, Duration),
    /// Pause between attempts to open the folder of messages.
    pub reopen: Duration,
}

impl Default for BusOptions {
    fn default() -> Self {
        Self {
            quota_bytes: 16 << 20,
            memory_bytes: 256 << 10,
            window: 32,
            credit: 32,
            max_message_bytes: 8 << 20,
            segment_bytes: 1 << 20,
            archive_bytes: 256 << 10,
            commit_delay: Duration::from_millis(2),
            ack_patience: Duration::from_secs(20),
            reconnect: (Duration::from_millis(200), Duration::from_secs(2)),
            reopen: Duration::from_secs(5),
        }
    }
}
