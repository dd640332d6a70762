//! Containers that the configuration names: link routes are led to them while they are connected, and auto links
//! attached to them (router.md section 7).

use iofog_amqp::Error;
use iofog_amqp::Role as LinkRole;
use iofog_amqp_engine::Millis;
use log::{info, warn};

use super::Core;
use super::attach::Offer;
use super::link::Kind;
use super::slab::{ConnId, LinkKey};
use crate::address::{Address, Class, Key, Pattern, Resolved, resolve};
use crate::config::{AutoLinkConfig, Container, LinkRouteConfig, Role, Way};

/// Wait before a refused auto link is tried again, ms.
const RETRY: u64 = 5_000;

/// What the configuration says of containers, and what has become of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Containers {
    pub(super) routes: Vec<LinkRouteConfig>,
    pub(super) auto_links: Vec<AutoLink>,
}

/// A configured auto link.
#[derive(Debug, Clone)]
pub(super) struct AutoLink {
    pub(super) config: AutoLinkConfig,
    pub(super) state: AutoState,
    pub(super) last_error: Option<String>,
}

/// Where an auto link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AutoState {
    /// Its container is not connected.
    Inactive,
    Attaching(LinkKey),
    /// Refused; tried again then.
    Failed(ConnId, Millis),
    Active(LinkKey),
}

impl AutoState {
    /// Name in management.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Attaching(_) => "attaching",
            Self::Failed(..) => "failed",
            Self::Active(_) => "active",
        }
    }

    pub(super) fn link(self) -> Option<LinkKey> {
        match self {
            Self::Attaching(link) | Self::Active(link) => Some(link),
            Self::Inactive | Self::Failed(..) => None,
        }
    }
}

impl Core {
    /// Adds a configured link route, also for containers that are connected already.
    pub fn add_route(&mut self, config: LinkRouteConfig) {
        self.put_route(config);
        self.run();
    }

    pub(super) fn put_route(&mut self, config: LinkRouteConfig) {
        let conns = self.containers_of(config.container.as_ref());
        for conn in conns {
            self.serve_route(&config, conn);
        }
        self.containers.routes.push(config);
    }

    /// Removes a configured link route; links that were led on before stay.
    pub fn remove_route(&mut self, name: &str) {
        self.take_route(name);
        self.run();
    }

    pub(super) fn take_route(&mut self, name: &str) {
        self.containers.routes.retain(|route| route.name != name);
        self.remove_link_routes_of(name);
    }

    /// Adds an auto link.
    pub fn add_auto_link(&mut self, config: AutoLinkConfig) {
        self.put_auto_link(config);
        self.run();
    }

    pub(super) fn put_auto_link(&mut self, config: AutoLinkConfig) {
        let conns = self.containers_of(Some(&config.container));
        let at = self.containers.auto_links.len();
        let state = AutoState::Inactive;
        self.containers.auto_links.push(AutoLink { config, state, last_error: None });
        if let Some(conn) = conns.first() {
            self.attach_auto_link(at, *conn);
        }
    }

    /// Removes an auto link, and detaches it.
    pub fn remove_auto_link(&mut self, name: &str) {
        self.take_auto_link(name);
        self.run();
    }

    pub(super) fn take_auto_link(&mut self, name: &str) {
        let links = &mut self.containers.auto_links;
        if let Some(at) = links.iter().position(|link| link.config.name == name) {
            let link = links.swap_remove(at).state.link();
            if let Some(link) = link {
                self.detach(link);
            }
        }
    }

    /// A connection of role route-container opened.
    pub(super) fn container_opened(&mut self, id: ConnId) {
        let leads_here = |route: &&LinkRouteConfig| {
            route.container.as_ref().is_some_and(|container| self.is_container(id, container))
        };
        let routes: Vec<_> = self.containers.routes.iter().filter(leads_here).cloned().collect();
        for route in routes {
            self.serve_route(&route, id);
        }
        for at in 0..self.containers.auto_links.len() {
            let Some(link) = self.containers.auto_links.get(at) else {
                return;
            };
            if link.state == AutoState::Inactive && self.is_container(id, &link.config.container) {
                self.attach_auto_link(at, id);
            }
        }
    }

    /// A connection ended: what failed there is not tried again there.
    pub(super) fn container_lost(&mut self, id: ConnId) {
        for link in &mut self.containers.auto_links {
            if matches!(link.state, AutoState::Failed(conn, _) if conn == id) {
                link.state = AutoState::Inactive;
            }
        }
    }

