//! Link routes: patterns of addresses whose links are not ended here but led to a container, for as
//! long as its connection lives (router.md section 7).

use bytes::Bytes;
use iofog_amqp::{Body, Error, Message, Properties, Role, Value, condition};
use log::info;

use super::Core;
use super::attach::Offer;
use super::link::Kind;
use super::metadata::Metadata;
use super::slab::{ConnId, LinkKey};
use crate::address::{Address, Pattern};
use crate::config::Mode;
pub(super) use crate::config::Way;
use crate::network::{NeighbourLink, RouterNumber, Version};

/// A link route.
#[derive(Debug, Clone)]
pub(super) struct LinkRoute {
    pub(super) name: String,
    pub(super) number: u64,
    pub(super) text: String,
    pattern: Pattern,
    pub(super) way: Way,
    pub(super) via: Via,
}

/// Who serves a link route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    /// A connection of this router: a container's or an edge's.
    Conn(ConnId),
    /// Another interior.
    Router(RouterNumber),
    /// The interior above this edge.
    Uplink,
}

impl Way {
    /// The way of links that a peer of this role attaches.
    pub(super) fn of(role: Role) -> Self {
        match role {
            Role::Sender => Self::In,
            Role::Receiver => Self::Out,
        }
    }

    /// Letter of its pattern keys between routers.
    fn letter(self) -> char {
        match self {
            Self::In => 'E',
            Self::Out => 'F',
        }
    }

    /// Way and pattern of a key between routers; `C` and `D` keys are prefixes.
    fn of_key(key: &str) -> Option<(Self, String)> {
        let mut chars = key.chars();
        let letter = chars.next()?;
        let rest = chars.as_str();
        Some(match letter {
            'C' => (Self::In, format!("{rest}/#")),
            'D' => (Self::Out, format!("{rest}/#")),
            'E' => (Self::In, rest.to_owned()),
            'F' => (Self::Out, rest.to_owned()),
            _ => return None,
        })
    }
}

impl Core {
    /// Adds a route over a connection of this router.
    pub(super) fn add_link_route(&mut self, name: String, text: &str, way: Way, conn: ConnId) {
        let number = self.next_number();
        self.link_routes.push(LinkRoute {
            name,
            number,
            text: text.to_owned(),
            pattern: Pattern::new(text),
            way,
            via: Via::Conn(conn),
        });
        self.link_route_changed(way, text);
        if self.mode == Mode::Edge {
            self.tell_interior(number, true);
        }
    }

    /// Removes a route by its number; tells whether there was one.
    pub(super) fn remove_link_route(&mut self, number: u64) -> bool {
        let Some(at) = self.link_routes.iter().position(|route| route.number == number) else {
            return false;
        };
        if self.mode == Mode::Edge {
            self.tell_interior(number, false);
        }
        let route = self.link_routes.swap_remove(at);
        self.link_route_changed(route.way, &route.text);
        true
    }

    /// Removes the routes of a configured entity.
    pub(super) fn remove_link_routes_of(&mut self, name: &str) {
        self.remove_link_routes(|route| matches!(route.via, Via::Conn(_)) && route.name == name);
    }

    /// Routes over a connection that is gone.
    pub(super) fn link_routes_lost(&mut self, conn: ConnId) {
        self.remove_link_routes(|route| route.via == Via::Conn(conn));
    }

    fn remove_link_routes(&mut self, which: impl Fn(&LinkRoute) -> bool) {
        let routes = self.link_routes.iter().filter(|route| which(route));
        let theirs: Vec<u64> = routes.map(|route| route.number).collect();
        for number in theirs {
            self.remove_link_route(number);
        }
    }

    /// Another interior, or the one above, has or has not a container for a key.
    pub(super) fn remote_link_route(&mut self, key: &str, via: Via, there: bool) {
        let Some((way, text)) = Way::of_key(key) else {
            return;
        };
        let is = |route: &LinkRoute| route.via == via && route.way == way && route.text == text;
        let known = self.link_routes.iter().position(is);
        match (known, there) {
            (None, true) => {
                let number = self.next_number();
                self.link_routes.push(LinkRoute {
                    name: key.to_owned(),
                    number,
                    pattern: Pattern::new(&text),
                    text: text.clone(),
                    way,
                    via,
                });
            }
            (Some(at), false) => {
                self.link_routes.swap_remove(at);
            }
            _ => return,
        }
        self.link_route_changed(way, &text);
    }

    /// Edge: whether the interior above leads links on. Clients that were told something else, when they asked for links
    /// to be led to them, come again and ask again: what they decided by it would not meet what others decide.
    pub(super) fn uplink_leads(&mut self, leads: bool) {
        self.leads_links = leads;
        for id in self.conns.keys() {
            let Some(conn) = self.conns.get_mut(id) else {
                continue;
            };
            if !conn.closed && conn.routing.told == Some(!leads) {
                let now = if leads { "leads links now" } else { "leads no links" };
                info!("[C{}] closed, to ask again: the router above {now}", id.number());
                let text = format!("the router above this one {now}");
                conn.engine.close(Some(Error::new(condition::CONNECTION_FORCED, text)));
                self.touch(id);
            }
        }
    }

    /// Everything learnt over the uplink is void.
    pub(super) fn forget_uplink_routes(&mut self) {
        self.link_routes.retain(|route| route.via != Via::Uplink);
    }

