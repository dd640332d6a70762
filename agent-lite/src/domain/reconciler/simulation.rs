//! Seeded schedules: the reconciler against a simulated engine that is slow, fails before or after a step took
//! effect, and an Agent that dies between any two steps. Every schedule must converge, and no order may be made
//! into a container twice. A failing seed is printed and replays.

use std::collections::BTreeMap;

use super::*;
use crate::domain::{ContainerId, ContainerState, Desired, Observation, Workload, container};
use crate::engine::simulated::Core;

const SEEDS: u64 = 1500;
const FOG: &str = "fog";
/// Virtual end of a schedule; far more than any back-off.
const END: u64 = 3_600_000;

/// xorshift64*: small, and the same on every machine.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }

    fn one_in(&mut self, limit: u64) -> bool {
        self.below(limit) == 0
    }
}

/// How an engine call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// Refused, nothing happened.
    Before,
    /// Done, but the answer was lost.
    After,
}

#[derive(Debug)]
enum Event {
    ListTaken { agent: u32, ticket: u64 },
    ListAnswered { agent: u32, ticket: u64, containers: Option<Vec<Container>> },
    Effect { agent: u32, action: Action, fault: Fault },
    Answer { agent: u32, action: Action, result: Result<Done, Failure> },
    Look { agent: u32 },
    AgentDies,
    ContainerEnds,
    Order,
}

struct World {
    random: Random,
    now: u64,
    /// By time, then by order of scheduling.
    events: BTreeMap<(u64, u32), Event>,
    scheduled: u32,
    engine: Core,
    /// What is on disk: survives the Agent.
    desired: Desired,
    orders: u64,
    agent: u32,
    reconciler: Reconciler,
    listing: bool,
    look_again: bool,
    crash_after: Option<u32>,
    steps: u32,
    calm_from: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            random: Random::new(seed),
            now: 0,
            events: BTreeMap::new(),
            scheduled: 0,
            engine: Core::default(),
            desired: Desired { accepted: true, ..Desired::default() },
            orders: 0,
            agent: 0,
            reconciler: new_reconciler(),
            listing: false,
            look_again: false,
            crash_after: None,
            steps: 0,
            calm_from: 600_000,
        };
        world.engine.plant("iofog_theirs", "other-fog", "theirs");
        world.engine.plant("web", "other-fog", "odd");
        world
    }

    fn at(&mut self, delay: u64, event: Event) {
        self.scheduled += 1;
        self.events.insert((self.now + delay, self.scheduled), event);
    }

    fn is_calm(&self) -> bool {
        self.now >= self.calm_from
    }

    fn delay(&mut self) -> u64 {
        match self.random.below(10) {
            0 => self.random.below(30_000),
            1..=3 => self.random.below(2_000),
            _ => self.random.below(100),
        }
    }

    fn run(&mut self) {
        let agent = self.agent;
        self.at(0, Event::Look { agent });
        while let Some(((time, _), event)) = self.events.pop_first() {
            if time > END {
                return;
            }
            self.now = time;
            self.handle(event);
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Look { agent } if agent == self.agent => self.look(),
            Event::ListTaken { agent, ticket } => {
                let failed = !self.is_calm() && self.random.one_in(8);
                let containers =
                    (!failed).then(|| self.engine.containers.values().cloned().collect());
                let delay = self.delay();
                self.at(delay, Event::ListAnswered { agent, ticket, containers });
            }
            Event::ListAnswered { agent, ticket, containers } if agent == self.agent => {
                self.plan(ticket, containers)
            }
            Event::Effect { agent, action, fault } => {
                // The engine carries on with calls of a dead Agent.
                let result = match fault {
                    Fault::Before => Err(Failure::Refused("simulated".into())),
                    Fault::None => self.engine.perform(&action.step),
                    Fault::After => {
                        let _ = self.engine.perform(&action.step);
                        Err(Failure::Unavailable("answer lost".into()))
                    }
                };
                let delay = self.delay();
                self.at(delay, Event::Answer { agent, action, result });
            }
            Event::Answer { agent, action, result } if agent == self.agent => {
                self.reconciler.finished(&action, result, Mono::from_millis(self.now));
                self.steps += 1;
                if self.crash_after == Some(self.steps) {
                    self.restart();
                } else {
                    self.look();
                }
            }
            Event::AgentDies => self.restart(),
            Event::ContainerEnds => {
                let running: Vec<ContainerId> = self
                    .own()
                    .filter(|one| one.state == ContainerState::Running)
                    .map(|one| one.id.clone())
                    .collect();
                if !running.is_empty() {
                    let at = usize::try_from(self.random.below(running.len() as u64)).unwrap();
                    self.engine.containers.get_mut(&running[at]).unwrap().state =
                        ContainerState::Exited;
                    self.look();
                }
            }
            Event::Order => self.order(),
            Event::Look { .. } | Event::ListAnswered { .. } | Event::Answer { .. } => {}
        }
    }

    /// A new process: memory is gone, disk and engine stay.
    fn restart(&mut self) {
        self.agent += 1;
        self.reconciler = new_reconciler();
        self.listing = false;
        let agent = self.agent;
        let delay = self.delay();
        self.at(delay, Event::Look { agent });
    }

    fn look(&mut self) {
        if self.listing {
            self.look_again = true;
            return;
        }
        self.listing = true;
        self.look_again = false;
        let (agent, ticket, delay) = (self.agent, self.reconciler.ticket(), self.delay());
        self.at(delay, Event::ListTaken { agent, ticket });
    }

    fn plan(&mut self, ticket: u64, containers: Option<Vec<Container>>) {
        self.listing = false;
        let agent = self.agent;
        let Some(containers) = containers else {
            self.at(5_000, Event::Look { agent });
            return;
        };
        let now = Mono::from_millis(self.now);
        let plan = self.reconciler.plan(&self.desired, &Observation { containers, ticket }, now);
        for action in plan.actions {
            let fault = match (self.is_calm(), self.random.below(10)) {
                (false, 0) => Fault::Before,
                (false, 1) => Fault::After,
                _ => Fault::None,
            };
            let delay = self.delay();
            self.at(delay, Event::Effect { agent, action, fault });
        }
        if self.look_again {
            self.look();
        }
        let wake = plan.wake_at.map_or(60_000, |at| at.as_millis() - self.now).min(60_000);
        self.at(wake, Event::Look { agent });
    }

    /// Adds, changes, rebuilds or drops a microservice; every order is unlike all before it.
    fn order(&mut self) {
        self.orders += 1;
        let number = self.orders;
        let choice = self.random.below(5);
        let count = self.desired.workloads.len() as u64;
        if choice < 2 || count == 0 {
            self.desired.workloads.push(workload(number));
        } else {
            let at = usize::try_from(self.random.below(count)).unwrap();
            match choice {
                2 => self.desired.workloads[at].env = vec![("N".into(), number.to_string())],
                3 => self.desired.workloads[at].rebuild = number,
                _ => drop(self.desired.workloads.remove(at)),
            }
        }
        self.look();
    }

    fn own(&self) -> impl Iterator<Item = &Container> {
        self.engine
            .containers
            .values()
            .filter(|one| one.fog.as_ref().is_some_and(|fog| fog.as_str() == FOG))
    }

    /// Exactly what is desired runs, made to order, once; others are untouched.
    fn verify(&self) -> Result<(), String> {
        for (order, count) in &self.engine.creations {
            if *count > 1 {
                return Err(format!("{order:?} was created {count} times"));
            }
        }
        if self
            .engine
            .containers
            .values()
            .filter(|one| one.fog.as_ref().is_some_and(|fog| fog.as_str() == "other-fog"))
            .count()
            != 2
        {
            return Err("a container of another node was touched".into());
        }
        for wanted in &self.desired.workloads {
            let made: Vec<&Container> =
                self.own().filter(|one| one.microservice == wanted.uuid).collect();
            let [one] = made.as_slice() else {
                return Err(format!("{} has {} containers", wanted.uuid, made.len()));
            };
            let fits = one.state == ContainerState::Running
                && one.fingerprint == Some(container::fingerprint(wanted, &node()))
                && one.rebuild == wanted.rebuild;
            if !fits {
                return Err(format!("{} is not as ordered: {one:?}", wanted.uuid));
            }
        }
        match self.own().find(|one| {
            !self.desired.workloads.iter().any(|wanted| wanted.uuid == one.microservice)
        }) {
            Some(left) => Err(format!("{} was left over", left.microservice)),
            None => Ok(()),
        }
    }
}

