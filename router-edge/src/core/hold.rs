//! Back-pressure by the session window: a link whose deliveries pile up stops its session. Unless that would starve
//! a delivery that others wait behind: its rest comes by the same session.

use iofog_amqp::DeliveryState;
use iofog_amqp_engine::SessionId;

use super::Core;
use super::delivery::Delivery;
use super::link::{Current, Kind, Link};
use super::slab::{ConnId, DeliveryId, LinkKey};

/// Bytes held for one incoming link above which its session is told to stop; below half of it, to
/// go on.
const HOLD_ABOVE: usize = 256 * 1024;
/// The same for links between interiors, which many addresses share.
const HOLD_SHARED_ABOVE: usize = 4 * 1024 * 1024;
/// At this many times the limit the session stops in any case; deliveries that starve then are given up.
const ANY_PRICE: usize = 8;

impl Core {
    pub(super) fn hold_if_full(&mut self, key: LinkKey) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let (conn, session) = (link.conn, link.session);
        if link.incoming.held > limit(link) && !link.incoming.paused {
            link.incoming.paused = true;
            if let Some(conn) = self.conns.get_mut(conn) {
                conn.paused_links += 1;
            }
        }
        self.review_session(conn, session);
    }

    /// Bytes of an incoming link were sent on or thrown away.
    pub(super) fn let_go(&mut self, key: LinkKey, bytes: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        link.incoming.held = link.incoming.held.saturating_sub(bytes);
        if link.incoming.paused && link.incoming.held < limit(link) / 2 {
            link.incoming.paused = false;
            let (conn, session) = (link.conn, link.session);
            self.unpaused(conn, session);
        }
    }

    /// One link less is paused; the session goes on unless another of its links is full.
    pub(super) fn unpaused(&mut self, id: ConnId, session: SessionId) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        conn.paused_links = conn.paused_links.saturating_sub(1);
        let full = conn.links().any(|key| {
            self.links.get(key).is_some_and(|link| link.session == session && link.incoming.paused)
        });
        if !full {
            conn.engine.hold_window(session, false);
            self.touch(id);
        }
    }

    /// A delivery waits for its next bytes: its session must not be stopped.
    pub(super) fn review_source(&mut self, id: DeliveryId) {
        let incoming = self.deliveries.get(id).and_then(|delivery| delivery.incoming);
        if let Some(link) = incoming.and_then(|(key, _)| self.links.get(key)) {
            let (conn, session) = (link.conn, link.session);
            self.review_session(conn, session);
        }
    }

    /// Stops a session with a full link, or lets it go on for the sake of a delivery that starves.
    fn review_session(&mut self, id: ConnId, session: SessionId) {
        let Some(conn) = self.conns.get(id).filter(|conn| conn.paused_links > 0) else {
            return;
        };
        let (mut full, mut overfull, mut starving) = (false, false, Vec::new());
        for key in conn.links() {
            let Some(link) = self.links.get(key).filter(|link| link.session == session) else {
                continue;
            };
            full |= link.incoming.paused;
            overfull |= link.incoming.held > ANY_PRICE * limit(link);
            if let Current::Routed(delivery) = link.incoming.current
                && self.deliveries.get(delivery).is_some_and(starves)
            {
                starving.push((key, delivery));
            }
        }
        if !full {
            return;
        }
        let stop = starving.is_empty() || overfull;
        if let Some(conn) = self.conns.get_mut(id) {
            conn.engine.hold_window(session, stop);
        }
        self.touch(id);
        if overfull {
            for (link, delivery) in starving {
                self.give_up(link, delivery);
            }
        }
    }

    /// Ends a delivery whose rest cannot come: the sender may send it again.
    fn give_up(&mut self, key: LinkKey, id: DeliveryId) {
        let incoming = self.deliveries.get(id).and_then(|delivery| delivery.incoming);
        if let Some(link) = self.links.get_mut(key) {
            link.incoming.current = Current::Discarded;
            let conn = link.conn;
            if let (Some(conn), Some((_, delivery))) = (self.conns.get_mut(conn), incoming) {
                conn.engine.dispose(delivery, Some(DeliveryState::Released), true);
            }
            self.totals.released += 1;
            self.touch(conn);
        }
        self.sender_gave_up(id);
        self.replenish(key);
    }
}

/// Some receiver has got all that came, and others wait behind it.
fn starves(delivery: &Delivery) -> bool {
    let message = &delivery.message;
    !message.complete
        && delivery.outs().any(|out| {
            out.begun && !out.sent && out.rest.is_empty() && message.chunk(out.chunk).is_none()
        })
}

fn limit(link: &Link) -> usize {
    if link.kind == Kind::Data { HOLD_SHARED_ABOVE } else { HOLD_ABOVE }
}
