//! One Controller that changes its mind, one Agent that follows, and what is between them.

use std::collections::BTreeMap;

use iofog_link::{
    AgentEvent, AgentSession, ControllerEvent, ControllerSession, Documents, Ending, KeepAlive,
    Kind, Offer, Outcome, Reconnect, Update,
};

use super::path::{Path, Pipe, Random};

pub(crate) struct World {
    pub(crate) random: Random,
    path: Path,
    now: u64,
    /// What the Controller wants.
    pub(crate) truth: BTreeMap<String, String>,
    rebuild: BTreeMap<String, u32>,
    generation: u64,
    dirty: bool,
    retry_at: Option<u64>,
    /// What the Agent has.
    pub(crate) has: BTreeMap<String, String>,
    applied: u64,
    known: Documents,
    keep_alive: KeepAlive,
    reconnect: Reconnect,
    dial_at: u64,
    link: Option<Link>,
    sent_before: usize,
    pub(crate) links: u32,
    pub(crate) cut_off: bool,
}

/// Both ends of an open connection.
struct Link {
    agent: AgentSession,
    controller: ControllerSession,
    up: Pipe,
    down: Pipe,
    since: u64,
}

impl World {
    pub(crate) fn new(seed: u64, path: Path) -> Self {
        Self {
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            path,
            now: 0,
            truth: BTreeMap::new(),
            rebuild: BTreeMap::new(),
            generation: 1,
            dirty: true,
            retry_at: None,
            has: BTreeMap::new(),
            applied: 0,
            known: Documents::new(),
            keep_alive: KeepAlive::default(),
            reconnect: Reconnect::new(seed as u32),
            dial_at: 0,
            link: None,
            sent_before: 0,
            links: 0,
            cut_off: false,
        }
    }

    /// One random change of what the Controller wants.
    pub(crate) fn change(&mut self) {
        let key = format!("m{}", self.random.below(12));
        match self.random.below(6) {
            0 => drop(self.truth.remove(&key)),
            1 if self.truth.contains_key(&key) => *self.rebuild.entry(key).or_default() += 1,
            _ => {
                let config = "c".repeat(self.random.below(9_000) as usize);
                let body = format!("{{\"uuid\":\"{key}\",\"config\":\"{config}\"}}");
                self.truth.insert(key, body);
            }
        }
        self.changed();
    }

    pub(crate) fn set(&mut self, key: &str, body: &str) {
        self.truth.insert(key.to_owned(), body.to_owned());
        self.changed();
    }

    fn changed(&mut self) {
        self.generation += 1;
        self.dirty = true;
    }

    /// Bytes sent both ways; those of the present and all past links.
    pub(crate) fn sent(&self) -> usize {
        let open = self.link.as_ref().map_or(0, |link| link.up.bytes + link.down.bytes);
        self.sent_before + open
    }

    pub(crate) fn run(&mut self, milliseconds: u64, step: u64) {
        let end = self.now + milliseconds;
        while self.now < end {
            self.now += step;
            self.step();
        }
    }

    /// Runs without further breaks until both sides agree.
    pub(crate) fn settle(&mut self) -> bool {
        self.path.breaks = 0;
        (0..4000).any(|_| {
            self.run(1_000, 100);
            let ordered = self.rebuild.keys().any(|key| self.truth.contains_key(key));
            self.has == self.truth && !ordered
        })
    }

    fn step(&mut self) {
        let now = self.now;
        let Some(mut link) = self.link.take().or_else(|| self.dial()) else { return };
        let lived = now - link.since;
        let broken = self.random.below(1_000_000) < self.path.breaks;
        if broken || !self.is_kept(&mut link) {
            self.keep_alive = link.agent.keep_alive();
            self.sent_before += link.up.bytes + link.down.bytes;
            self.dial_at = now + self.reconnect.delay(Ending::Closed(lived));
            return;
        }
        self.serve_controller(&mut link);
        self.serve_agent(&mut link);
        let (up, down) = (link.agent.output(now), link.controller.output(now));
        link.up.send(now, &up, self.path, &mut self.random);
        link.down.send(now, &down, self.path, &mut self.random);
        self.link = Some(link);
    }

    fn dial(&mut self) -> Option<Link> {
        if self.now < self.dial_at {
            return None;
        }
        if self.cut_off {
            self.dial_at = self.now + self.reconnect.delay(Ending::Failed);
            return None;
        }
        let program = "sim".try_into().unwrap();
        let agent =
            AgentSession::new(self.now, program, self.applied, &self.known, self.keep_alive);
        let controller = ControllerSession::new(self.now, 90);
        (self.dirty, self.links) = (true, self.links + 1);
        let (up, down) = (Pipe::default(), Pipe::default());
        Some(Link { agent, controller, up, down, since: self.now })
    }

    /// Lets time pass and bytes arrive; false when the link is over.
    fn is_kept(&self, link: &mut Link) -> bool {
        let now = self.now;
        if link.agent.tick(now).and_then(|()| link.controller.tick(now)).is_err() {
            return false;
        }
        if self.cut_off {
            return true;
        }
        while let Some(bytes) = link.up.arrived(now) {
            link.controller.receive(now, &bytes).unwrap();
        }
        while let Some(bytes) = link.down.arrived(now) {
            link.agent.receive(now, &bytes).unwrap();
        }
        true
    }

    fn serve_controller(&mut self, link: &mut Link) {
        while let Some(event) = link.controller.event() {
            match event {
                ControllerEvent::Open { .. } => self.dirty = true,
                ControllerEvent::Applied { rebuilt, .. } => {
                    self.rebuild.retain(|key, _| !rebuilt.iter().any(|one| one == key.as_str()));
                }
                ControllerEvent::Refused(seconds) => {
                    self.retry_at = Some(self.now + u64::from(seconds) * 1000);
                }
                ControllerEvent::Status(_) => {}
            }
        }
        if self.retry_at.is_some_and(|at| self.now >= at) {
            (self.retry_at, self.dirty) = (None, true);
        }
        if self.dirty && link.controller.may_offer() {
            link.controller.offer(&self.offer(), 0);
            self.dirty = false;
        }
    }

    fn offer(&self) -> Offer {
        let key = |text: &String| text.as_str().try_into().unwrap();
        let documents = self
            .truth
            .iter()
            .map(|(name, body)| ((Kind::Microservice, key(name)), body.clone().into_bytes()));
        let ordered = self.rebuild.keys().filter(|name| self.truth.contains_key(*name));
        Offer {
            generation: self.generation,
            flags: 0,
            documents: documents.collect(),
            rebuild: ordered.map(key).collect(),
        }
    }

    fn serve_agent(&mut self, link: &mut Link) {
        while let Some(event) = link.agent.event() {
            let AgentEvent::Update(update) = event else { continue };
            if self.random.below(20) == 0 {
                link.agent.applied(update.generation, Outcome::Refused(5));
                continue;
            }
            self.apply(&update);
            link.agent.applied(update.generation, Outcome::Done);
        }
    }

    fn apply(&mut self, update: &Update) {
        assert!(update.generation >= self.applied, "generations only grow here");
        if update.full {
            self.has.clear();
        }
        for (_, key) in &update.removed {
            assert!(self.has.remove(key.as_str()).is_some(), "removes what is there");
        }
        for ((_, key), body) in &update.put {
            let body = String::from_utf8(body.clone()).unwrap();
            self.has.insert(key.as_str().to_owned(), body);
        }
        update.note(&mut self.known);
        self.applied = update.generation;
    }
}
