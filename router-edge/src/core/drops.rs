//! Pre-settled deliveries that are lost, each counted with its reason, and the policy that says when one is
//! dropped although it could wait (decision 0080).

use super::Core;
use super::link::Current;
use super::slab::{DeliveryId, LinkKey};

/// Why a pre-settled delivery was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// It came for an address that nobody consumes: its sender had credit from before.
    NoPath,
    /// Its receiver went before it was sent, and there is no other.
    ReceiverGone,
    /// The address has policy `drop`, and its receiver is too slow.
    Overflow,
    /// Routers passed it in a circle.
    Loop,
    /// It cannot be forwarded: malformed, without address, or too large for the router itself.
    Refused,
}

/// How many were lost, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drops([u64; DropReason::ALL.len()]);

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 5] =
        [Self::NoPath, Self::ReceiverGone, Self::Overflow, Self::Loop, Self::Refused];

    /// Name as a label of metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::NoPath => "no-path",
            Self::ReceiverGone => "receiver-gone",
            Self::Overflow => "overflow",
            Self::Loop => "loop",
            Self::Refused => "refused",
        }
    }

    /// Attribute of the router in management.
    #[must_use]
    pub const fn attribute(self) -> &'static str {
        match self {
            Self::NoPath => "droppedPresettledNoPath",
            Self::ReceiverGone => "droppedPresettledReceiverGone",
            Self::Overflow => "droppedPresettledOverflow",
            Self::Loop => "droppedPresettledLoop",
            Self::Refused => "droppedPresettledRefused",
        }
    }
}

impl Drops {
    /// Lost for this reason.
    #[must_use]
    pub fn of(&self, reason: DropReason) -> u64 {
        self.0.get(reason as usize).copied().unwrap_or(0)
    }

    /// Lost for any reason.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    fn add(&mut self, reason: DropReason) {
        if let Some(count) = self.0.get_mut(reason as usize) {
            *count += 1;
        }
    }
}

impl Core {
    /// Counts a loss, also at the link where management shows it.
    pub(super) fn count_drop(&mut self, link: LinkKey, reason: DropReason) {
        self.totals.drops.add(reason);
        if let Some(link) = self.links.get_mut(link) {
            link.counters.dropped_presettled += 1;
        }
    }

    /// A receiver is gone before it got anything of a pre-settled delivery: another one gets it. Tells
    /// whether there was one.
    pub(super) fn reroute(&mut self, gone: LinkKey, id: DeliveryId) -> bool {
        let Some(delivery) = self.deliveries.get(id) else {
            return false;
        };
        let untouched = delivery.out.as_ref().is_some_and(|out| out.link == gone && !out.begun);
        let (true, true, Some(address), Some((from, _))) = (
            delivery.settled,
            untouched && delivery.more.is_empty(),
            delivery.address,
            delivery.incoming,
        ) else {
            return false;
        };
        let Some(conn) = self.links.get(from).map(|link| link.conn) else {
            return false;
        };
        let Some(role) = self.conns.get(conn).map(|conn| conn.spec.role) else {
            return false;
        };
        let about = &delivery.message.metadata;
        let head = delivery.message.chunk(0).cloned().unwrap_or_default();
        let origin = self.origin(conn, role, about, address, &head);
        self.choose_or_up(address, origin);
        if self.chosen.is_empty() {
            return false;
        }
        let (out, more) = self.take_chosen();
        if let Some(delivery) = self.deliveries.get_mut(id) {
            let old = std::mem::replace(&mut delivery.out, out);
            delivery.more = more;
            if let Some(remote) = old.and_then(|old| old.remote)
                && let Some(address) = self.table.get_mut(address)
            {
                address.drop_load(remote);
            }
        }
        self.enqueue(id);
        true
    }

    /// Policy `drop`: a receiver that is behind by more than half its link's capacity loses the oldest
    /// pre-settled deliveries of which nothing was sent.
    pub(super) fn shed(&mut self, key: LinkKey) {
        while let Some(id) = self.too_much(key) {
            self.count_drop(key, DropReason::Overflow);
            self.end_out(key, id, None);
        }
    }

    fn too_much(&self, key: LinkKey) -> Option<DeliveryId> {
        let link = self.links.get(key)?;
        // Less than the credit of one producer, which must never be all in this queue.
        let most = usize::try_from(link.capacity / 2).unwrap_or(usize::MAX).max(1);
        if link.outgoing.queue.len() <= most {
            return None;
        }
        let droppable = |id: &DeliveryId| {
            self.deliveries.get(*id).is_some_and(|delivery| {
                let address = delivery.address.and_then(|address| self.table.get(address));
                delivery.settled
                    && address.is_some_and(|address| address.drops)
                    && delivery.outs().any(|out| out.link == key && !out.begun)
            })
        };
        link.outgoing.queue.iter().copied().find(droppable)
    }

    /// Takes back the credit of a producer that sends pre-settled: what it sent on it now would be lost.
    pub(super) fn drain_producer(&mut self, key: LinkKey) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let Some(conn) = self.conns.get_mut(link.conn).filter(|conn| !conn.is_router()) else {
            return;
        };
        if link.incoming.presettled
            && !link.incoming.draining
            && link.address.is_some()
            && conn.engine.credit(link.id) > 0
        {
            link.incoming.draining = true;
            conn.engine.drain(link.id);
            let conn = link.conn;
            self.touch(conn);
        }
    }

    /// The producer has no credit left: it gets it all again with the next path.
    pub(super) fn producer_drained(&mut self, key: LinkKey) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if !std::mem::take(&mut link.incoming.draining) {
            return;
        }
        let arriving = u32::from(matches!(link.incoming.current, Current::Gathering(_)));
        let used = link.incoming.in_flight + arriving;
        let credit = self.conns.get(link.conn).map_or(0, |conn| conn.engine.credit(link.id));
        link.incoming.owed = link.capacity.saturating_sub(used.saturating_add(credit));
        self.look_at_producer(key);
    }
}
