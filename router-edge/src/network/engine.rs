//! The path engine: neighbours by HELLO, link states by RA/LSR/LSU, addresses by MAR/MAU.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use iofog_sorted::{SortedMap, SortedSet};
use log::{error, info};

use super::message::{Advertisement, ControlMessage, Hello, LinkState, LinkStateUpdate};
use super::node::{Neighbour, Node, Route};
use super::path::Bits;
use super::{MAX_ROUTERS, NeighbourLink, RouterNumber};
use crate::config::RouterId;

/// Timers, ms.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Between HELLOs.
    pub hello_interval: u64,
    /// Silence after which a neighbour is lost.
    pub hello_max_age: u64,
    /// Between RAs.
    pub ra_interval: u64,
    /// Between RAs while the topology changes.
    pub ra_interval_flux: u64,
    /// Life of an unconfirmed link state.
    pub remote_max_age: u64,
    /// How long the addresses of an unreachable router are kept.
    pub holdoff: u64,
    /// Wait before a request without answer is repeated.
    pub retry: u64,
    /// At most one differential MAU per this.
    pub mobile_interval: u64,
}

/// Whom a message is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// The neighbour on this connection.
    Link(NeighbourLink),
    /// One router, over the next hop (given).
    Router(RouterId, NeighbourLink),
    /// Every router: to all neighbours.
    All,
}

/// What the core has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send a control message.
    Send(Destination, ControlMessage),
    /// A router got a number.
    RouterAdded(RouterNumber, RouterId),
    /// Its number is free again.
    RouterRemoved(RouterNumber, RouterId),
    /// Its route changed; none = unreachable.
    Route(RouterNumber, Option<Route>),
    /// It serves an address key (with the treatment number).
    Mapped(RouterNumber, String, u8),
    /// It serves the key no longer.
    Unmapped(RouterNumber, String),
}

/// State of the path engine.
#[derive(Debug, Clone)]
pub struct Network {
    pub(super) id: RouterId,
    pub(super) instance: u64,
    pub(super) settings: Settings,
    pub(super) links: SortedMap<NeighbourLink, u32>,
    pub(super) neighbours: SortedMap<RouterId, Neighbour>,
    pub(super) nodes: SortedMap<RouterId, Node>,
    pub(super) numbers: Bits,
    pub(super) own: LinkState,
    pub(super) mobile: BTreeMap<String, u8>,
    pub(super) mobile_sequence: u64,
    pub(super) added: BTreeMap<String, u8>,
    pub(super) deleted: BTreeSet<String>,
    pub(super) recompute: bool,
    pub(super) advertise: bool,
    pub(super) changed_at: Option<u64>,
    pub(super) last_hello: Option<u64>,
    pub(super) last_advertisement: Option<u64>,
    pub(super) last_mobile: Option<u64>,
    pub(super) actions: VecDeque<Action>,
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self {
            hello_interval: 1_000,
            hello_max_age: 3_000,
            ra_interval: 30_000,
            ra_interval_flux: 4_000,
            remote_max_age: 60_000,
            holdoff: 1_000,
            retry: 2_000,
            mobile_interval: 100,
        }
    }
}

// === impl Network ===

impl Network {
    /// A router without neighbours. `instance`: start time in seconds.
    #[must_use]
    pub fn new(id: RouterId, instance: u64, settings: Settings) -> Self {
        let mut numbers = Bits::default();
        numbers.insert(RouterNumber(0));
        Self {
            id,
            instance,
            settings,
            links: SortedMap::new(),
            neighbours: SortedMap::new(),
            nodes: SortedMap::new(),
            numbers,
            own: LinkState::default(),
            mobile: BTreeMap::new(),
            mobile_sequence: 0,
            added: BTreeMap::new(),
            deleted: BTreeSet::new(),
            recompute: false,
            advertise: false,
            changed_at: None,
            last_hello: None,
            last_advertisement: None,
            last_mobile: None,
            actions: VecDeque::new(),
        }
    }

    /// Bytes came on a connection: whoever is behind it is there, though its next HELLO may wait behind much else on
    /// a slow link.
    pub fn alive(&mut self, link: NeighbourLink, now: u64) {
        if let Some(neighbour) = self.neighbours.values_mut().find(|known| known.link == link) {
            neighbour.heard = now;
        }
    }

    /// Start time told to others, seconds.
    #[must_use]
    pub fn instance(&self) -> u64 {
        self.instance
    }

    /// Other routers known, with route if reachable, by id.
    pub fn routers(&self) -> impl Iterator<Item = (&RouterId, u64, Option<&Route>)> {
        self.nodes.iter().map(|(id, node)| (id, node.instance, node.route.as_ref()))
    }

    /// Neighbours of a router by its newest link state; of the own router when `id` is its own.
    #[must_use]
    pub fn link_state(&self, id: &RouterId) -> Option<&LinkState> {
        if *id == self.id {
            return Some(&self.own);
        }
        self.nodes.get(id)?.state.as_ref().map(|(state, _)| state)
    }

