//! Links between interior routers, and what the path engine decides about them (router.md 5.1).

use iofog_amqp::{Error, Role};
use log::{info, warn};

use super::attach::{CONNECTION_ROLE, Offer};
use super::conn::Direction;
use super::link::Kind;
use super::link_route::Via;
use super::slab::{ConnId, LinkKey};
use super::{Core, Remote};
use crate::address::{AREA, Class, Key};
use crate::config::RouterId;
use crate::network::{Action, NeighbourLink, Route, RouterNumber};

/// Capabilities of links between interiors.
const CONTROL: &str = "qd.router";
pub(super) const DATA: &str = "qd.router-data";
/// Data links in each direction: one per priority.
const PRIORITIES: usize = 10;

impl Core {
    /// A connection of role inter-router opened: the side that dialled makes all links.
    pub(super) fn interior_opened(&mut self, id: ConnId) {
        let dialled = self.conns.get(id).is_some_and(|conn| conn.spec.direction == Direction::Out);
        if dialled && !self.make_links(id) {
            warn!("[C{}] neighbour refuses sessions", id.number());
        }
        self.touch(id);
    }

    fn make_links(&mut self, id: ConnId) -> bool {
        for n in 0..=PRIORITIES {
            let Some(session) = self.conns.get_mut(id).and_then(|conn| conn.engine.begin().ok())
            else {
                return false;
            };
            let (kind, capability) =
                if n == 0 { (Kind::Control, CONTROL) } else { (Kind::Data, DATA) };
            for role in [Role::Receiver, Role::Sender] {
                let link = self.attach_own(id, session, role, kind, None, None, &[capability]);
                let Some(link) = link else {
                    return false;
                };
                if role == Role::Sender && kind == Kind::Data {
                    self.add_data_link(id, link);
                }
            }
        }
        true
    }

    fn add_data_link(&mut self, id: ConnId, link: LinkKey) {
        if let Some(conn) = self.conns.get_mut(id)
            && conn.routing.data.len() < PRIORITIES
        {
            conn.routing.data.push(link);
        }
    }

    /// A link of ours to another interior was answered.
    pub(super) fn interior_attached(&mut self, id: ConnId, key: LinkKey) {
        let Some(link) = self.links.get(key) else {
            return;
        };
        if link.kind == Kind::Control && link.is_outgoing() {
            self.neighbour_up(id, key);
        }
    }

    /// The neighbour attaches a link.
    pub(super) fn interior_attach(&mut self, offer: Offer) -> Result<LinkKey, (Offer, Error)> {
        let kind = if offer.has_capability(CONTROL) {
            Kind::Control
        } else if offer.has_capability(DATA) {
            Kind::Data
        } else {
            let error = Error::new(CONNECTION_ROLE, "this connection joins routers only");
            return Err((offer, error));
        };
        let kind = self.data_or_stream(&offer, kind);
        let conn = offer.conn;
        let sends = offer.attach.role == Role::Sender;
        let key = self.accept_link(offer, kind, None);
        match (sends, kind) {
            (true, _) => self.grant(key),
            (false, Kind::Control) => self.neighbour_up(conn, key),
            (false, _) => self.add_data_link(conn, key),
        }
        Ok(key)
    }

    /// The side that dialled makes one data link of each priority in both directions; what the peer
    /// attaches beyond that is for streams.
    fn data_or_stream(&mut self, offer: &Offer, kind: Kind) -> Kind {
        let Some(conn) = self.conns.get_mut(offer.conn) else {
            return kind;
        };
        if kind != Kind::Data || offer.attach.role != Role::Sender {
            return kind;
        }
        conn.routing.data_in += 1;
        let expected = if conn.spec.direction == Direction::In { PRIORITIES } else { 0 };
        if conn.routing.data_in > expected { Kind::Stream } else { kind }
    }

    fn neighbour_up(&mut self, id: ConnId, control: LinkKey) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        conn.routing.control = Some(control);
        conn.routing.announced = true;
        let cost = conn.cost;
        if let Some(network) = self.network.as_mut() {
            network.link_up(NeighbourLink(id.number()), cost);
        }
    }

    /// Carries out what the path engine decided; tells whether there was anything.
    pub(super) fn run_network(&mut self) -> bool {
        let mut busy = false;
        let now = self.now.0;
        if let Some(network) = self.network.as_mut() {
            network.flush_mobile(now);
        }
        while let Some(action) = self.network.as_mut().and_then(|network| network.poll_action()) {
            busy = true;
            match action {
                Action::Send(to, message) => self.send_control(&to, &message),
                Action::RouterAdded(number, id) => self.router_added(number, id),
                Action::RouterRemoved(number, id) => self.router_removed(number, &id),
                Action::Route(number, route) => self.route_changed(number, route),
                Action::Mapped(number, key, _) => self.map(number, &key, true),
                Action::Unmapped(number, key) => self.map(number, &key, false),
            }
        }
        busy
    }

    fn router_added(&mut self, number: RouterNumber, id: RouterId) {
        let index = usize::from(number.0);
        if self.routers.len() <= index {
            self.routers.resize_with(index + 1, || None);
        }
        self.router_numbers.insert(format!("{AREA}/{id}").into(), number);
        if let Some(place) = self.routers.get_mut(index) {
            *place = Some(Remote { id, route: None });
        }
    }

    fn router_removed(&mut self, number: RouterNumber, id: &RouterId) {
        self.route_changed(number, None);
        self.router_numbers.remove(format!("{AREA}/{id}").as_str());
        if let Some(place) = self.routers.get_mut(usize::from(number.0)) {
            *place = None;
        }
    }

    fn route_changed(&mut self, number: RouterNumber, route: Option<Route>) {
        let Some(Some(remote)) = self.routers.get_mut(usize::from(number.0)) else {
            return;
        };
        if remote.route.is_some() != route.is_some() {
            let word = if route.is_some() { "reachable" } else { "unreachable" };
            info!("router {} is {word}", remote.id);
        }
        let reachable = route.is_some();
        remote.route = route;
        let id = remote.id.clone();
        self.map_key(number, Key { class: Class::Router, name: id.as_str() }, reachable);
    }

    fn map(&mut self, number: RouterNumber, wire: &str, add: bool) {
        if matches!(wire.chars().next(), Some('C'..='F')) {
            self.remote_link_route(wire, Via::Router(number), add);
            return;
        }
        if let Some(key) = Key::from_wire(wire, false)
            && matches!(key.class, Class::Mobile | Class::EdgeHost)
        {
            self.map_key(number, key, add);
        }
    }

    fn map_key(&mut self, number: RouterNumber, key: Key<'_>, add: bool) {
        let address = if add {
            self.table.intern(key)
        } else {
            match self.table.find(key) {
                Some(address) => address,
                None => return,
            }
        };
        if let Some(entry) = self.table.get_mut(address) {
            if add {
                entry.remotes.insert(number);
            } else {
                entry.remotes.remove(number);
            }
        }
        self.address_changed(address);
    }

    /// The number of the router that a message names as `0/<id>`.
    pub(super) fn router_of(&self, node: &[u8]) -> Option<RouterNumber> {
        let text = std::str::from_utf8(node).ok()?;
        self.router_numbers.get(text).copied()
    }
}
