//! An interior router's side of the edge protocol: links that edges attach, and telling them which
//! addresses have destinations elsewhere (router.md section 6).

use iofog_amqp::{Body, Error, Message, Role, Value, condition};
use log::info;

use super::Core;
use super::attach::{FORBIDDEN, Offer};
use super::edge::{DOWNLINK, TRACKING};
use super::link::Kind;
use super::lookup::LOOKUP;
use super::metadata::Metadata;
use super::slab::{AddressKey, ConnId, LinkKey};
use crate::address::{Class, Key};
use crate::network::Version;

/// Telemetry of edges that is taken and not used.
const SINKS: [&str; 2] = ["_$qd.edge_heartbeat", "_$qd.mesh_discovery"];
/// Credit of these.
const SINK_CREDIT: u32 = 3;

impl Core {
    pub(super) fn edge_attach(&mut self, offer: Offer) -> Result<LinkKey, (Offer, Error)> {
        let receiver = offer.attach.role == Role::Receiver;
        let address = offer.address().unwrap_or_default().to_owned();
        if offer.has_capability(DOWNLINK) {
            if !receiver {
                let error = Error::new(FORBIDDEN, "a downlink leads to the edge");
                return Err((offer, error));
            }
            let conn = offer.conn;
            let edge = if address.is_empty() {
                self.conns.get(conn).map(|conn| conn.peer.container.clone()).unwrap_or_default()
            } else {
                address
            };
            let key = self.accept_link(offer, Kind::Endpoint, None);
            let host = self.table.intern(Key { class: Class::EdgeHost, name: &edge });
            self.bind_consumer(key, host);
            self.doubt_older(conn, host);
            return Ok(key);
        }
        if address == TRACKING {
            if !receiver {
                let error = Error::new(FORBIDDEN, "a tracking link leads to the edge");
                return Err((offer, error));
            }
            let conn = offer.conn;
            let key = self.accept_link(offer, Kind::Tracking, None);
            if let Some(conn) = self.conns.get_mut(conn) {
                conn.routing.tracking = Some(key);
            }
            self.track_all(conn);
            self.tell_edge_all(conn);
            return Ok(key);
        }
        if !receiver && SINKS.contains(&address.as_str()) {
            let key = self.accept_link(offer, Kind::Sink, None);
            if let Some(link) = self.links.get_mut(key) {
                link.capacity = SINK_CREDIT;
            }
            self.grant(key);
            return Ok(key);
        }
        if !receiver && address == LOOKUP {
            let key = self.accept_link(offer, Kind::Lookup, None);
            self.grant(key);
            return Ok(key);
        }
        if address.starts_with("_$qd.") {
            let error = Error::new(condition::NOT_IMPLEMENTED, "not served here");
            return Err((offer, error));
        }
        self.client_attach(offer)
    }

    /// An edge uses one connection at a time: others that it used before are likely to be dead, and messages
    /// for it may still go there. They are given up with the first heartbeat that they miss (decision 0091).
    fn doubt_older(&mut self, new: ConnId, host: AddressKey) {
        let links = self.table.get(host).map_or(&[][..], |host| &host.consumers);
        let older = links.iter().filter_map(|link| self.links.get(*link)).map(|link| link.conn);
        for id in older.filter(|id| *id != new).collect::<Vec<_>>() {
            if let Some(conn) = self.conns.get_mut(id) {
                info!("[C{}] edge {} is here anew", id.number(), conn.peer.container);
                conn.engine.lose_patience();
            }
        }
    }

    /// Tells every edge that produces to an address what changed for it.
    pub(super) fn update_tracking(&mut self, key: AddressKey) {
        let Some(address) = self.table.get(key) else {
            return;
        };
        for producer in address.producers.clone() {
            self.track(producer, key);
        }
    }

    fn track_all(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get(id) else {
            return;
        };
        for producer in conn.links().collect::<Vec<_>>() {
            if let Some(address) = self.links.get(producer).and_then(|link| link.address) {
                self.track(producer, address);
            }
        }
    }

    /// Tells one edge, if what it knows is not true any more.
    fn track(&mut self, producer: LinkKey, key: AddressKey) {
        let (Some(link), Some(address)) = (self.links.get(producer), self.table.get(key)) else {
            return;
        };
        if link.is_outgoing() || !self.is_edge_peer(link.conn) {
            return;
        }
        let Some(conn) = self.conns.get(link.conn) else {
            return;
        };
        let Some(tracking) = conn.routing.tracking else {
            return;
        };
        let elsewhere = |consumer: &LinkKey| {
            self.links.get(*consumer).is_some_and(|consumer| consumer.conn != link.conn)
        };
        let reachable =
            address.remotes.0 != 0 || address.in_process || address.consumers.iter().any(elsewhere);
        if link.incoming.tracked == reachable {
            return;
        }
        let wire = Key { class: address.class, name: &address.name }
            .to_wire(conn.metadata == Some(Version::One));
        let message = Message {
            body: Body::Value(Value::List(vec![Value::from(wire), Value::from(reachable)])),
            ..Message::default()
        };
        if let Some(link) = self.links.get_mut(producer) {
            link.incoming.tracked = reachable;
        }
        self.send_own(tracking, Metadata::default(), message.encode());
    }
}
