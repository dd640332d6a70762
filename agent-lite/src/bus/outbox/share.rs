//! What one publisher has in the outbox: bytes, books, and who goes first when there is no room.

use std::collections::BTreeSet;

use super::Seq;
use crate::bus::ledger::Ledger;

/// Kept as long as the process lives, for its books.
#[derive(Debug, Default)]
pub(super) struct Share {
    /// Bytes counted against quotas.
    pub(super) bytes: u64,
    /// Messages held, waiting or under way.
    pub(super) held: usize,
    /// Messages that are not under way, worst first: candidates when a quota is reached.
    pub(super) ranks: BTreeSet<(u8, Seq)>,
    pub(super) ledger: Ledger,
}
