//! Back-pressure by the session window: a link whose deliveries pile up stops its session.

use super::Core;
use super::link::{Kind, Link};
use super::slab::{ConnId, LinkKey};

/// Bytes held for one incoming link above which its session is told to stop; below half of it, to
/// go on.
const HOLD_ABOVE: usize = 256 * 1024;
/// The same for links between interiors, which many addresses share.
const HOLD_SHARED_ABOVE: usize = 4 * 1024 * 1024;

impl Core {
    pub(super) fn hold_if_full(&mut self, key: LinkKey) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if link.incoming.held > limit(link) && !link.incoming.paused {
            link.incoming.paused = true;
            if let Some(conn) = self.conns.get_mut(link.conn) {
                conn.engine.hold_window(link.session, true);
            }
        }
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
            self.resume_session(conn, session);
        }
    }

    /// Opens the window of a session again unless another of its links is full.
    pub(super) fn resume_session(&mut self, conn: ConnId, session: iofog_amqp_engine::SessionId) {
        let Some(state) = self.conns.get_mut(conn) else {
            return;
        };
        let full = state.links().any(|key| {
            self.links.get(key).is_some_and(|link| link.session == session && link.incoming.paused)
        });
        if !full {
            state.engine.hold_window(session, false);
            self.touch(conn);
        }
    }
}

fn limit(link: &Link) -> usize {
    if link.kind == Kind::Data { HOLD_SHARED_ABOVE } else { HOLD_ABOVE }
}
