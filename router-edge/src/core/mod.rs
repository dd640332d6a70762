//! The router without I/O: connections as bytes in and out, addresses, forwarding, settlement,
//! the edge and inter-router protocols.

mod attach;
mod authenticate;
mod choose;
mod conn;
mod containers;
mod control;
mod credit;
mod delivery;
mod detach;
mod direct;
mod drops;
mod edge;
mod egress;
mod events;
mod hold;
mod ingress;
mod interior;
mod link;
mod link_route;
mod lookup;
mod manage;
mod metadata;
mod open;

mod policy;
mod refuse;
mod relay;
mod settle;
mod slab;
mod streams;
mod table;
mod tracking;

pub use conn::{ConnSpec, Direction, TlsFacts};
pub use drops::{DropReason, Drops};
pub use link::Delays;
pub use manage::{Command, CommandAction, Entities, Machine};
pub use slab::ConnId;

use std::collections::HashMap;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use iofog_amqp_engine::{CloseReason, InitialSerials, Millis};

use crate::address::{Class, Key, Rules};
use crate::config::{Mode, RouterConfig, RouterId, Settings};
use crate::network::{NeighbourLink, Network, Route, RouterNumber};
use conn::Conn;
use delivery::Delivery;
use link::Link;
use slab::{AddressKey, DeliveryId, LinkKey, Slab};
use table::Table;

/// A router. The driver's loop for each connection: append bytes to [`Core::input`], call
/// [`Core::received`]; then for each connection of [`Core::take_dirty`] write [`Core::output`] and
/// report by [`Core::wrote`]. Call [`Core::tick`] at least every [`Core::tick_interval`].
#[derive(Debug, Clone)]
pub struct Core {
    id: RouterId,
    mode: Mode,
    settings: Settings,
    /// `0/<id>`: how messages name this router.
    node: Bytes,
    now: Millis,
    conns: Slab<ConnId, Conn>,
    links: Slab<LinkKey, Link>,
    deliveries: Slab<DeliveryId, Delivery>,
    table: Table,
    network: Option<Network>,
    routers: Vec<Option<Remote>>,
    router_numbers: HashMap<Rc<str>, RouterNumber>,
    /// Edge: the connection in use towards the interior.
    uplink: Option<edge::Uplink>,
    /// The last interior above leads links on; true before there was one, and in interiors.
    leads_links: bool,
    /// Edge: stands for everything that only the interior can reach.
    up_address: Option<AddressKey>,
    dirty: Vec<ConnId>,
    combine: BytesMut,
    chosen: Vec<delivery::Out>,
    numbers: u64,
    initial: InitialSerials,
    names: Names,
    totals: Totals,
    entities: Entities,
    link_routes: Vec<link_route::LinkRoute>,
    containers: containers::Containers,
    users: crate::identity::Users,
    lookups: lookup::Lookups,
    policy: policy::Policy,
}

/// Another interior router.
#[derive(Debug, Clone)]
struct Remote {
    id: RouterId,
    route: Option<Route>,
}

/// Counters of the whole router.
#[derive(Debug, Clone, Copy, Default)]
pub struct Totals {
    /// Deliveries that came in.
    pub ingress: u64,
    /// Deliveries that went out.
    pub egress: u64,
    /// Of these, between other routers only.
    pub transit: u64,
    /// Outcome accepted.
    pub accepted: u64,
    /// Outcome rejected.
    pub rejected: u64,
    /// Outcome released.
    pub released: u64,
    /// Outcome modified.
    pub modified: u64,
    /// Came pre-settled.
    pub presettled: u64,
    /// Came pre-settled and were lost.
    pub drops: Drops,
    /// Took long to be settled.
    pub delays: Delays,
    /// Connections that were made, in either direction.
    pub connections: u64,
}

/// Makes names that no one else has.
#[derive(Debug, Clone)]
struct Names(u64);

/// What is open and known, for people and tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Snapshot {
    /// Open connections.
    pub connections: usize,
    /// Attached links.
    pub links: usize,
    /// Mobile addresses.
    pub addresses: usize,
    /// Interior routers that can be reached.
    pub routers: usize,
    /// Deliveries on their way.
    pub deliveries: usize,
    /// Edge: the connection to the interior that is in use.
    pub uplink: Option<ConnId>,
    /// Link routes that are known.
    pub link_routes: usize,
    /// Auto links that are configured.
    pub auto_links: usize,
    /// Sending links whose queue waits for credit or room.
    pub links_blocked: usize,
}

