//! Routed links: pairs of links that pass attach, credit, deliveries, drain and detach one to one
//! (router.md section 7).

use iofog_amqp::{Attach, Error, Role, Symbol};
use log::debug;

use super::Core;
use super::attach::{NO_ROUTE, Offer};
use super::link::{Kind, Link};
use super::slab::{ConnId, LinkKey};

/// The container that served the link is gone.
const LINK_LOST: Symbol = Symbol::from_static("qd:routed-link-lost");

impl Core {
    /// Leads a link on: attaches its counterpart; the peer is answered when that was.
    pub(super) fn relay_attach(
        &mut self,
        offer: Offer,
        to: ConnId,
    ) -> Result<LinkKey, (Offer, Error)> {
        let from = self.conns.get(offer.conn).map(|conn| conn.peer.container.clone());
        let name = format!("{}@{}", offer.attach.name, from.unwrap_or_default());
        let role = offer.attach.role;
        // A session of its own: one stalled link must not hold up the others.
        let began = self.conns.get_mut(to).and_then(|conn| conn.engine.begin().ok());
        let Some(session) = began else {
            return Err((offer, Error::new(NO_ROUTE, "the container takes no more sessions")));
        };
        let attach = Attach { name: name.clone(), handle: 0, ..(*offer.attach).clone() };
        let attached =
            self.conns.get_mut(to).and_then(|conn| conn.engine.attach(session, attach).ok());
        let Some(id) = attached else {
            return Err((offer, Error::new(NO_ROUTE, "the container takes no more links")));
        };
        let mut far = Link::new(to, id, session, name, role, Kind::Routed);
        far.number = self.next_number();
        far.incoming.withheld = true;
        let far = self.links.insert(far);
        if let Some(conn) = self.conns.get_mut(to) {
            conn.bind(id, Some(far));
        }
        let near_name = offer.attach.name.clone();
        let (conn, near_id, near_session) = (offer.conn, offer.id, offer.session);
        let mut near =
            Link::new(conn, near_id, near_session, near_name, role.opposite(), Kind::Routed);
        near.number = self.next_number();
        near.incoming.withheld = true;
        near.relay.partner = Some(far);
        near.relay.offered = true;
        let near = self.links.insert(near);
        if let Some(conn) = self.conns.get_mut(conn) {
            conn.bind(near_id, Some(near));
        }
        if let Some(far) = self.links.get_mut(far) {
            far.relay.partner = Some(near);
            far.own_session = true;
        }
        self.touch(to);
        Ok(near)
    }

    /// The counterpart was answered: so is the peer.
    pub(super) fn relay_attached(&mut self, far: LinkKey, attach: &Attach) {
        let Some(near) = self.links.get(far).and_then(|link| link.relay.partner) else {
            return;
        };
        if let Some(link) = self.links.get_mut(far) {
            link.attached = true;
        }
        let Some(link) = self.links.get_mut(near) else {
            return;
        };
        link.attached = true;
        link.relay.offered = false;
        let (conn, id) = (link.conn, link.id);
        let answer = Attach { name: link.name.clone(), handle: 0, ..attach.clone() };
        if let Some(conn) = self.conns.get_mut(conn) {
            conn.engine.accept(id, answer);
        }
        self.touch(conn);
    }

    /// A receiver gave credit on a sending link: its partner's sender gets as much.
    pub(super) fn relay_credit(&mut self, key: LinkKey, drain: bool) {
        let Some(link) = self.links.get(key) else {
            return;
        };
        let Some(partner) = link.relay.partner else {
            return;
        };
        // The first may have begun: it has its credit already.
        let begun = link.outgoing.queue.front().is_some_and(|&id| {
            let mut outs = self.deliveries.get(id).into_iter().flat_map(|delivery| delivery.outs());
            outs.any(|out| out.link == key && out.key.is_some())
        });
        let queued = link.outgoing.queue.len().saturating_sub(usize::from(begun));
        let queued = u32::try_from(queued).unwrap_or(u32::MAX);
        let credit = self.conns.get(link.conn).map_or(0, |conn| conn.engine.credit(link.id));
        let credit = credit.saturating_sub(queued);
        let Some((conn, id)) = self.links.get(partner).map(|partner| (partner.conn, partner.id))
        else {
            return;
        };
        if let Some(conn) = self.conns.get_mut(conn) {
            conn.engine.set_credit(id, credit);
            if drain {
                conn.engine.drain(id);
            }
        }
        self.touch(conn);
    }

    /// A sender used up its credit as it was asked to: its partner's receiver hears so.
    pub(super) fn relay_drained(&mut self, key: LinkKey) {
        let Some(partner) = self.links.get(key).and_then(|link| link.relay.partner) else {
            return;
        };
        if let Some(link) = self.links.get_mut(partner) {
            link.outgoing.drain = true;
        }
        self.pump(partner);
    }

    /// One of a pair is gone: so goes the other, with the same reason.
    pub(super) fn relay_gone(&mut self, link: &Link, error: Option<Error>, lost: bool) {
        let Some(partner) = link.relay.partner else {
            return;
        };
        let reason = match (error, lost) {
            (Some(error), _) => Some(error),
            (None, true) => Some(Error::new(LINK_LOST, "the connection of the routed link ended")),
            (None, false) => None,
        };
        let Some(other) = self.links.get_mut(partner) else {
            return;
        };
        other.relay.partner = None;
        if other.relay.offered {
            let (conn, id) = (other.conn, other.id);
            let reason =
                reason.unwrap_or_else(|| Error::new(NO_ROUTE, "the container refused the link"));
            debug!("[C{}] routed link refused: {}", conn.number(), reason.condition);
            if let Some(conn) = self.conns.get_mut(conn) {
                conn.engine.refuse(id, reason);
            }
            self.touch(conn);
            self.link_gone_for(partner, None, false);
        } else if other.role == Role::Sender && !other.outgoing.queue.is_empty() && !lost {
            // What the sender sent before it went still has to arrive.
            other.relay.closing = Some(reason.map(Box::new));
        } else {
            self.detach_with(partner, reason);
        }
    }
}
