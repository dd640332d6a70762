//! Control messages between interior routers: sent, received, passed on.

use bytes::Bytes;
use iofog_amqp::{Message, section};
use log::{debug, warn};

use super::Core;
use super::metadata::Metadata;
use super::slab::{ConnId, Id, LinkKey};
use crate::address::Address;
use crate::network::{ControlMessage, Destination, NeighbourLink, Version, decode, encode};

impl Core {
    /// Sends a message of the path engine.
    pub(super) fn send_control(&mut self, to: &Destination, message: &ControlMessage) {
        let name = if message.is_mobile() { "qdrouter.ma" } else { "qdrouter" };
        match to {
            Destination::Link(link) => {
                let address = "amqp:/_local/qdhello".to_owned();
                self.send_control_over(ConnId::from_index(link.0), address, message);
            }
            Destination::Router(id, link) => {
                let address = format!("amqp:/_topo/0/{id}/{name}");
                self.send_control_over(ConnId::from_index(link.0), address, message);
            }
            Destination::All => {
                for conn in self.neighbour_conns() {
                    let address = format!("amqp:/_topo/0/all/{name}");
                    self.send_control_over(conn, address, message);
                }
            }
        }
    }

    fn send_control_over(&mut self, id: ConnId, to: String, message: &ControlMessage) {
        let Some(conn) = self.conns.get(id) else {
            return;
        };
        let (Some(link), Some(version)) = (conn.routing.control, conn.metadata) else {
            return;
        };
        let payload = encode(message, to, version).encode();
        self.send_own(link, Metadata::default(), payload);
    }

    fn neighbour_conns(&self) -> Vec<ConnId> {
        self.conns
            .iter()
            .filter(|(_, conn)| conn.routing.control.is_some())
            .map(|(id, _)| id)
            .collect()
    }

    /// A control message arrived, whole.
    pub(super) fn on_control(&mut self, link: LinkKey, payload: Bytes) {
        let Some(from) = self.links.get(link).map(|link| link.conn) else {
            return;
        };
        let version = self.conns.get(from).and_then(|conn| conn.metadata);
        let Ok(Some((metadata, payload))) = Metadata::take(version, &payload, true) else {
            warn!("[C{}] control message with malformed router metadata", from.number());
            return;
        };
        if metadata.hops > 0 && metadata.passed(&self.node) {
            return;
        }
        let Some(to) = destination(&payload, &metadata) else {
            return;
        };
        match Address::parse(&to) {
            Address::Topo { router, .. } if router != self.id.as_str() => {
                self.pass_on(from, router, metadata, payload);
            }
            Address::All(_) => {
                self.flood(from, &metadata, &payload);
                self.take_control(from, &payload);
            }
            _ => self.take_control(from, &payload),
        }
    }

    fn take_control(&mut self, from: ConnId, payload: &Bytes) {
        let Ok(message) = Message::decode(payload) else {
            warn!("[C{}] control message is malformed", from.number());
            return;
        };
        match decode(&message) {
            Ok(message) => {
                let now = self.now.0;
                if let Some(network) = self.network.as_mut() {
                    network.receive(NeighbourLink(from.number()), message, now);
                }
            }
            Err(error) => debug!("[C{}] control message ignored: {error}", from.number()),
        }
    }

    /// To another router: over its next hop.
    fn pass_on(&mut self, from: ConnId, router: &str, metadata: Metadata, payload: Bytes) {
        let hop = self
            .routers
            .iter()
            .flatten()
            .find(|remote| remote.id.as_str() == router)
            .and_then(|remote| remote.route.as_ref())
            .map(|route| ConnId::from_index(route.next_hop.0));
        if let Some(hop) = hop {
            self.pass_to(from, hop, metadata, payload);
        }
    }

    /// To all: over every other control link whose neighbour has not had it.
    fn flood(&mut self, from: ConnId, metadata: &Metadata, payload: &Bytes) {
        for id in self.neighbour_conns() {
            let Some(conn) = self.conns.get(id).filter(|_| id != from) else {
                continue;
            };
            let node = format!("{}/{}", crate::address::AREA, conn.peer.container);
            if !metadata.passed(node.as_bytes()) {
                self.pass_to(from, id, metadata.clone(), payload.clone());
            }
        }
    }

    fn pass_to(&mut self, from: ConnId, to: ConnId, metadata: Metadata, payload: Bytes) {
        let version = |id| self.conns.get(id).and_then(|conn| conn.metadata);
        let (theirs, ours) = (version(from), version(to));
        let payload = match ours {
            Some(version) if theirs != ours => translated(payload, version),
            _ => payload,
        };
        let link = self.conns.get(to).and_then(|conn| conn.routing.control);
        if let Some(link) = link {
            self.send_own(link, metadata, payload);
        }
    }
}

/// A control message as routers of another version read it: only MAU differ.
fn translated(payload: Bytes, version: Version) -> Bytes {
    let Ok(message) = Message::decode(&payload) else {
        return payload;
    };
    match decode(&message) {
        Ok(control @ ControlMessage::MobileUpdate(_)) => {
            let to = message.properties.and_then(|properties| properties.to);
            encode(&control, to.unwrap_or_default(), version).encode()
        }
        _ => payload,
    }
}

/// Where a control message goes.
fn destination(payload: &Bytes, metadata: &Metadata) -> Option<String> {
    if let Some(to) = &metadata.to {
        return String::from_utf8(to.to_vec()).ok();
    }
    let (section::Scan::Done(sections) | section::Scan::NeedMore(sections)) =
        section::scan(payload).ok()?;
    let properties = payload.get(sections.properties?)?;
    section::properties_to(properties).ok()?.map(str::to_owned)
}