impl Core {
    /// A router without connections. `seed` makes its names unique; `instance` is the start time
    /// in seconds.
    #[must_use]
    pub fn new(config: &RouterConfig, seed: u64, instance: u64, now: Millis) -> Self {
        let settings = &config.settings;
        let rules = Rules::new(
            &config.addresses,
            settings.default_distribution,
            settings.presettled_overflow,
        );
        let network = (config.mode == Mode::Interior)
            .then(|| Network::new(config.id.clone(), instance, network_settings(&config.settings)));
        let mut core = Self {
            id: config.id.clone(),
            mode: config.mode,
            settings: config.settings.clone(),
            node: Bytes::from(format!("{}/{}", crate::address::AREA, config.id)),
            now,
            conns: Slab::new(),
            links: Slab::new(),
            deliveries: Slab::new(),
            table: Table::new(rules),
            network,
            routers: Vec::new(),
            router_numbers: HashMap::new(),
            uplink: None,
            leads_links: true,
            up_address: None,
            dirty: Vec::new(),
            combine: BytesMut::new(),
            chosen: Vec::new(),
            numbers: 0,
            initial: InitialSerials::default(),
            names: Names(seed),
            totals: Totals::default(),
            entities: Entities::default(),
            link_routes: Vec::new(),
            containers: containers::Containers::default(),
            users: crate::identity::Users::default(),
            lookups: lookup::Lookups::default(),
            policy: policy::Policy::default(),
        };
        core.change_policy(config.policy.clone());
        for class in [Class::Local, Class::Mobile] {
            let key = Key { class, name: "$management" };
            let own = core.table.intern(key);
            if let Some(address) = core.table.get_mut(own) {
                address.in_process = true;
                address.open = true;
            }
        }
        if core.mode == Mode::Edge {
            let up = core.table.intern(Key { class: Class::Local, name: "_edge" });
            if let Some(address) = core.table.get_mut(up) {
                // Keeps the address while there is no uplink.
                address.producers.push(<LinkKey as slab::Id>::from_index(u32::MAX));
            }
            core.up_address = Some(up);
        }
        core
    }

    /// The router's id.
    #[must_use]
    pub fn id(&self) -> &RouterId {
        &self.id
    }

    /// Its part in the network.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Buffer for bytes read from the connection; none when it is gone.
    pub fn input(&mut self, conn: ConnId, room: usize) -> Option<&mut BytesMut> {
        Some(self.conns.get_mut(conn)?.engine.input(room))
    }

    /// Takes bytes in as they are; [`Self::received`] follows.
    pub fn feed(&mut self, conn: ConnId, piece: Bytes) {
        if let Some(conn) = self.conns.get_mut(conn) {
            conn.engine.feed(piece);
        }
    }

    /// Takes the first piece of the output out: the peer has it.
    pub fn take_output(&mut self, id: ConnId, now: Millis) -> Option<Bytes> {
        let piece = self.conns.get_mut(id)?.engine.take_output(now)?;
        self.wrote(id, 0, now);
        Some(piece)
    }

    /// Whether more bytes should be read now.
    #[must_use]
    pub fn wants_input(&self, conn: ConnId) -> bool {
        self.conns.get(conn).is_some_and(|conn| !conn.closed && conn.engine.wants_input())
    }

    /// Bytes were appended to the input.
    pub fn received(&mut self, id: ConnId, now: Millis) {
        self.now = now;
        if let Some(conn) = self.conns.get_mut(id) {
            conn.engine.received(now);
            if conn.routing.announced
                && let Some(network) = self.network.as_mut()
            {
                network.alive(NeighbourLink(id.number()), now.0);
            }
            self.touch(id);
        }
        self.run();
    }

    /// The stream of a connection ended.
    pub fn input_ended(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(id) {
            conn.engine.input_ended();
            self.touch(id);
        }
        self.run();
    }

    /// Goes over to the address rules of another configuration. Addresses in use keep their treatment
    /// until nobody uses them any more, as with rules made by management.
    pub fn change_rules(
        &mut self,
        from: &[crate::config::AddressRule],
        to: &[crate::config::AddressRule],
    ) {
        self.table.rules.change(from, to);
    }

    /// Asks for an orderly close of a connection.
    pub fn close(&mut self, id: ConnId, error: Option<iofog_amqp::Error>) {
        if let Some(conn) = self.conns.get_mut(id) {
            conn.engine.close(error);
            self.touch(id);
        }
        self.run();
    }

    /// Asks for an orderly close of every connection.
    pub fn close_all(&mut self, error: &iofog_amqp::Error) {
        for id in self.conns.keys() {
            self.close(id, Some(error.clone()));
        }
    }

    /// Forgets every connection at once.
    pub fn drop_all(&mut self) {
        for id in self.conns.keys() {
            self.remove(id);
        }
    }

    /// Whether the connection has not been forgotten.
    #[must_use]
    pub fn exists(&self, id: ConnId) -> bool {
        self.conns.get(id).is_some()
    }

    /// Whether any connection is left.
    #[must_use]
    pub fn has_connections(&self) -> bool {
        self.conns.len() > 0
    }

    /// The socket of a connection is gone: forget it at once.
    pub fn remove(&mut self, id: ConnId) {
        self.connection_lost(id);
        self.conns.remove(id);
        self.dirty.retain(|dirty| *dirty != id);
        self.run();
    }

