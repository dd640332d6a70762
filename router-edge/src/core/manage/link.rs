//! What management shows of links.

use std::collections::HashMap;

use iofog_amqp::{Role, Value};

use super::process::STUCK;
use super::views::{Record, size, total};
use crate::core::Core;
use crate::core::ingress::DEFAULT_PRIORITY;
use crate::core::link::Link;
use crate::core::slab::LinkKey;

impl Core {
    /// Every attached link.
    pub(super) fn link_views(&self) -> Vec<Record> {
        let stuck = self.stuck();
        let links = self.links.iter().filter(|(_, link)| link.attached);
        links
            .map(|(key, link)| {
                let stuck = stuck.get(&key).copied().unwrap_or_default();
                self.link_view(key, link, stuck)
            })
            .collect()
    }

    fn link_view(&self, key: LinkKey, link: &Link, stuck: u64) -> Record {
        let conn = self.conns.get(link.conn);
        let address = link.address.and_then(|address| self.table.get(address));
        let outgoing = link.role == Role::Sender;
        let unsettled = if outgoing {
            link.outgoing.outstanding.saturating_sub(size(link.outgoing.queue.len()))
        } else {
            link.incoming.in_flight
        };
        let undelivered = if outgoing { size(link.outgoing.queue.len()) } else { 0 };
        let credit = conn.map_or(0, |conn| conn.engine.credit(link.id));
        let name = link.number.to_string();
        vec![
            ("name", name.as_str().into()),
            ("identity", name.as_str().into()),
            ("linkName", link.name.as_str().into()),
            ("linkType", link.kind.name().into()),
            ("linkDir", if outgoing { "out" } else { "in" }.into()),
            ("owningAddr", address.map_or(Value::Null, |address| address.wire_key().into())),
            ("connectionId", conn.map_or(Value::Null, |conn| conn.number.to_string().into())),
            ("capacity", Value::Uint(link.capacity)),
            ("creditAvailable", Value::Uint(credit)),
            ("undeliveredCount", Value::Uint(undelivered)),
            ("unsettledCount", Value::Uint(unsettled)),
            ("deliveryCount", total(link.counters.deliveries)),
            ("presettledCount", total(link.counters.presettled)),
            ("droppedPresettledCount", total(link.counters.dropped_presettled)),
            ("acceptedCount", total(link.counters.accepted)),
            ("rejectedCount", total(link.counters.rejected)),
            ("releasedCount", total(link.counters.released)),
            ("modifiedCount", total(link.counters.modified)),
            ("adminStatus", "enabled".into()),
            ("operStatus", "up".into()),
            ("deliveriesDelayed1Sec", total(link.counters.delays.second)),
            ("deliveriesDelayed10Sec", total(link.counters.delays.ten_seconds)),
            ("deliveriesStuck", total(stuck)),
            ("zeroCreditSeconds", total(self.without_credit(link, credit) / 1_000)),
            ("peer", Value::Null),
            ("settleRate", Value::Int(0)),
            ("priority", Value::Uint(self.priority_of(link, key))),
        ]
    }

    /// Deliveries that are not settled after ten seconds, by link: all are looked at once.
    fn stuck(&self) -> HashMap<LinkKey, u64> {
        let mut stuck = HashMap::new();
        let old = self.deliveries.iter().filter(|(_, one)| self.now.since(one.came) >= STUCK);
        for (_, delivery) in old {
            let from = delivery.incoming.map(|(from, _)| from);
            for key in delivery.outs().map(|out| out.link).chain(from) {
                *stuck.entry(key).or_default() += 1;
            }
        }
        stuck
    }

    /// For how long a link has stood without credit: ours, since no consumer is there; the peer's, since
    /// the delivery came that waits for it. Milliseconds.
    fn without_credit(&self, link: &Link, credit: u32) -> u64 {
        if credit > 0 {
            return 0;
        }
        if link.role == Role::Sender {
            let first = link.outgoing.queue.front().and_then(|id| self.deliveries.get(*id));
            return first.map_or(0, |delivery| self.now.since(delivery.came));
        }
        if link.incoming.withheld { self.now.since(link.incoming.withheld_since) } else { 0 }
    }

    /// Data links between interiors carry one priority each.
    fn priority_of(&self, link: &Link, key: LinkKey) -> u32 {
        let data = self.conns.get(link.conn).map(|conn| &conn.routing.data);
        let place = data.and_then(|data| data.iter().position(|data| *data == key));
        place.map_or(u32::from(DEFAULT_PRIORITY), size)
    }
}
