//! Links and connections that end, and what becomes of the deliveries on them.

use iofog_amqp::{DeliveryState, Error};
use iofog_amqp_engine::LinkId;

use super::Core;
use super::drops::DropReason;
use super::link::{Current, Kind, Link};
use super::slab::{ConnId, DeliveryId, LinkKey};
use crate::network::NeighbourLink;

impl Core {
    pub(super) fn on_detached(&mut self, conn: ConnId, id: LinkId, error: Option<Error>) {
        let Some(key) = self.conns.get(conn).and_then(|conn| conn.link(id)) else {
            self.forget_lookups(conn, Some(id));
            return;
        };
        // The interior does not want it. One that we took back before the answer came is another matter.
        if let Some(link) = self.links.get(key).filter(|l| l.kind == Kind::Proxy && !l.attached)
            && let Some(address) = link.address.and_then(|address| self.table.get_mut(address))
        {
            address.refused = true;
        }
        self.link_gone_for(key, error, false);
    }

    /// Detaches a link of ours; its deliveries end now.
    pub(super) fn detach(&mut self, key: LinkKey) {
        self.detach_with(key, None);
    }

    pub(super) fn detach_with(&mut self, key: LinkKey, error: Option<Error>) {
        let Some(link) = self.links.get(key) else {
            return;
        };
        let (conn, id) = (link.conn, link.id);
        if let Some(state) = self.conns.get_mut(conn) {
            state.engine.detach(id, true, error);
        }
        self.touch(conn);
        self.link_gone_for(key, None, false);
    }

    /// `error`: why, if the peer told; `lost`: its whole connection ended.
    pub(super) fn link_gone_for(&mut self, key: LinkKey, error: Option<Error>, lost: bool) {
        let Some(link) = self.links.remove(key) else {
            return;
        };
        if let Some(conn) = self.conns.get_mut(link.conn) {
            conn.bind(link.id, None);
            conn.backlog.retain(|waiting| *waiting != key);
        }
        self.forget_in_routing(key, &link);
        if let Some(address) = link.address {
            if let Some(entry) = self.table.get_mut(address) {
                entry.consumers.retain(|consumer| *consumer != key);
                entry.producers.retain(|producer| *producer != key);
                if entry.up == Some(key) {
                    entry.up = None;
                    entry.up_bound = false;
                }
                if entry.down == Some(key) {
                    entry.down = None;
                }
            }
            // Before the deliveries: what they set free must not come back here.
            self.address_changed(address);
        }
        if link.is_outgoing() {
            self.receiver_gone(key);
        } else {
            self.sender_gone(key, &link);
        }
        if link.own_session
            && !lost
            && let Some(conn) = self.conns.get_mut(link.conn)
        {
            conn.engine.end(link.session, None);
            self.touch(link.conn);
        }
        if link.kind == Kind::Auto {
            self.auto_link_gone(key, link.conn, error.as_ref(), lost);
        }
        if link.kind == Kind::Routed {
            self.relay_gone(&link, error, lost);
        }
    }

    /// Deliveries on their way to a receiver that is gone: what it has not got completely is
    /// released, the rest may have been processed.
    fn receiver_gone(&mut self, key: LinkKey) {
        let affected: Vec<(DeliveryId, bool)> = self
            .deliveries
            .iter()
            .filter_map(|(id, delivery)| {
                let out = delivery.outs().find(|out| out.link == key)?;
                Some((id, out.sent))
            })
            .collect();
        for (id, sent) in affected {
            if !sent && self.reroute(key, id) {
                continue;
            }
            if let Some((from, _)) = self
                .deliveries
                .get(id)
                .and_then(|delivery| delivery.incoming.filter(|_| delivery.settled && !sent))
            {
                self.count_drop(from, DropReason::ReceiverGone);
            }
            let state =
                if sent { DeliveryState::modified(true, false) } else { DeliveryState::Released };
            self.end_out(key, id, Some(state));
        }
    }

    /// Deliveries of a sender that is gone: what is complete goes on, a part is aborted.
    fn sender_gone(&mut self, key: LinkKey, link: &Link) {
        if link.incoming.paused {
            self.unpaused(link.conn, link.session);
        }
        if let Current::Routed(id) = link.incoming.current {
            self.sender_gave_up(id);
        }
        if link.incoming.in_flight == 0 {
            return;
        }
        let theirs: Vec<DeliveryId> = self
            .deliveries
            .iter()
            .filter(|(_, delivery)| delivery.incoming.is_some_and(|(link, _)| link == key))
            .map(|(id, _)| id)
            .collect();
        for id in theirs {
            if let Some(delivery) = self.deliveries.get_mut(id) {
                delivery.incoming = None;
            }
        }
    }

    fn forget_in_routing(&mut self, key: LinkKey, link: &Link) {
        let Some(conn) = self.conns.get_mut(link.conn) else {
            return;
        };
        let routing = &mut conn.routing;
        routing.data.retain(|data| *data != key);
        if routing.tracking == Some(key) {
            routing.tracking = None;
        }
        if routing.control == Some(key) {
            routing.control = None;
            self.neighbour_lost(link.conn);
        }
        if link.kind == Kind::Stream && link.is_outgoing() {
            self.stream_gone(link.conn, key, !link.attached);
        }
        self.uplink_link_gone(key);
    }

    /// The path engine hears that a neighbour's connection is gone.
    pub(super) fn neighbour_lost(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        if std::mem::take(&mut conn.routing.announced)
            && let Some(network) = self.network.as_mut()
        {
            network.link_down(NeighbourLink(id.number()), self.now.0);
        }
    }

    /// A connection ended: all its links go; an edge looks for another uplink.
    pub(super) fn connection_lost(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        if std::mem::replace(&mut conn.closed, true) {
            return;
        }
        let links: Vec<LinkKey> = conn.links().collect();
        self.neighbour_lost(id);
        self.forget_lookups(id, None);
        let was_uplink = self.uplink_lost(id);
        self.link_routes_lost(id);
        self.container_lost(id);
        for key in links {
            self.link_gone_for(key, None, true);
        }
        if was_uplink {
            self.find_uplink();
        }
        self.touch(id);
    }
}