    /// When the topology last changed, ms.
    #[must_use]
    pub fn changed_at(&self) -> Option<u64> {
        self.changed_at
    }

    /// A control link came up: HELLO goes out at once.
    pub fn link_up(&mut self, link: NeighbourLink, cost: u32) {
        self.links.insert(link, cost);
        let hello = self.hello();
        self.send(Destination::Link(link), hello);
    }

    /// A control link went down: its neighbour is lost at once.
    pub fn link_down(&mut self, link: NeighbourLink, now: u64) {
        self.links.remove(&link);
        let before = self.neighbours.len();
        self.neighbours.retain(|_, neighbour| neighbour.link != link);
        if self.neighbours.len() != before {
            self.own_links_changed(now);
        }
        self.settle(now);
    }

    /// The own router serves an address key from now on.
    pub fn address_added(&mut self, key: &str, treatment: u8) {
        if self.mobile.insert(key.to_owned(), treatment).is_none() && !self.deleted.remove(key) {
            self.added.insert(key.to_owned(), treatment);
        }
    }

    /// The own router serves an address key no longer.
    pub fn address_removed(&mut self, key: &str) {
        if self.mobile.remove(key).is_some() && self.added.remove(key).is_none() {
            self.deleted.insert(key.to_owned());
        }
    }

    /// Next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// A control message arrived over the connection `link`.
    pub fn receive(&mut self, link: NeighbourLink, message: ControlMessage, now: u64) {
        match message {
            ControlMessage::Hello(hello) => self.on_hello(link, &hello, now),
            other if *other.sender() == self.id => {}
            ControlMessage::Advertisement(message) => self.on_advertisement(&message, now),
            ControlMessage::LinkStateUpdate(message) => self.on_link_state(message, now),
            ControlMessage::LinkStateRequest(request) => {
                let update = LinkStateUpdate {
                    id: self.id.clone(),
                    instance: self.instance,
                    state: self.own.clone(),
                };
                self.answer(&request.id, link, ControlMessage::LinkStateUpdate(update));
            }
            ControlMessage::MobileRequest(request) => self.on_mobile_request(&request, link),
            ControlMessage::MobileUpdate(update) => self.on_mobile_update(update),
        }
        self.settle(now);
    }

    /// Time passed. Call at least every 100 ms while there are neighbours.
    pub fn tick(&mut self, now: u64) {
        if due(self.last_hello, self.settings.hello_interval, now) {
            self.last_hello = Some(now);
            let hello = self.hello();
            for link in self.links.keys().copied().collect::<Vec<_>>() {
                self.send(Destination::Link(link), hello.clone());
            }
        }
        let max_age = self.settings.hello_max_age;
        let before = self.neighbours.len();
        self.neighbours.retain(|_, neighbour| now.saturating_sub(neighbour.heard) <= max_age);
        if self.neighbours.len() != before {
            self.own_links_changed(now);
        }
        self.expire_states(now);
        self.settle(now);
        self.flush_mobile(now);
        let flux = self
            .changed_at
            .is_some_and(|at| now.saturating_sub(at) < 2 * self.settings.ra_interval_flux);
        let interval =
            if flux { self.settings.ra_interval_flux } else { self.settings.ra_interval };
        if due(self.last_advertisement, interval, now) {
            self.send_advertisement(now);
        }
    }

    // --- HELLO

    fn hello(&self) -> ControlMessage {
        ControlMessage::Hello(Hello {
            id: self.id.clone(),
            instance: self.instance,
            seen: self.neighbours.keys().cloned().collect(),
        })
    }

    fn on_hello(&mut self, link: NeighbourLink, hello: &Hello, now: u64) {
        if hello.id == self.id {
            if hello.instance != self.instance {
                error!("another router of this network has our id {}", self.id);
            }
            return;
        }
        let Some(cost) = self.links.get(&link).copied() else {
            return;
        };
        if self.node(&hello.id).is_none() {
            return;
        }
        self.check_instance(&hello.id, hello.instance, now);
        let mutual = hello.seen.contains(&self.id);
        let known = self.neighbours.get(&hello.id);
        let first = known.is_none();
        let changed = match known {
            Some(known) => known.mutual != mutual || known.link != link,
            None => mutual,
        };
        let entry = Neighbour { link, cost, heard: now, mutual };
        self.neighbours.insert(hello.id.clone(), entry);
        if first {
            // Answered at once, so that two new neighbours need one round trip, not two seconds.
            let hello = self.hello();
            self.send(Destination::Link(link), hello);
        }
        if changed {
            info!("router {} is {}", hello.id, if mutual { "a neighbour" } else { "half heard" });
            self.own_links_changed(now);
            if let Some(node) = self.nodes.get_mut(&hello.id) {
                node.wants_link_state = true;
                node.asked_link_state = None;
            }
        }
    }