    /// The connection that a link offered by a peer is led to, if it is routed, and the address that it has
    /// there, if another one.
    pub(super) fn routed_to(&self, offer: &Offer) -> Option<(ConnId, Option<String>)> {
        if self.link_routes.is_empty() {
            return None;
        }
        let (way, address) = (Way::of(offer.attach.role), offer.address()?);
        let to = self.route_for(way, address, offer.conn)?;
        let Address::Mobile(name) = Address::parse(address) else {
            return None;
        };
        let taken = self.link_routes.iter().find(|route| {
            route.via == Via::Conn(to) && route.way == way && route.pattern.matches(name)
        });
        Some((to, taken.and_then(|route| self.external_address(&route.name, name))))
    }

    /// The connection that serves links to an address, for peers on the connection `from`.
    pub(super) fn route_for(&self, way: Way, text: &str, from: ConnId) -> Option<ConnId> {
        let Address::Mobile(name) = Address::parse(text) else {
            return None;
        };
        let matching =
            self.link_routes.iter().filter(|route| route.way == way && route.pattern.matches(name));
        // Here before elsewhere, then the cheapest way, then the one with the fewest links: `linkBalanced`.
        let reachable = matching.filter_map(|route| {
            let (conn, cost) = self.way_to(route.via)?;
            (conn != from).then_some((cost, conn))
        });
        reachable.min_by_key(|&(cost, conn)| (cost, self.routed_links(conn))).map(|(_, conn)| conn)
    }

    /// Links of routes that a connection carries at the moment.
    fn routed_links(&self, conn: ConnId) -> usize {
        let Some(conn) = self.conns.get(conn) else {
            return 0;
        };
        let relayed = |key: &LinkKey| self.links.get(*key).is_some_and(|l| l.kind == Kind::Routed);
        conn.links().filter(relayed).count()
    }

    fn way_to(&self, via: Via) -> Option<(ConnId, u32)> {
        match via {
            Via::Conn(conn) => Some((conn, 0)),
            Via::Uplink => Some((self.uplink.as_ref()?.conn, 1)),
            Via::Router(number) => {
                let remote = self.routers.get(usize::from(number.0))?.as_ref()?;
                let route = remote.route.as_ref()?;
                let NeighbourLink(hop) = route.next_hop;
                Some((<ConnId as super::slab::Id>::from_index(hop), route.cost))
            }
        }
    }

    /// Tells the network and the edges what can be reached now.
    fn link_route_changed(&mut self, way: Way, text: &str) {
        let key = format!("{}{text}", way.letter());
        let here = |route: &&LinkRoute| {
            route.way == way && route.text == text && matches!(route.via, Via::Conn(_))
        };
        let served = self.link_routes.iter().any(|route| here(&route));
        if let Some(network) = self.network.as_mut() {
            if served {
                network.address_added(&key, LINK_BALANCED);
            } else {
                network.address_removed(&key);
            }
        }
        for (id, conn) in
            self.conns.iter().map(|(id, conn)| (id, conn.routing.tracking)).collect::<Vec<_>>()
        {
            if conn.is_some() {
                self.tell_edge(id, way, text);
            }
        }
    }

    /// Tells a new edge of all link routes.
    pub(super) fn tell_edge_all(&mut self, edge: ConnId) {
        let all: Vec<(Way, String)> =
            self.link_routes.iter().map(|route| (route.way, route.text.clone())).collect();
        for (way, text) in all {
            self.tell_edge(edge, way, &text);
        }
    }

    /// Between routers of this kind, tracking messages carry link-route keys too, so that an edge
    /// needs no question per attach.
    fn tell_edge(&mut self, edge: ConnId, way: Way, text: &str) {
        let Some(conn) = self.conns.get(edge) else {
            return;
        };
        let Some(tracking) = conn.routing.tracking else {
            return;
        };
        if conn.metadata != Some(Version::Two)
            || conn.peer.product.as_deref() != Some(super::PRODUCT)
        {
            return;
        }
        let elsewhere = |route: &LinkRoute| {
            route.way == way && route.text == text && route.via != Via::Conn(edge)
        };
        let there = self.link_routes.iter().any(elsewhere);
        let key = format!("{}{text}", way.letter());
        let body = Value::List(vec![key.into(), there.into()]);
        let message = Message { body: Body::Value(body), ..Message::default() };
        self.send_own(tracking, Metadata::default(), message.encode());
    }

    /// An edge makes its interior send links here, by the request that its own client made.
    fn tell_interior(&mut self, number: u64, create: bool) {
        let sender = self.uplink.as_ref().and_then(|uplink| uplink.sender);
        let Some(sender) = sender.filter(|_| self.leads_links) else {
            return;
        };
        let Some(route) = self.link_routes.iter().find(|route| route.number == number) else {
            return;
        };
        if !matches!(route.via, Via::Conn(_)) {
            return;
        }
        let to = "$management";
        let name = format!("{}/{}/{}", self.id, route.number, route.name);
        let body = Value::Map(vec![
            ("pattern".into(), route.text.as_str().into()),
            ("direction".into(), route.way.as_str().into()),
        ]);
        let request = Message {
            properties: Some(Properties { to: Some(to.to_owned()), ..Properties::default() }),
            application_properties: vec![
                ("operation".into(), if create { "CREATE" } else { "DELETE" }.into()),
                ("type".into(), "org.apache.qpid.dispatch.router.connection.linkRoute".into()),
                ("name".into(), name.into()),
            ],
            body: Body::Value(body),
            ..Message::default()
        };
        let metadata =
            Metadata { to: Some(Bytes::from_static(to.as_bytes())), ..Metadata::default() };
        self.send_own(sender, metadata, request.encode());
    }

    /// The uplink's sender is there: the interior learns of every link route here.
    pub(super) fn tell_interior_all(&mut self) {
        let all: Vec<u64> = self.link_routes.iter().map(|route| route.number).collect();
        for number in all {
            self.tell_interior(number, true);
        }
    }
}

/// Treatment number of link routes in version 1.
const LINK_BALANCED: u8 = 4;
