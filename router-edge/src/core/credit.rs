//! Credit: given to producers while somebody would take their messages; and what follows when the
//! consumers of an address change.

use super::Core;
use super::conn::{Conn, Direction};
use super::link::Kind;
use super::slab::{AddressKey, DeliveryId, LinkKey};
use crate::address::Class;
use crate::config::{Mode, Role};

/// Unsettled deliveries that a link between routers may have, in multiples of its credit.
const SHARED_IN_FLIGHT: u32 = 64;

impl Core {
    /// Binds a link on which a producer sends to an address.
    pub(super) fn bind_producer(&mut self, key: LinkKey, address: AddressKey) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        link.address = Some(address);
        link.incoming.owed = link.capacity;
        link.incoming.withheld = true;
        link.incoming.withheld_since = self.now;
        if let Some(entry) = self.table.get_mut(address) {
            entry.producers.push(key);
        }
        self.look_at_producer(key);
        self.address_changed(address);
    }

    /// Binds a link on which a consumer receives from an address.
    pub(super) fn bind_consumer(&mut self, key: LinkKey, address: AddressKey) {
        if let Some(link) = self.links.get_mut(key) {
            link.address = Some(address);
        }
        if let Some(entry) = self.table.get_mut(address) {
            entry.consumers.push(key);
        }
        self.address_changed(address);
    }

    /// Gives a link its full credit, whatever its address.
    pub(super) fn grant(&mut self, key: LinkKey) {
        if let Some(link) = self.links.get_mut(key)
            && let Some(conn) = self.conns.get_mut(link.conn)
        {
            link.incoming.withheld = false;
            link.incoming.owed = 0;
            conn.engine.add_credit(link.id, link.capacity);
            let conn = link.conn;
            self.touch(conn);
        }
    }

    /// Gives back credit that deliveries used, in pieces that are worth a frame.
    #[inline]
    pub(super) fn replenish(&mut self, key: LinkKey) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        link.incoming.owed += 1;
        if link.incoming.withheld || link.incoming.owed < (link.capacity / 8).max(1) {
            return;
        }
        let owed = std::mem::take(&mut link.incoming.owed);
        let (conn, id) = (link.conn, link.id);
        if let Some(state) = self.conns.get_mut(conn) {
            state.engine.add_credit(id, owed);
        }
        self.touch(conn);
    }

    /// Gives back the credit of a delivery that was sent on whole, if it came by a link that many senders
    /// share: those whose receivers take their time to settle must not use up the credit of all others.
    pub(super) fn repay_shared(&mut self, id: DeliveryId) {
        let Some(delivery) = self.deliveries.get(id) else {
            return;
        };
        let Some((key, _)) = delivery.incoming.filter(|_| !delivery.settled) else {
            return;
        };
        let sent = delivery.message.complete && !delivery.message.aborted;
        if !sent || !delivery.outs().all(|out| out.sent) {
            return;
        }
        let shared = self.links.get(key).is_some_and(|link| {
            let from_router = self.conns.get(link.conn).is_some_and(Conn::is_router);
            let between_routers = matches!(link.kind, Kind::Anonymous | Kind::Data);
            let few = link.incoming.in_flight < link.capacity.saturating_mul(SHARED_IN_FLIGHT);
            from_router && between_routers && few
        });
        if shared && let Some(delivery) = self.deliveries.get_mut(id) {
            delivery.repaid = true;
            self.replenish(key);
        }
    }

    /// Opens or closes the credit of one producer as its address has a path or not.
    pub(super) fn look_at_producer(&mut self, key: LinkKey) {
        let Some(link) = self.links.get(key) else {
            return;
        };
        let Some(conn) = self.conns.get(link.conn) else {
            return;
        };
        let Some(address) = link.address.and_then(|address| self.table.get(address)) else {
            return;
        };
        // Links from edges and other interiors always have credit: what cannot go on is released.
        let open = conn.is_router() || address.has_path();
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let (owner, id) = (link.conn, link.id);
        if !open {
            if !link.incoming.withheld {
                link.incoming.withheld_since = self.now;
            }
            link.incoming.withheld = true;
            self.drain_producer(key);
            return;
        }
        link.incoming.withheld = false;
        let owed = std::mem::take(&mut link.incoming.owed);
        if owed > 0
            && let Some(conn) = self.conns.get_mut(owner)
        {
            conn.engine.add_credit(id, owed);
            self.touch(owner);
        }
    }

    /// Consumers, producers or remote destinations of an address changed.
    pub(super) fn address_changed(&mut self, key: AddressKey) {
        let Some(address) = self.table.get_mut(key) else {
            return;
        };
        let open = address.has_path();
        let flipped = address.open != open;
        address.open = open;
        let serves = !address.consumers.is_empty()
            && matches!(address.class, Class::Mobile | Class::EdgeHost);
        if serves != address.announced {
            address.announced = serves;
            let wire = address.wire_key();
            let treatment = treatment_number(address.treatment);
            if let Some(network) = self.network.as_mut() {
                if serves {
                    network.address_added(&wire, treatment);
                } else {
                    network.address_removed(&wire);
                }
            }
        }
        if flipped && let Some(address) = self.table.get(key) {
            for producer in address.producers.clone() {
                self.look_at_producer(producer);
            }
        }
        match self.mode {
            Mode::Edge => self.update_proxies(key),
            Mode::Interior => self.update_tracking(key),
            Mode::Standalone => {}
        }
        self.table.collect(key);
    }

    /// Echo protection: the connection that a delivery must not be sent back to.
    pub(super) fn is_edge_peer(&self, conn: super::ConnId) -> bool {
        self.conns.get(conn).is_some_and(|conn| {
            conn.spec.role == Role::Edge && conn.spec.direction == Direction::In
        })
    }
}

/// Number in MAU (router.md section 1): the same in both families for these.
pub(super) fn treatment_number(treatment: crate::config::Treatment) -> u8 {
    use crate::config::Treatment;
    match treatment {
        Treatment::Multicast => 1,
        Treatment::Closest => 2,
        Treatment::Balanced | Treatment::LinkBalanced => 3,
        Treatment::Unavailable => 4,
    }
}
