//! Takes the engine's events of all connections that something happened to, until none is left.

use iofog_amqp_engine::{CloseReason, Event};
use log::{debug, info, warn};

use super::Core;
use super::slab::{ConnId, DeliveryId};
use crate::config::Role;

impl Core {
    /// Runs to quiescence: events cause commands on other connections, which may cause events.
    pub(super) fn run(&mut self) {
        loop {
            let mut at = 0;
            let mut busy = false;
            while let Some(id) = self.dirty.get(at).copied() {
                at += 1;
                while let Some(event) =
                    self.conns.get_mut(id).and_then(|conn| conn.engine.poll_event())
                {
                    busy = true;
                    self.on_event(id, event);
                }
            }
            busy |= self.run_network();
            if !busy {
                return;
            }
        }
    }

    fn on_event(&mut self, id: ConnId, event: Event) {
        match event {
            Event::Transfer(piece) => self.on_transfer(id, piece),
            Event::Updated { link, token, state, settled, .. } => {
                let key = self.conns.get(id).and_then(|conn| conn.link(link));
                if let (Some(key), Some(delivery)) = (key, DeliveryId::from_token(token)) {
                    self.on_outcome(key, delivery, state, settled);
                }
            }
            Event::Credit { link, drain, .. } => {
                if let Some(key) = self.conns.get(id).and_then(|conn| conn.link(link)) {
                    self.on_credit(key, drain);
                }
            }
            Event::SenderUpdated { token, state, settled, .. } => {
                if let Some(delivery) = DeliveryId::from_token(token) {
                    self.on_sender_update(delivery, state, settled);
                }
            }
            Event::Writable(_) => self.pump_backlog(id),
            Event::Attach { session, link, attach } => self.on_attach(id, session, link, attach),
            Event::Attached { link, attach } => self.on_attached(id, link, &attach),
            Event::Detached { link, error, .. } => {
                if let Some(error) = &error {
                    debug!("[C{}] link detached by the peer: {}", id.number(), error.condition);
                }
                self.count_oversized(id);
                self.on_detached(id, link, error.map(|error| *error));
            }
            Event::Opened(open) => self.on_opened(id, &open),
            Event::Authenticate(credentials) => self.on_authenticate(id, credentials),
            Event::SenderFlow { link, drained: true, .. } => {
                if let Some(key) = self.conns.get(id).and_then(|conn| conn.link(link)) {
                    self.relay_drained(key);
                    self.producer_drained(key);
                }
            }
            Event::SessionBegun { session, by_peer: true } => self.admit_session(id, session),
            Event::SessionEnded { .. } => {
                if let Some(conn) = self.conns.get_mut(id) {
                    conn.sessions = conn.sessions.saturating_sub(1);
                }
            }
            Event::SenderFlow { .. } | Event::SessionBegun { .. } => {}
            Event::Closed(reason) => self.on_closed(id, &reason),
        }
    }

    fn on_opened(&mut self, id: ConnId, open: &iofog_amqp::Open) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        conn.opened_by(open);
        conn.opened = self.now;
        info!(
            "[C{}] opened: role {} {:?} peer {} ({}) at {}",
            id.number(),
            conn.spec.role.as_str(),
            conn.spec.direction,
            conn.peer.container,
            conn.peer.product.as_deref().unwrap_or("client"),
            conn.spec.host,
        );
        if !self.admit(id, open) {
            return;
        }
        let Some(conn) = self.conns.get(id) else {
            return;
        };
        match conn.spec.role {
            Role::Edge => self.edge_opened(id),
            Role::InterRouter => self.interior_opened(id),
            Role::RouteContainer => self.container_opened(id),
            Role::Normal => {}
        }
    }

    fn on_closed(&mut self, id: ConnId, reason: &CloseReason) {
        match reason {
            CloseReason::Local | CloseReason::Remote(None) => {
                info!("[C{}] closed: {reason}", id.number());
            }
            _ => warn!("[C{}] closed: {reason}", id.number()),
        }
        self.connection_lost(id);
    }
}
