//! What the tasks of one router share: the core, and how to wake a connection's task.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;
use std::time::Instant;

use iofog_amqp_engine::Millis;
use iofog_sorted::SortedMap;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::options::RuntimeOptions;
use super::users::UsersFile;
use crate::config::{RouterConfig, SslProfile};
use crate::core::{ConnId, Core};

/// State of one router.
pub(super) struct Shared {
    pub(super) core: RefCell<Core>,
    pub(super) options: RuntimeOptions,
    pub(super) config: RefCell<RouterConfig>,
    pub(super) listeners: RefCell<SortedMap<String, ListenerTask>>,
    pub(super) connectors: RefCell<SortedMap<String, ConnectorTask>>,
    pub(super) timer: RefCell<Option<JoinHandle<()>>>,
    pub(super) steward: RefCell<Option<JoinHandle<()>>>,
    /// Told when management asks for something that needs sockets.
    pub(super) commands: Notify,
    pub(super) users: UsersFile,
    wakers: RefCell<Vec<Option<Waker>>>,
    started: Instant,
    random: Cell<u32>,
}

/// A listener that is open.
pub(super) struct ListenerTask {
    pub(super) address: std::net::SocketAddr,
    pub(super) task: JoinHandle<()>,
}

/// A connector that is kept.
pub(super) struct ConnectorTask {
    pub(super) state: Rc<RefCell<ConnectorState>>,
    pub(super) task: JoinHandle<()>,
}

/// Where a connector stands.
#[derive(Debug, Default)]
pub(super) struct ConnectorState {
    pub(super) conn: Option<ConnId>,
    pub(super) message: String,
    /// It is to end: no further attempt.
    pub(super) stopped: bool,
}

impl Shared {
    pub(super) fn new(
        core: Core,
        config: RouterConfig,
        options: RuntimeOptions,
        seed: u32,
    ) -> Self {
        Self {
            core: RefCell::new(core),
            options,
            users: UsersFile::new(config.settings.sasl_users_file.as_deref()),
            config: RefCell::new(config),
            listeners: RefCell::default(),
            connectors: RefCell::default(),
            timer: RefCell::default(),
            steward: RefCell::default(),
            commands: Notify::new(),
            wakers: RefCell::default(),
            started: Instant::now(),
            random: Cell::new(seed | 1),
        }
    }

    /// Time since the start.
    pub(super) fn now(&self) -> Millis {
        Millis(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Remembers how to wake the task of a connection.
    pub(super) fn set_waker(&self, conn: ConnId, waker: Option<&Waker>) {
        let mut wakers = self.wakers.borrow_mut();
        let index = conn.number() as usize;
        if wakers.len() <= index {
            wakers.resize(index + 1, None);
        }
        if let Some(place) = wakers.get_mut(index) {
            match (place.as_ref(), waker) {
                (Some(old), Some(new)) if old.will_wake(new) => {}
                _ => *place = waker.cloned(),
            }
        }
    }

    /// Wakes the tasks of connections with something to write. `own` is awake already.
    pub(super) fn wake_dirty(&self, own: Option<ConnId>) {
        let mut dirty = Vec::new();
        {
            let mut core = self.core.borrow_mut();
            core.take_dirty(&mut dirty);
            if core.has_commands() {
                self.commands.notify_one();
            }
        }
        let wakers = self.wakers.borrow();
        for conn in dirty {
            if Some(conn) != own
                && let Some(waker) = wakers.get(conn.number() as usize).and_then(Option::as_ref)
            {
                waker.wake_by_ref();
            }
        }
    }

    /// The profile of this name, as configuration or management last had it.
    pub(super) fn ssl_profile(&self, name: &str) -> Option<SslProfile> {
        let mut core = self.core.borrow_mut();
        core.entities_mut().ssl_profiles.iter().find(|profile| profile.name == name).cloned()
    }

    /// Shows management the listeners and connectors as they are.
    pub(super) fn sync_entities(&self) {
        let config = self.config.borrow();
        let connectors = self.connectors.borrow();
        let mut core = self.core.borrow_mut();
        let entities = core.entities_mut();
        entities.listeners.clone_from(&config.listeners);
        entities.connectors = config
            .connectors
            .iter()
            .map(|connector| {
                let entry = connectors.get(&connector.name);
                let message = entry.map(|entry| entry.state.borrow().message.clone());
                (connector.clone(), message.unwrap_or_default())
            })
            .collect();
    }

    /// Wakes every task, so that those of connections that are gone end.
    pub(super) fn wake_all(&self) {
        for waker in self.wakers.borrow().iter().flatten() {
            waker.wake_by_ref();
        }
    }

    /// A number in `0..below` (xorshift; for jitter only).
    pub(super) fn random(&self, below: u32) -> u32 {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        self.random.set(x);
        x % below.max(1)
    }
}
