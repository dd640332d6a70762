//! An edge router's side of the edge protocol: one uplink, and proxy links for each address that
//! has local consumers or producers (router.md section 6).

use bytes::Bytes;
use iofog_amqp::{
    Attach, Body, Error, ExpiryPolicy, Message, Role, Source, Symbol, Target, condition,
};
use iofog_amqp_engine::SessionId;
use log::{info, warn};

use super::Core;
use super::conn::{Conn, Direction};
use super::link::{Kind, Link};
use super::link_route::Via;
use super::metadata::Metadata;
use super::slab::{AddressKey, ConnId, LinkKey};
use crate::address::{Class, Key};
use crate::config::{Mode, Role as ConnRole};
use crate::network::Version;

/// Address of the tracking link.
pub(super) const TRACKING: &str = "_$qd.edge_addr_tracking";
/// Capability of the downlink.
pub(super) const DOWNLINK: &str = "qd.router-edge-downlink";
/// Credit of the tracking link.
const TRACKING_CREDIT: u32 = 32;

/// The connection in use towards the interior.
#[derive(Debug, Clone)]
pub(super) struct Uplink {
    pub(super) conn: ConnId,
    session: SessionId,
    /// For everything that is not local.
    pub(super) sender: Option<LinkKey>,
}

impl Core {
    /// A connection of role edge opened.
    pub(super) fn edge_opened(&mut self, id: ConnId) {
        let outgoing = self.conns.get(id).is_some_and(|conn| conn.spec.direction == Direction::Out);
        if self.mode == Mode::Edge && outgoing && self.uplink.is_none() {
            self.use_uplink(id);
        }
    }

    /// Another open connection to an interior takes over, if there is one.
    pub(super) fn find_uplink(&mut self) {
        let is_standby = |conn: &Conn| {
            conn.open
                && !conn.closed
                && conn.spec.role == ConnRole::Edge
                && conn.spec.direction == Direction::Out
        };
        let standby: Vec<ConnId> =
            self.conns.iter().filter(|(_, conn)| is_standby(conn)).map(|(id, _)| id).collect();
        for id in standby {
            if self.uplink.is_none() {
                self.use_uplink(id);
            }
        }
    }

    fn use_uplink(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let Ok(session) = conn.engine.begin() else {
            warn!("[C{}] uplink refuses a session", id.number());
            return;
        };
        info!("[C{}] uplink to {}", id.number(), conn.peer.container);
        let leads_links = conn.routes_links();
        self.uplink = Some(Uplink { conn: id, session, sender: None });
        self.uplink_leads(leads_links);
        let sender = self.attach_own(id, session, Role::Sender, Kind::Proxy, None, None, &[]);
        if let Some(uplink) = self.uplink.as_mut() {
            uplink.sender = sender;
        }
        let own = self.id.as_str().to_owned();
        self.attach_own(
            id,
            session,
            Role::Receiver,
            Kind::Anonymous,
            Some(&own),
            None,
            &[DOWNLINK],
        );
        self.attach_own(id, session, Role::Receiver, Kind::Tracking, Some(TRACKING), None, &[]);
        self.open_lookups(id, session);
        for key in self.table.keys() {
            if let Some(address) = self.table.get_mut(key) {
                address.refused = false;
            }
            self.update_proxies(key);
        }
        self.touch(id);
    }

    /// The uplink's connection ended; tells whether it was the uplink.
    pub(super) fn uplink_lost(&mut self, id: ConnId) -> bool {
        let was = self.uplink.as_ref().is_some_and(|uplink| uplink.conn == id);
        if was {
            info!("[C{}] uplink lost: local service goes on", id.number());
            self.uplink = None;
            self.forget_uplink_routes();
            self.close_lookups();
        }
        was
    }

    pub(super) fn uplink_link_gone(&mut self, key: LinkKey) {
        if let Some(uplink) = self.uplink.as_mut()
            && uplink.sender == Some(key)
        {
            uplink.sender = None;
            // Without it the connection is of no use: dialled again, it may be, and a standby serves until then.
            let conn = uplink.conn;
            if let Some(state) = self.conns.get_mut(conn).filter(|conn| !conn.closed) {
                warn!("[C{}] the interior ended the uplink", conn.number());
                let text = "the link for messages to other routers is gone";
                state.engine.close(Some(Error::new(condition::CONNECTION_FORCED, text)));
                self.touch(conn);
            }
        }
        if self.lookups_use(key) {
            self.close_lookups();
        }
    }

    /// Makes proxy links follow the local consumers and producers of an address.
    pub(super) fn update_proxies(&mut self, key: AddressKey) {
        let Some((conn, session)) = self.uplink.as_ref().map(|up| (up.conn, up.session)) else {
            return;
        };
        let Some(address) = self.table.get(key) else {
            return;
        };
        if address.class != Class::Mobile {
            return;
        }
        let name = address.name.to_string();
        let (down, up) = (address.down, address.up);
        // What this router serves itself, which is management, is not asked of the interior.
        let produced = !address.producers.is_empty() && !address.in_process;
        let consumed = !address.consumers.is_empty();
        let wanted = !address.refused;
        if consumed && wanted && down.is_none() {
            let down = self.attach_proxy(conn, session, Role::Receiver, &name, key);
            if let Some(address) = self.table.get_mut(key) {
                address.down = down;
            }
        } else if !consumed && let Some(down) = down {
            self.detach(down);
        }
        if produced && wanted && up.is_none() {
            let up = self.attach_proxy(conn, session, Role::Sender, &name, key);
            if let Some(address) = self.table.get_mut(key) {
                address.up = up;
                address.up_bound = false;
            }
        } else if !produced && let Some(up) = up {
            // What is queued or unsettled keeps the link until it has ended.
            let busy = self.links.get(up).is_some_and(|link| link.outgoing.outstanding > 0);
            if !busy {
                self.detach(up);
            }
        }
    }

