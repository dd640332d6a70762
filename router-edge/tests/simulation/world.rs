//! Routers, clients and wires on a virtual clock: one event after the other, in the order of time.

use std::collections::BTreeMap;

use iofog_amqp_engine::Millis;
use iofog_router::RouterConfig;
use iofog_router::config::{ConnectorConfig, ListenerConfig, Role};
use iofog_router::core::{ConnId, Core};

use super::books::{Books, ReceiverKey};
use super::client::{Client, Mood};
use super::random::Random;
use super::wire::Wire;

/// Who a wire leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Router(usize),
    Client(usize),
}

/// What a router keeps open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uplink {
    pub(crate) to: usize,
    pub(crate) role: Role,
    pub(crate) cost: u32,
}

pub(crate) struct Node {
    pub(crate) config: RouterConfig,
    pub(crate) uplinks: Vec<Uplink>,
    pub(crate) core: Option<Core>,
    /// How often it was started.
    pub(crate) life: u64,
    pub(crate) conns: Vec<(ConnId, usize)>,
}

#[derive(Debug)]
pub(crate) enum Event {
    /// Bytes of a wire may have arrived at its side.
    Arrive { wire: usize, side: usize },
    /// A router looks at its timers, in the life it was scheduled in.
    Tick { router: usize, life: u64 },
    /// A router dials an uplink that is down.
    Dial { router: usize, uplink: usize, life: u64 },
    /// A client has its turn.
    Turn { client: usize },
    /// A client dials.
    Call { client: usize },
}

/// Everything that exists in a schedule.
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) random: Random,
    pub(crate) books: Books,
    pub(crate) nodes: Vec<Node>,
    pub(crate) clients: Vec<Client>,
    /// Router of each client.
    pub(crate) homes: Vec<usize>,
    pub(crate) wires: Vec<Wire<Place>>,
    pub(crate) mood: Mood,
    lines: Vec<Option<usize>>,
    keys: ReceiverKey,
    events: BTreeMap<(u64, u64), Event>,
    scheduled: u64,
    /// Changes with everything that happens: equal for equal schedules.
    pub(crate) trace: u64,
}

impl World {
    pub(crate) fn new(random: Random) -> Self {
        Self {
            now: 0,
            random,
            books: Books::default(),
            nodes: Vec::new(),
            clients: Vec::new(),
            homes: Vec::new(),
            wires: Vec::new(),
            mood: Mood::Busy,
            lines: Vec::new(),
            keys: 0,
            events: BTreeMap::new(),
            scheduled: 0,
            trace: 0,
        }
    }

    pub(crate) fn add_router(&mut self, config: RouterConfig, uplinks: Vec<Uplink>) {
        self.nodes.push(Node { config, uplinks, core: None, life: 0, conns: Vec::new() });
        self.start_router(self.nodes.len() - 1);
    }

    /// A client of a router; it dials at once and has its first turn soon.
    pub(crate) fn add_client(&mut self, client: Client, home: usize) -> usize {
        self.clients.push(client);
        self.homes.push(home);
        self.lines.push(None);
        let client = self.clients.len() - 1;
        self.at(1, Event::Call { client });
        self.at(2, Event::Turn { client });
        client
    }

    pub(crate) fn at(&mut self, after: u64, event: Event) {
        self.scheduled += 1;
        self.events.insert((self.now + after, self.scheduled), event);
    }