    fn own_links_changed(&mut self, now: u64) {
        let peers = self
            .neighbours
            .iter()
            .filter(|(_, neighbour)| neighbour.mutual)
            .map(|(id, neighbour)| (id.clone(), neighbour.cost))
            .collect();
        if self.own.peers != peers {
            self.own.peers = peers;
            self.own.sequence += 1;
            self.advertise = true;
        }
        self.recompute = true;
        self.changed_at = Some(now);
    }

    // --- link states

    fn on_advertisement(&mut self, message: &Advertisement, now: u64) {
        if self.node(&message.id).is_none() {
            return;
        }
        self.check_instance(&message.id, message.instance, now);
        let Some(node) = self.nodes.get_mut(&message.id) else {
            return;
        };
        match node.state.as_mut() {
            Some((state, seen)) if state.sequence == message.link_state_sequence => *seen = now,
            _ => node.wants_link_state = true,
        }
        if node.mobile_sequence < message.mobile_sequence {
            node.wants_mobile = true;
        }
    }

    fn on_link_state(&mut self, message: LinkStateUpdate, now: u64) {
        if self.node(&message.id).is_none() {
            return;
        }
        self.check_instance(&message.id, message.instance, now);
        let Some(node) = self.nodes.get_mut(&message.id) else {
            return;
        };
        node.wants_link_state = false;
        node.asked_link_state = None;
        let old = node.state.replace((message.state, now));
        let same = match (&old, &node.state) {
            (Some((old, _)), Some((new, _))) => old.peers == new.peers,
            _ => false,
        };
        if !same {
            self.recompute = true;
            self.changed_at = Some(now);
        }
    }

    fn check_instance(&mut self, id: &RouterId, instance: u64, now: u64) {
        let Some(node) = self.nodes.get_mut(id) else {
            return;
        };
        if instance == 0 || node.instance == instance {
            return;
        }
        let restarted = node.instance != 0;
        node.restart(instance);
        if restarted {
            info!("router {id} restarted");
            self.drop_addresses(id);
            self.recompute = true;
            self.changed_at = Some(now);
        }
    }

    fn expire_states(&mut self, now: u64) {
        let max_age = self.settings.remote_max_age;
        for (id, node) in &mut self.nodes {
            let old =
                node.state.as_ref().is_some_and(|(_, seen)| now.saturating_sub(*seen) > max_age);
            if old && !self.neighbours.contains_key(id) {
                node.state = None;
                self.recompute = true;
                self.changed_at = Some(now);
            }
        }
        let holdoff = self.settings.holdoff;
        let named: SortedSet<&RouterId> = self
            .nodes
            .values()
            .filter(|node| node.route.is_some())
            .filter_map(|node| node.state.as_ref())
            .flat_map(|(state, _)| state.peers.keys())
            .chain(self.neighbours.keys())
            .collect();
        let gone: Vec<RouterId> = self
            .nodes
            .iter()
            .filter(|(id, node)| {
                !named.contains(id)
                    && node.unreachable_since.is_some_and(|at| now.saturating_sub(at) >= holdoff)
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            self.drop_addresses(&id);
            if let Some(node) = self.nodes.remove(&id) {
                info!("router {id} is gone");
                self.numbers.remove(node.number);
                self.actions.push_back(Action::RouterRemoved(node.number, id));
            }
        }
    }

    /// Finds or adds a router; none when the network is full.
    pub(super) fn node(&mut self, id: &RouterId) -> Option<&mut Node> {
        if !self.nodes.contains_key(id) {
            let free = (0..MAX_ROUTERS)
                .filter_map(|number| u8::try_from(number).ok())
                .map(RouterNumber)
                .find(|number| !self.numbers.contains(*number));
            let Some(number) = free else {
                error!("router {id} is ignored: the network has {MAX_ROUTERS} routers already");
                return None;
            };
            self.numbers.insert(number);
            self.nodes.insert(id.clone(), Node::new(number));
            self.actions.push_back(Action::RouterAdded(number, id.clone()));
        }
        self.nodes.get_mut(id)
    }

    pub(super) fn send_advertisement(&mut self, now: u64) {
        self.last_advertisement = Some(now);
        let message = Advertisement {
            id: self.id.clone(),
            instance: self.instance,
            link_state_sequence: self.own.sequence,
            mobile_sequence: self.mobile_sequence,
        };
        self.send(Destination::All, ControlMessage::Advertisement(message));
    }

    /// Answers over the route to the asker, or the way the question came.
    pub(super) fn answer(&mut self, to: &RouterId, link: NeighbourLink, message: ControlMessage) {
        let route = self.nodes.get(to).and_then(|node| node.route.as_ref());
        let link = route.map_or(link, |route| route.next_hop);
        self.send(Destination::Router(to.clone(), link), message);
    }

    pub(super) fn send(&mut self, to: Destination, message: ControlMessage) {
        if self.links.is_empty() {
            return;
        }
        self.actions.push_back(Action::Send(to, message));
    }
}

pub(super) fn due(last: Option<u64>, interval: u64, now: u64) -> bool {
    last.is_none_or(|last| now.saturating_sub(last) >= interval)
}
