//! Networks of several path engines under a virtual clock.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::config::RouterId;

/// Routers joined by links that can be cut.
struct World {
    now: u64,
    routers: BTreeMap<&'static str, Router>,
    links: BTreeSet<(&'static str, &'static str)>,
}

struct Router {
    network: Network,
    ids: BTreeMap<u8, String>,
    routes: BTreeMap<String, Route>,
    mapped: BTreeSet<String>,
}

impl World {
    fn new(names: &[&'static str]) -> Self {
        let mut world = Self { now: 1_000, routers: BTreeMap::new(), links: BTreeSet::new() };
        for name in names {
            world.start(name, 1);
        }
        world
    }

    fn start(&mut self, name: &'static str, instance: u64) {
        let router = Router {
            network: Network::new(RouterId::new(name), instance, Settings::default()),
            ids: BTreeMap::new(),
            routes: BTreeMap::new(),
            mapped: BTreeSet::new(),
        };
        self.routers.insert(name, router);
    }

    /// A neighbour link is named by the first letter of the other side.
    fn link_to(name: &str) -> NeighbourLink {
        NeighbourLink(u32::from(name.as_bytes()[0]))
    }

    fn connect(&mut self, a: &'static str, b: &'static str, cost: u32) {
        for (from, to) in [(a, b), (b, a)] {
            self.links.insert((from, to));
            let router = self.routers.get_mut(from).unwrap();
            router.network.link_up(Self::link_to(to), cost);
        }
        self.deliver();
    }

    fn cut(&mut self, a: &'static str, b: &'static str) {
        for (from, to) in [(a, b), (b, a)] {
            self.links.remove(&(from, to));
            let now = self.now;
            let router = self.routers.get_mut(from).unwrap();
            router.network.link_down(Self::link_to(to), now);
        }
        self.deliver();
    }

    fn run(&mut self, ms: u64) {
        for _ in 0..ms / 100 {
            self.now += 100;
            for router in self.routers.values_mut() {
                router.network.tick(self.now);
            }
            self.deliver();
        }
    }

    /// Carries every message to where it goes, hop by hop.
    fn deliver(&mut self) {
        let mut steps = 0;
        while let Some((from, action)) = self
            .routers
            .iter_mut()
            .find_map(|(name, router)| Some((*name, router.network.poll_action()?)))
        {
            steps += 1;
            assert!(steps < 100_000, "messages never end");
            self.act(from, action);
        }
    }

    fn act(&mut self, from: &'static str, action: Action) {
        let router = self.routers.get_mut(from).unwrap();
        match action {
            Action::Send(to, message) => self.carry(from, &to, &message),
            Action::RouterAdded(number, id) => {
                assert!(router.ids.insert(number.0, id.to_string()).is_none());
            }
            Action::RouterRemoved(number, id) => {
                assert_eq!(router.ids.remove(&number.0), Some(id.to_string()));
            }
            Action::Route(number, route) => {
                let id = router.ids[&number.0].clone();
                match route {
                    Some(route) => router.routes.insert(id, route),
                    None => router.routes.remove(&id),
                };
            }
            Action::Mapped(number, key, _) => {
                let id = &router.ids[&number.0];
                assert!(router.mapped.insert(format!("{key}@{id}")));
            }
            Action::Unmapped(number, key) => {
                let id = &router.ids[&number.0];
                assert!(router.mapped.remove(&format!("{key}@{id}")));
            }
        }
    }

    fn carry(&mut self, from: &'static str, to: &Destination, message: &ControlMessage) {
        let mut stack: Vec<(&'static str, &'static str)> = self
            .links
            .iter()
            .filter(|(a, b)| {
                *a == from
                    && match to {
                        Destination::Link(link) | Destination::Router(_, link) => {
                            *link == Self::link_to(b)
                        }
                        Destination::All => true,
                    }
            })
            .copied()
            .collect();
        let mut seen = BTreeSet::from([from]);
        while let Some((sender, at)) = stack.pop() {
            let now = self.now;
            if !seen.insert(at) {
                continue; // the trace names this router: a passing loop
            }
            if let Destination::Router(target, _) = to
                && target.as_str() != at
            {
                let next = self.routers[at].routes.get(target.as_str());
                if let Some(next) = next.map(|route| route.next_hop) {
                    stack.extend(
                        self.links.iter().filter(|(a, b)| *a == at && Self::link_to(b) == next),
                    );
                }
                continue;
            }
            let router = self.routers.get_mut(at).unwrap();
            router.network.receive(Self::link_to(sender), message.clone(), now);
            if *to == Destination::All {
                stack.extend(self.links.iter().filter(|(a, _)| *a == at));
            }
        }
    }

    fn route(&self, from: &str, to: &str) -> Option<(char, u32)> {
        let route = self.routers[from].routes.get(to)?;
        Some((char::from_u32(route.next_hop.0).unwrap(), route.cost))
    }

    fn origins(&self, at: &str, to: &str) -> Vec<String> {
        let router = &self.routers[at];
        let numbers = router.routes[to].valid_origins.iter();
        numbers.map(|number| router.ids[&number.0].clone()).collect()
    }

    fn mapped(&self, at: &str) -> Vec<String> {
        self.routers[at].mapped.iter().cloned().collect()
    }
}

fn line() -> World {
    let mut world = World::new(&["A", "B", "C"]);
    world.connect("A", "B", 1);
    world.connect("B", "C", 1);
    world.run(3_000);
    world
}

#[test]
fn neighbours_meet_without_waiting_for_the_clock() {
    let mut world = World::new(&["A", "B"]);
    world.connect("A", "B", 1);
    assert_eq!(world.route("A", "B"), Some(('B', 1)));
    assert_eq!(world.route("B", "A"), Some(('A', 1)));
}

#[test]
fn a_line_of_three_knows_its_paths_and_origins() {
    let world = line();
    assert_eq!(world.route("A", "C"), Some(('B', 2)));
    assert_eq!(world.route("C", "A"), Some(('B', 2)));
    assert_eq!(world.origins("B", "C"), ["A"]);
    assert_eq!(world.origins("B", "A"), ["C"]);
    assert!(world.origins("A", "C").is_empty());
}

#[test]
fn a_ring_takes_the_cheap_way_and_heals() {
    let mut world = line();
    world.connect("A", "C", 5);
    world.run(3_000);
    assert_eq!(world.route("A", "C"), Some(('B', 2)));
    world.cut("A", "B");
    world.run(200);
    assert_eq!(world.route("A", "C"), Some(('C', 5)));
    assert_eq!(world.route("A", "B"), Some(('C', 6)));
    world.connect("A", "B", 1);
    world.run(200);
    assert_eq!(world.route("A", "C"), Some(('B', 2)));
}

#[test]
fn addresses_travel_and_go() {
    let mut world = line();
    world.routers.get_mut("A").unwrap().network.address_added("Mq", 3);
    world.run(200);
    assert_eq!(world.mapped("C"), ["Mq@A"]);
    let a = &mut world.routers.get_mut("A").unwrap().network;
    a.address_removed("Mq");
    a.address_added("Mr", 2);
    world.run(200);
    assert_eq!(world.mapped("C"), ["Mr@A"]);
    assert_eq!(world.mapped("B"), ["Mr@A"]);
    assert!(world.mapped("A").is_empty());
}

#[test]
fn a_late_router_asks_for_what_it_missed() {
    let mut world = World::new(&["A", "B", "C"]);
    world.connect("A", "B", 1);
    let a = &mut world.routers.get_mut("A").unwrap().network;
    a.address_added("Mq", 3);
    world.run(2_000);
    world.connect("B", "C", 1);
    world.run(3_000);
    assert_eq!(world.mapped("C"), ["Mq@A"]);
}

#[test]
fn a_silent_neighbour_is_lost_and_its_addresses_dropped() {
    let mut world = line();
    world.routers.get_mut("A").unwrap().network.address_added("Mq", 3);
    world.run(500);
    // A falls silent without its link going down.
    world.links.remove(&("A", "B"));
    world.links.remove(&("B", "A"));
    world.run(2_500);
    assert_eq!(world.route("C", "A"), Some(('B', 2)));
    world.run(3_000);
    assert_eq!(world.route("C", "A"), None);
    assert_eq!(world.route("B", "A"), None);
    assert!(world.mapped("B").is_empty());
    assert!(world.mapped("C").is_empty());
}

#[test]
fn a_restarted_router_is_learnt_again() {
    let mut world = line();
    world.routers.get_mut("A").unwrap().network.address_added("Mq", 3);
    world.run(500);
    world.cut("A", "B");
    world.start("A", 2);
    world.connect("A", "B", 1);
    world.routers.get_mut("A").unwrap().network.address_added("Mr", 3);
    world.run(1_000);
    assert_eq!(world.mapped("C"), ["Mr@A"]);
    assert_eq!(world.route("C", "A"), Some(('B', 2)));
}

#[test]
fn quiet_networks_send_little() {
    let mut world = line();
    world.run(60_000);
    let a = &mut world.routers.get_mut("A").unwrap().network;
    let mut sent = 0;
    for step in 0..600 {
        a.tick(world.now + step * 100);
        while let Some(action) = a.poll_action() {
            sent += u32::from(matches!(action, Action::Send(..)));
        }
    }
    // 60 s: one HELLO a second and an RA every 30 s; neighbours age because none answers.
    assert!(sent <= 75, "{sent}");
}