    /// A proxy link, on a session of its own where there is one left: a slow consumer with large
    /// messages stalls its session, and must not stall other addresses.
    fn attach_proxy(
        &mut self,
        conn: ConnId,
        shared: SessionId,
        role: Role,
        name: &str,
        address: AddressKey,
    ) -> Option<LinkKey> {
        let own = self.conns.get_mut(conn).and_then(|conn| conn.engine.begin().ok());
        let session = own.unwrap_or(shared);
        let kind = Kind::Proxy;
        let link = self.attach_own(conn, session, role, kind, Some(name), Some(address), &[]);
        if let Some(link) = link.and_then(|link| self.links.get_mut(link)) {
            link.own_session = own.is_some();
        }
        link
    }

    /// Attaches a link of ours on a connection to another router.
    #[allow(
        clippy::too_many_arguments,
        reason = "one call per kind of router link, all fields differ"
    )]
    pub(super) fn attach_own(
        &mut self,
        conn: ConnId,
        session: SessionId,
        role: Role,
        kind: Kind,
        text: Option<&str>,
        address: Option<AddressKey>,
        capabilities: &[&'static str],
    ) -> Option<LinkKey> {
        let name = format!("qdlink.{}", self.names.next());
        let number = self.next_number();
        let mut attach = Attach::new(name.clone(), role);
        let capabilities: Vec<Symbol> =
            capabilities.iter().map(|name| Symbol::from_static(name)).collect();
        let text_of = |side: Role| (side != role).then(|| text.map(str::to_owned)).flatten();
        attach.source = Some(Box::new(Source {
            address: text_of(Role::Sender),
            dynamic: kind == Kind::Lookup && role == Role::Receiver,
            expiry_policy: ExpiryPolicy::LinkDetach,
            capabilities: capabilities.clone(),
            ..Source::default()
        }));
        attach.target = Some(Box::new(Target {
            address: text_of(Role::Receiver),
            expiry_policy: ExpiryPolicy::LinkDetach,
            capabilities,
            ..Target::default()
        }));
        if role == Role::Sender {
            attach.initial_delivery_count = Some(0);
        }
        let state = self.conns.get_mut(conn)?;
        let id = state.engine.attach(session, attach).ok()?;
        let mut link = Link::new(conn, id, session, name, role, kind);
        link.number = number;
        link.capacity = state.spec.capacity;
        link.address = address;
        if kind == Kind::Tracking {
            link.capacity = TRACKING_CREDIT;
        }
        if let Some(text) = text {
            link.set_text(text);
        }
        let key = self.links.insert(link);
        if let Some(state) = self.conns.get_mut(conn) {
            state.bind(id, Some(key));
        }
        self.touch(conn);
        Some(key)
    }

    /// The peer answered an attach of ours.
    pub(super) fn on_attached(
        &mut self,
        id: ConnId,
        link: iofog_amqp_engine::LinkId,
        attach: &Attach,
    ) {
        let Some(key) = self.conns.get(id).and_then(|conn| conn.link(link)) else {
            return;
        };
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let refused = match link.role {
            Role::Sender => attach.target.is_none(),
            Role::Receiver => attach.source.is_none(),
        };
        if refused && link.kind != Kind::Routed {
            // A detach with the reason follows. On a routed link that is for the other end to see: rhea
            // takes links without naming their target again.
            warn!("[C{}] peer refuses the link to {:?}", id.number(), link.text);
            return;
        }
        if link.kind == Kind::Routed {
            self.relay_attached(key, attach);
            return;
        }
        link.attached = true;
        if link.kind == Kind::Auto {
            self.auto_link_attached(key);
            return;
        }
        if link.role == Role::Receiver {
            if link.kind == Kind::Lookup {
                self.lookups_attached(attach);
            }
            self.grant(key);
        } else {
            let is_uplink = self.uplink.as_ref().is_some_and(|uplink| uplink.sender == Some(key));
            if is_uplink && let Some(address) = self.up_address {
                self.bind_consumer(key, address);
                self.tell_interior_all();
            }
            self.pump(key);
        }
        self.interior_attached(id, key);
    }

    /// The interior tells whether an address has destinations beyond this edge.
    pub(super) fn on_tracking(&mut self, payload: &Bytes) {
        let version = self
            .uplink
            .as_ref()
            .and_then(|uplink| self.conns.get(uplink.conn))
            .and_then(|conn| conn.metadata);
        let Ok(Some((_, payload))) = Metadata::take(version, payload, true) else {
            return;
        };
        let Ok(message) = Message::decode(&payload) else {
            return;
        };
        let Body::Value(value) = &message.body else {
            return;
        };
        let Some([key, reachable, ..]) = value.as_list() else {
            return;
        };
        let (Some(text), Some(reachable)) = (key.as_str(), reachable.as_bool()) else {
            return;
        };
        let phased = version == Some(Version::One);
        if matches!(text.chars().next(), Some('C'..='F')) {
            self.remote_link_route(text, Via::Uplink, reachable);
            return;
        }
        let Some(key) = Key::from_wire(text, phased).and_then(|key| self.table.find(key)) else {
            return;
        };
        if let Some(address) = self.table.get_mut(key)
            && address.up.is_some()
        {
            address.up_bound = reachable;
            self.address_changed(key);
        }
    }
}