fn node() -> NodeFacts {
    NodeFacts { fog: FOG.into(), ..NodeFacts::default() }
}

fn new_reconciler() -> Reconciler {
    Reconciler::new(node(), iofog_sorted::SortedSet::new())
}

fn workload(number: u64) -> Workload {
    let image = format!("app:{}", number % 3);
    Workload { uuid: format!("ms-{number}").as_str().into(), image, ..Workload::default() }
}

#[test]
fn every_seeded_schedule_converges() {
    let mut deaths = 0;
    let mut creations = 0;
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        for _ in 0..world.random.below(10) + 1 {
            let time = world.random.below(world.calm_from);
            world.at(time, Event::Order);
        }
        for _ in 0..world.random.below(6) {
            let time = world.random.below(world.calm_from);
            world.at(time, Event::AgentDies);
            deaths += 1;
        }
        for _ in 0..world.random.below(4) {
            let time = world.random.below(world.calm_from);
            world.at(time, Event::ContainerEnds);
        }
        world.run();
        creations += world.engine.creations.len();
        if let Err(reason) = world.verify() {
            panic!("seed {seed}: {reason}");
        }
    }
    assert!(
        deaths > 1000 && creations > 3000,
        "the schedules lost their variety: {deaths} deaths, {creations} creations"
    );
}

#[test]
fn death_after_every_single_step_converges() {
    let mut longest = 0;
    for crash_after in 1..200 {
        let mut world = World::new(7);
        world.calm_from = 0;
        world.crash_after = Some(crash_after);
        for _ in 0..3 {
            world.order();
        }
        world.at(100_000, Event::Order);
        world.at(200_000, Event::Order);
        world.run();
        world.verify().unwrap_or_else(|reason| panic!("death after step {crash_after}: {reason}"));
        longest = longest.max(world.steps);
        if world.steps < crash_after {
            assert!(crash_after > 10, "the schedule has no steps");
            return;
        }
    }
    panic!("the schedule never ended, {longest} steps");
}

#[test]
fn a_restart_during_calm_does_nothing_at_all() {
    let mut world = World::new(3);
    world.calm_from = 0;
    world.desired.workloads = vec![workload(1), workload(2)];
    world.run();
    let (before, steps) = (world.engine.containers.clone(), world.steps);
    world.events.clear();
    world.now = 0;
    world.restart();
    world.run();
    assert_eq!((world.engine.containers.clone(), world.steps), (before, steps));
    assert!(steps >= 6);
}
