//! The short way: a small message that is there whole, with one way out on which nothing waits, goes out in the
//! moment it comes in. What it leaves is what the long way by a queue leaves.

use bytes::Bytes;
use iofog_amqp_engine::{DeliveryKey, LinkId, Token};

use super::Core;
use super::delivery::{Delivery, Message, Out};
use super::ingress::Arrival;
use super::link::{Kind, Link};
use super::metadata::Metadata;
use super::slab::{AddressKey, ConnId};
use crate::config::Mode;

impl Core {
    /// Sends a message over the one link in `self.chosen`. False: nothing was done, it has to take the long way.
    pub(super) fn send_direct(
        &mut self,
        arrival: &Arrival,
        about: &mut Metadata,
        address: AddressKey,
    ) -> bool {
        let [Out { link: key, remote, .. }] = *self.chosen.as_slice() else {
            return false;
        };
        if arrival.more || arrival.gathered {
            return false;
        }
        let Some(link) = self.links.get(key).filter(|link| is_free(link, arrival.settled)) else {
            return false;
        };
        let (conn, link_id) = (link.conn, link.id);
        let id = self.deliveries.next_key();
        let token = if arrival.settled { Token(0) } else { id.token() };
        let sent = self.write_whole(arrival, about, conn, link_id, token);
        // Whoever puts bytes together next finds it empty.
        self.combine.clear();
        let Some(out_key) = sent else {
            return false;
        };
        self.totals.egress += 1;
        if let Some(link) = self.links.get_mut(key) {
            link.counters.deliveries += 1;
            link.outgoing.outstanding += u32::from(!arrival.settled);
        }
        if let Some(entry) = self.table.get_mut(address) {
            entry.egress += 1;
            if let Some(remote) = remote.filter(|_| arrival.settled) {
                entry.drop_load(remote);
            }
        }
        self.chosen.clear();
        self.touch(conn);
        if arrival.settled {
            // Nobody waits for its outcome: it is over.
            self.replenish(arrival.link);
            return true;
        }
        let out = Out { key: Some(out_key), begun: true, sent: true, ..Out::new(key, remote) };
        self.deliveries.insert(Delivery {
            incoming: Some((arrival.link, arrival.key)),
            settled: false,
            format: arrival.format,
            message: Message::new(Metadata::default(), Bytes::new(), true),
            out: Some(out),
            more: Vec::new(),
            combined: None,
            address: Some(address),
            repaid: false,
            came: self.now,
        });
        if let Some(link) = self.links.get_mut(arrival.link) {
            link.incoming.in_flight += 1;
        }
        if let Some(conn) = self.conns.get_mut(arrival.conn) {
            conn.engine.set_token(arrival.key, token);
        }
        self.repay_shared(id);
        true
    }

    /// Writes message and metadata as one frame, or nothing.
    fn write_whole(
        &mut self,
        arrival: &Arrival,
        about: &mut Metadata,
        conn: ConnId,
        link: LinkId,
        token: Token,
    ) -> Option<DeliveryKey> {
        let to = self.conns.get(conn)?;
        if !to.engine.copies_whole(arrival.payload.len()) {
            return None;
        }
        let version = to.metadata;
        let mut taken = 0;
        if let Some(version) = version {
            self.name_target(arrival, about);
            let stamp = (self.mode != Mode::Edge).then_some(&self.node[..]);
            taken = about.put(version, stamp, &arrival.payload, true, &mut self.combine).ok()??;
        }
        let pieces = [&self.combine[..], arrival.payload.get(taken..)?];
        let conn = self.conns.get_mut(conn)?;
        let sent = conn.engine.send_whole(link, arrival.format, arrival.settled, token, pieces)?;
        conn.last_delivery = Some(self.now);
        Some(sent)
    }
}

/// Nothing is before the message on this link, and nothing but its settling follows its sending. A link that ends
/// when it is idle, or whose receiver wants settled what the sender did not settle, takes the long way.
fn is_free(link: &Link, settled: bool) -> bool {
    let kind = match link.kind {
        Kind::Endpoint | Kind::Anonymous | Kind::Data | Kind::Auto => true,
        // The address of a proxy link without producers is looked at when the link is idle.
        Kind::Proxy => !settled,
        _ => false,
    };
    kind && link.attached
        && link.outgoing.queue.is_empty()
        && !link.outgoing.in_backlog
        && !link.outgoing.drain
        && (settled || !link.outgoing.settled)
}
