//! Runs the mappings of a configuration and applies changes to them while they run.

use std::cell::RefCell;
use std::rc::Rc;

use iofog_sorted::SortedMap;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::context::{Context, MappingTask};
use crate::counters::{Counters, MappingState};
use crate::domain::config::ProxyConfig;
use crate::domain::mapping::{Direction, Mapping, Protocol};
use crate::farewell::Farewells;
use crate::http;
use crate::link::Network;
use crate::status::{MappingStatus, ProxyStatus};
use crate::tcp;

/// The mappings of one proxy.
pub(crate) struct Supervisor<N: Network> {
    context: Rc<Context<N>>,
    state: RefCell<State>,
    router_changed: watch::Sender<u32>,
}

#[derive(Default)]
struct State {
    config: ProxyConfig,
    running: SortedMap<String, Running>,
}

struct Running {
    counters: Rc<Counters>,
    task: Option<JoinHandle<()>>,
    farewells: Farewells,
}

// === impl Supervisor ===

impl<N: Network> Supervisor<N> {
    /// A proxy without mappings.
    pub(crate) fn new(context: Context<N>, router: ProxyConfig) -> Self {
        let config = ProxyConfig { mappings: Vec::new(), ..router };
        let state = RefCell::new(State { config, ..State::default() });
        Self { context: Rc::new(context), state, router_changed: watch::Sender::new(0) }
    }

    /// Goes over to `next`: stops, starts, and connects to `router` when it is another one. Mappings in
    /// both configurations keep running.
    pub(crate) fn apply(&self, next: ProxyConfig, router: Option<N>) {
        let mut state = self.state.borrow_mut();
        let change = state.config.change_to(&next);
        for name in &change.stop {
            if let Some(running) = state.running.remove(name) {
                log::info!("{name}: stopped");
                running.stop();
            }
        }
        if let Some(router) = router.filter(|_| change.reconnect) {
            self.context.network.replace(Rc::new(router));
            self.router_changed.send_modify(|generation| *generation = generation.wrapping_add(1));
        }
        for name in change.start {
            let running = self.start(&name);
            state.running.insert(name, running);
        }
        state.config = next;
    }

    /// State and counters of every mapping.
    pub(crate) fn status(&self) -> ProxyStatus {
        let state = self.state.borrow();
        let mappings = state
            .running
            .iter()
            .map(|(name, running)| MappingStatus::read(name, &running.counters));
        ProxyStatus { mappings: mappings.collect() }
    }

    /// Stops every mapping and waits until their ports are closed.
    pub(crate) async fn shutdown(&self) {
        let running = std::mem::take(&mut self.state.borrow_mut().running);
        self.state.borrow_mut().config.mappings.clear();
        for (_, running) in running {
            if let Some(task) = running.stop() {
                let _ = task.await;
            }
        }
    }

    fn start(&self, name: &str) -> Running {
        let counters = Rc::new(Counters::default());
        let farewells = Farewells::default();
        let mapping: Mapping = match name.parse() {
            Ok(mapping) => mapping,
            Err(error) => {
                log::warn!("mapping skipped: {error}");
                counters.set_state(MappingState::Failed(error.to_string()));
                return Running { counters, task: None, farewells };
            }
        };
        let task = MappingTask {
            context: Rc::clone(&self.context),
            name: name.trim().to_owned(),
            mapping,
            counters: Rc::clone(&counters),
            router_changed: self.router_changed.subscribe(),
            router_up: watch::Sender::new(false),
            farewells: farewells.clone(),
        };
        log::info!("{name}: started");
        let spawned = match (task.mapping.direction, task.mapping.protocol) {
            (Direction::Ingress, Protocol::Http) => iofog_task::spawn(http::ingress::run(task)),
            (Direction::Egress, Protocol::Http) => iofog_task::spawn(http::egress::run(task)),
            (Direction::Ingress, Protocol::Tcp) => iofog_task::spawn(tcp::ingress::run(task)),
            (Direction::Egress, Protocol::Tcp) => iofog_task::spawn(tcp::egress::run(task)),
            (direction, protocol @ Protocol::Http2) => match (self.context.http2, direction) {
                (Some(http2), Direction::Ingress) => (http2.ingress)(task),
                (Some(http2), Direction::Egress) => (http2.egress)(task),
                (None, _) => {
                    let text = format!("protocol {} is not supported", protocol.name());
                    log::warn!("{name}: {text}");
                    counters.set_state(MappingState::Failed(text));
                    return Running { counters, task: None, farewells };
                }
            },
        };
        Running { counters, task: Some(spawned), farewells }
    }
}

impl<N: Network> Drop for Supervisor<N> {
    fn drop(&mut self) {
        for (_, running) in std::mem::take(&mut self.state.borrow_mut().running) {
            if let Some(task) = running.task {
                task.abort();
            }
        }
    }
}

// === impl Running ===

impl Running {
    fn stop(self) -> Option<JoinHandle<()>> {
        let task = self.task?;
        if self.farewells.wanted() {
            // It closes its port at once, and ends by itself.
            self.farewells.ask();
        } else {
            task.abort();
        }
        Some(task)
    }
}