    /// Why a connection is over, once it is.
    #[must_use]
    pub fn close_reason(&self, id: ConnId) -> Option<&CloseReason> {
        self.conns.get(id)?.engine.close_reason()
    }

    /// Both sides have opened.
    #[must_use]
    pub fn is_open(&self, id: ConnId) -> bool {
        self.conns.get(id).is_some_and(|conn| conn.open && !conn.closed)
    }

    /// Time passed.
    pub fn tick(&mut self, now: Millis) {
        self.now = now;
        for id in self.conns.keys() {
            let Some(conn) = self.conns.get_mut(id) else {
                continue;
            };
            if conn.engine.next_deadline().is_some_and(|at| at <= now) {
                conn.engine.tick(now);
                self.touch(id);
            } else {
                conn.engine.rest(now);
            }
        }
        if let Some(network) = self.network.as_mut() {
            network.tick(now.0);
        }
        self.retry_auto_links();
        self.run();
        self.shrink();
    }

    /// Gives back memory that earlier load needed, and the present one does not.
    fn shrink(&mut self) {
        self.conns.shrink();
        self.links.shrink();
        self.deliveries.shrink();
        if self.combine.is_empty() {
            self.combine = BytesMut::new();
        }
    }

    /// How often [`Core::tick`] has to be called, ms.
    #[must_use]
    pub fn tick_interval(&self) -> u64 {
        // Interiors gather address changes for a moment; others only watch idle time-outs.
        if self.network.is_some() { 100 } else { 500 }
    }

    /// Connections with something to write or to end, each once. Their output is complete.
    pub fn take_dirty(&mut self, into: &mut Vec<ConnId>) {
        for id in self.dirty.drain(..) {
            if let Some(conn) = self.conns.get_mut(id) {
                conn.dirty = false;
                conn.engine.flush();
                into.push(id);
            }
        }
    }

    /// Up to `N` pieces to write, in order.
    #[must_use]
    pub fn output<const N: usize>(&self, id: ConnId) -> [&[u8]; N] {
        self.conns.get(id).map_or([&[]; N], |conn| conn.engine.output_chunks())
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub fn output_len(&self, id: ConnId) -> usize {
        self.conns.get(id).map_or(0, |conn| conn.engine.output_len())
    }

    /// The first `bytes` of the output were written.
    pub fn wrote(&mut self, id: ConnId, bytes: usize, now: Millis) {
        self.now = now;
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        conn.engine.wrote(bytes, now);
        if !conn.backlog.is_empty() {
            self.pump_backlog(id);
            self.touch(id);
            self.run();
        }
    }

    /// What is open and known.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            connections: self.conns.iter().filter(|(_, conn)| conn.open && !conn.closed).count(),
            links: self.links.iter().filter(|(_, link)| link.attached).count(),
            addresses: self.table.iter().filter(|(_, a)| a.class == Class::Mobile).count(),
            routers: self.routers.iter().flatten().filter(|remote| remote.route.is_some()).count(),
            deliveries: self.deliveries.len(),
            uplink: self.uplink.as_ref().map(|uplink| uplink.conn),
            link_routes: self.link_routes.len(),
            auto_links: self.containers.auto_links.len(),
            links_blocked: self
                .links
                .iter()
                .filter(|(_, link)| !link.outgoing.queue.is_empty())
                .count(),
        }
    }

    /// Counters since the start.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    fn touch(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(id)
            && !conn.dirty
        {
            conn.dirty = true;
            self.dirty.push(id);
        }
    }

    /// Edge: identity of the connection in use towards the interior.
    fn uplink_number(&self) -> Option<u64> {
        let uplink = self.uplink.as_ref()?;
        Some(self.conns.get(uplink.conn)?.number)
    }

    fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}

/// Our `product` property.
const PRODUCT: &str = "iofog-router";

fn network_settings(from: &Settings) -> crate::network::Settings {
    let ms = |seconds: u32| u64::from(seconds) * 1_000;
    crate::network::Settings {
        hello_interval: ms(from.hello_interval),
        hello_max_age: ms(from.hello_max_age),
        ra_interval: ms(from.ra_interval),
        ra_interval_flux: ms(from.ra_interval_flux),
        remote_max_age: ms(from.remote_ls_max_age),
        holdoff: ms(from.unreachable_holdoff),
        ..crate::network::Settings::default()
    }
}

impl Names {
    /// 15 characters (splitmix64; unique, not secret).
    fn next(&mut self) -> String {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut name = String::with_capacity(15);
        for _ in 0..2 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut bits = self.0;
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bits ^= bits >> 31;
            for _ in 0..8 {
                let letter = LETTERS.get((bits & 63) as usize).copied().unwrap_or(b'A');
                name.push(char::from(letter));
                bits >>= 6;
            }
        }
        name.truncate(15);
        name
    }
}
