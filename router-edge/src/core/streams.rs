//! Streaming links: a message that leaves before it is complete gets a link of its own to the next router, so
//! that nothing waits behind it there; the link is used again afterwards (router.md section 4.4).

use iofog_amqp::{Role, Symbol};

use super::Core;
use super::interior::DATA;
use super::link::Kind;
use super::slab::{ConnId, LinkKey};
use crate::config::Role as ConnRole;

/// Offered by routers that take streaming links.
pub(super) const LINKS: Symbol = Symbol::from_static("qd.streaming-links");
/// Capability of a target whose sender asks for them.
pub(super) const DELIVERIES: &str = "qd.streaming-deliveries";
/// Streaming links of a connection; further streams take their turn on the ordinary links.
const MOST: u32 = 64;
/// Links that are kept for the next streams.
const IDLE: usize = 8;

impl Core {
    /// The ways out just chosen lead over links between routers: they get streaming links instead.
    pub(super) fn choose_streams(&mut self) {
        let mut chosen = std::mem::take(&mut self.chosen);
        for out in &mut chosen {
            if let Some(link) = self.stream_link(out.link) {
                out.link = link;
            }
        }
        self.chosen = chosen;
    }

    /// A streaming link on the connection of a link, if its peer takes them.
    fn stream_link(&mut self, ordinary: LinkKey) -> Option<LinkKey> {
        let id = self.links.get(ordinary)?.conn;
        let conn = self.conns.get_mut(id).filter(|conn| conn.routing.streams)?;
        if let Some(idle) = conn.routing.idle_streams.pop() {
            return Some(idle);
        }
        if conn.routing.stream_links >= MOST {
            return None;
        }
        // A session of its own: a stream that stalls is stopped by its window.
        let session = conn.engine.begin().ok()?;
        let capabilities: &[_] =
            if conn.spec.role == ConnRole::InterRouter { &[DATA] } else { &[] };
        let made =
            self.attach_own(id, session, Role::Sender, Kind::Stream, None, None, capabilities);
        match (made, self.conns.get_mut(id)) {
            (Some(_), Some(conn)) => conn.routing.stream_links += 1,
            (None, Some(conn)) => conn.engine.end(session, None),
            (_, None) => {}
        }
        if let Some(link) = made.and_then(|link| self.links.get_mut(link)) {
            link.own_session = true;
        }
        made
    }

    /// Nothing is left on a streaming link: it waits for the next stream, or goes.
    pub(super) fn stream_ended(&mut self, key: LinkKey) {
        let Some(conn) = self.links.get(key).and_then(|link| self.conns.get_mut(link.conn)) else {
            return;
        };
        if conn.routing.idle_streams.len() < IDLE {
            conn.routing.idle_streams.push(key);
        } else {
            self.detach(key);
        }
    }

    /// A streaming link is gone; one that was never attached was refused, and so would be the next.
    pub(super) fn stream_gone(&mut self, id: ConnId, key: LinkKey, refused: bool) {
        if let Some(conn) = self.conns.get_mut(id) {
            conn.routing.streams &= !refused;
            conn.routing.stream_links = conn.routing.stream_links.saturating_sub(1);
            conn.routing.idle_streams.retain(|idle| *idle != key);
        }
    }
}