    /// Lets that much time pass.
    pub(crate) fn run(&mut self, milliseconds: u64) {
        let end = self.now + milliseconds;
        while let Some(entry) = self.events.first_entry() {
            if entry.key().0 > end {
                break;
            }
            let ((time, _), event) = entry.remove_entry();
            self.now = time;
            self.trace = self.trace.rotate_left(5) ^ time.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.step(event);
        }
        self.now = end;
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Arrive { wire, side } => self.arrive(wire, side),
            Event::Tick { router, life } => {
                if self.nodes[router].life == life
                    && let Some(core) = self.nodes[router].core.as_mut()
                {
                    core.tick(Millis(self.now));
                    let interval = core.tick_interval();
                    self.pump(router);
                    self.at(interval, Event::Tick { router, life });
                }
            }
            Event::Dial { router, uplink, life } => self.dial(router, uplink, life),
            Event::Turn { client } => {
                let Self { clients, mood, now, random, books, .. } = self;
                clients[client].act(*mood, *now, random, books);
                if self.mood == Mood::Calm {
                    self.clients[client].reattach(&mut self.keys);
                }
                self.serve(client);
                let pause = match self.mood {
                    Mood::Busy => self.random.between(5, 60),
                    Mood::Calm => self.random.between(100, 400),
                };
                self.at(pause, Event::Turn { client });
            }
            Event::Call { client } => self.call(client),
        }
    }

    // === routers ===

    pub(crate) fn start_router(&mut self, router: usize) {
        let seed = self.random.below(u64::MAX);
        let node = &mut self.nodes[router];
        node.life += 1;
        let life = node.life;
        let instance = 1_000 + self.now / 1_000 + life;
        node.core = Some(Core::new(&node.config, seed, instance, Millis(self.now)));
        let uplinks = node.uplinks.len();
        let first = self.random.between(1, 100);
        self.at(first, Event::Tick { router, life });
        for uplink in 0..uplinks {
            let after = self.random.between(1, 50);
            self.at(after, Event::Dial { router, uplink, life });
        }
    }

    /// SIGKILL: what it had written is still under way.
    pub(crate) fn kill_router(&mut self, router: usize) {
        self.nodes[router].core = None;
        for (_, wire) in std::mem::take(&mut self.nodes[router].conns) {
            self.leave(wire, Place::Router(router));
        }
    }

    /// The wire that an edge router uses towards the interior.
    pub(crate) fn uplink_of(&self, edge: usize) -> Option<usize> {
        let node = &self.nodes[edge];
        let used = node.core.as_ref()?.snapshot().uplink?;
        node.conns.iter().find(|(conn, _)| *conn == used).map(|(_, wire)| *wire)
    }

    /// Links of all routers.
    pub(crate) fn links(&self) -> usize {
        let cores = self.nodes.iter().filter_map(|node| node.core.as_ref());
        cores.map(|core| core.snapshot().links).sum()
    }

    fn dial(&mut self, router: usize, uplink: usize, life: u64) {
        if self.nodes[router].life != life || self.nodes[router].core.is_none() {
            return;
        }
        let Uplink { to, role, cost } = self.nodes[router].uplinks[uplink];
        let now = Millis(self.now);
        if self.nodes[to].core.is_none() {
            let pause = self.random.between(500, 2_000);
            self.at(pause, Event::Dial { router, uplink, life });
            return;
        }
        let mut connector = ConnectorConfig::new(&format!("up{uplink}"), role, "sim", 1);
        connector.cost = cost;
        let mut listener = ListenerConfig::new(role, "", 1);
        listener.cost = cost;
        let wire = self.wires.len();
        self.wires.push(Wire::new([Place::Router(router), Place::Router(to)]));
        for (node, dials) in [(router, true), (to, false)] {
            let node = &mut self.nodes[node];
            if let Some(core) = node.core.as_mut() {
                let conn = if dials {
                    core.connect(&connector, None, now)
                } else {
                    core.accept(&listener, "sim".to_owned(), None, now)
                };
                node.conns.push((conn, wire));
            }
        }
        self.pump(to);
        self.pump(router);
    }

    /// Writes what a router has to write, and ends the connections that are over.
    pub(crate) fn pump(&mut self, router: usize) {
        let mut dirty = Vec::new();
        loop {
            let Some(core) = self.nodes[router].core.as_mut() else {
                return;
            };
            core.take_dirty(&mut dirty);
            if dirty.is_empty() {
                return;
            }
            for conn in dirty.drain(..) {
                let entry = self.nodes[router].conns.iter().find(|(id, _)| *id == conn);
                if let Some((_, wire)) = entry {
                    self.write(*wire, Place::Router(router));
                }
            }
        }
    }

    // === clients ===

    fn call(&mut self, client: usize) {
        let home = self.homes[client];
        let now = self.now;
        let Some(core) = self.nodes[home].core.as_mut() else {
            let pause = self.random.between(100, 1_000);
            self.at(pause, Event::Call { client });
            return;
        };
        let conn = core.accept(
            &ListenerConfig::new(Role::Normal, "", 1),
            "sim".to_owned(),
            None,
            Millis(now),
        );
        let wire = self.wires.len();
        self.nodes[home].conns.push((conn, wire));
        self.wires.push(Wire::new([Place::Client(client), Place::Router(home)]));
        self.lines[client] = Some(wire);
        self.clients[client].dial(now);
        self.serve(client);
        self.pump(home);
    }

    /// Lets a client take its events and write.
    pub(crate) fn serve(&mut self, client: usize) {
        let alive = self.clients[client].listen(&mut self.books, &mut self.keys);
        if let Some(wire) = self.lines[client] {
            self.write(wire, Place::Client(client));
            if !alive {
                self.lines[client] = None;
                self.clients[client].lost(&mut self.books);
                self.leave(wire, Place::Client(client));
                let pause = self.random.between(10, 2_000);
                self.at(pause, Event::Call { client });
            }
        }
    }

    /// The client's process ends; it dials again a little later.
    pub(crate) fn drop_client(&mut self, client: usize) {
        if let Some(engine) = self.clients[client].engine.as_mut() {
            engine.input_ended();
        }
        self.serve(client);
    }

    pub(crate) fn reattach(&mut self, client: usize) {
        self.clients[client].reattach(&mut self.keys);
        self.serve(client);
    }
}