    /// Time passed: refused auto links are tried again.
    pub(super) fn retry_auto_links(&mut self) {
        for at in 0..self.containers.auto_links.len() {
            let state = self.containers.auto_links.get(at).map(|link| link.state);
            if let Some(AutoState::Failed(conn, when)) = state
                && when <= self.now
            {
                self.attach_auto_link(at, conn);
            }
        }
    }

    fn is_container(&self, id: ConnId, container: &Container) -> bool {
        self.conns.get(id).is_some_and(|conn| {
            conn.open
                && !conn.closed
                && conn.spec.role == Role::RouteContainer
                && match container {
                    Container::Id(wanted) => conn.peer.container == *wanted,
                    Container::Connection(name) => conn.spec.name == *name,
                }
        })
    }

    fn containers_of(&self, container: Option<&Container>) -> Vec<ConnId> {
        let Some(container) = container else {
            return Vec::new();
        };
        self.conns.keys().into_iter().filter(|id| self.is_container(*id, container)).collect()
    }

    fn serve_route(&mut self, config: &LinkRouteConfig, conn: ConnId) {
        info!("[C{}] link route {} is served", conn.number(), config.name);
        self.add_link_route(config.name.clone(), &config.pattern, config.way, conn);
    }

    /// The address that a link is led on with, if a configured route changes it.
    pub(super) fn external_address(&self, route: &str, address: &str) -> Option<String> {
        let config = self.containers.routes.iter().find(|config| config.name == route)?;
        let changes = config.add_prefix.is_some() || config.del_prefix.is_some();
        changes.then(|| config.external(address))
    }

    /// The configuration leads such links to a container: they must not end here while it is away.
    pub(super) fn is_configured_route(&self, offer: &Offer) -> bool {
        let way = Way::of(offer.attach.role);
        let Some(Address::Mobile(name)) = offer.address().map(Address::parse) else {
            return false;
        };
        let routes = self.containers.routes.iter();
        let mut matching = routes.filter(|route| route.container.is_some() && route.way == way);
        matching.any(|route| Pattern::new(&route.pattern).matches(name))
    }

    fn attach_auto_link(&mut self, at: usize, id: ConnId) {
        let Some(link) = self.containers.auto_links.get(at) else {
            return;
        };
        let role = match link.config.way {
            Way::In => LinkRole::Receiver,
            Way::Out => LinkRole::Sender,
        };
        let name = link.config.name.clone();
        let external = link.config.external.clone().unwrap_or_else(|| link.config.address.clone());
        let address = link.config.address.clone();
        let session = self.conns.get_mut(id).and_then(|conn| conn.engine.begin().ok());
        let made = session.and_then(|session| {
            self.attach_own(id, session, role, Kind::Auto, Some(&external), None, &[])
        });
        let Some(key) = made else {
            warn!("[C{}] auto link {name}: the container takes no more", id.number());
            return;
        };
        if let Some(link) = self.links.get_mut(key) {
            link.own_session = true;
            // Towards routers its messages go to the address in the network.
            link.set_text(&address);
        }
        if let Some(link) = self.containers.auto_links.get_mut(at) {
            link.state = AutoState::Attaching(key);
        }
    }

    /// The container takes an auto link.
    pub(super) fn auto_link_attached(&mut self, key: LinkKey) {
        let links = &mut self.containers.auto_links;
        let Some(link) = links.iter_mut().find(|l| l.state == AutoState::Attaching(key)) else {
            return;
        };
        link.state = AutoState::Active(key);
        link.last_error = None;
        let (address, way) = (link.config.address.clone(), link.config.way);
        let Resolved::Key(Key { class: Class::Mobile, name }) =
            resolve(&address, self.id.as_str(), self.mode)
        else {
            warn!("auto link to `{address}`: not an address of the network");
            return;
        };
        let address = self.table.intern(Key { class: Class::Mobile, name });
        match way {
            Way::In => self.bind_producer(key, address),
            Way::Out => self.bind_consumer(key, address),
        }
    }

    /// An auto link is gone: refused, ended by the container, or with its connection.
    pub(super) fn auto_link_gone(
        &mut self,
        key: LinkKey,
        conn: ConnId,
        error: Option<&Error>,
        lost: bool,
    ) {
        let now = self.now;
        let links = &mut self.containers.auto_links;
        let Some(link) = links.iter_mut().find(|link| link.state.link() == Some(key)) else {
            return;
        };
        if lost {
            link.state = AutoState::Inactive;
            return;
        }
        let text = error.map_or_else(|| "detached".to_owned(), |e| e.condition.to_string());
        warn!("[C{}] auto link {}: {text}", conn.number(), link.config.name);
        link.last_error = Some(text);
        link.state = AutoState::Failed(conn, now.plus(RETRY));
    }
}
