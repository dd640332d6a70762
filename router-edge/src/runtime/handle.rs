//! Starts a router and steers it while it runs.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use iofog_amqp::{Error, condition};
use iofog_amqp_engine::Millis;
use iofog_pipe::{PipeEnd, pipe};

use super::options::{
    Applied, ApplyError, ConnectorStatus, RouterStatus, RuntimeOptions, StartError,
};
use super::shared::Shared;
use super::{connector, driver, listener};
use crate::config::{RouterConfig, SslProfile, diff};
use crate::core::{CommandAction, Core};

/// How long peers have to take our close.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(1);

/// A running router. Clones steer the same one; it runs until [`RouterHandle::shutdown`].
#[derive(Clone)]
pub struct RouterHandle {
    shared: Rc<Shared>,
}

/// Opens the listeners and starts the connectors. Must run inside a `LocalSet`.
///
/// # Errors
/// [`StartError`] when a listener cannot be opened; nothing is left running then.
pub async fn start(
    config: RouterConfig,
    options: RuntimeOptions,
) -> Result<RouterHandle, StartError> {
    let seed = RandomState::new().build_hasher().finish();
    let instance = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let mut core = Core::new(&config, seed, instance, Millis(0));
    core.start_serials_at(options.initial);
    core.entities_mut().owns_log = options.owns_log;
    core.entities_mut().machine = super::machine::MACHINE;
    let empty = RouterConfig {
        listeners: Vec::new(),
        connectors: Vec::new(),
        ssl_profiles: Vec::new(),
        link_routes: Vec::new(),
        auto_links: Vec::new(),
        ..config.clone()
    };
    let short = u32::try_from(seed & u64::from(u32::MAX)).unwrap_or(1);
    let shared = Rc::new(Shared::new(core, empty, options, short));
    let handle = RouterHandle { shared };
    let timer = iofog_task::spawn(tick(Rc::clone(&handle.shared)));
    *handle.shared.timer.borrow_mut() = Some(timer);
    let steward = iofog_task::spawn(serve_management(handle.clone()));
    *handle.shared.steward.borrow_mut() = Some(steward);
    if let Err(error) = handle.shared.users.load(&handle.shared) {
        handle.shutdown().await;
        return Err(error);
    }
    match handle.apply(config).await {
        Ok(_) => Ok(handle),
        Err(ApplyError::Start(error)) => {
            handle.shutdown().await;
            Err(error)
        }
        // The configuration was made from itself.
        Err(ApplyError::Rebuild) => Ok(handle),
    }
}

/// Does what management asks for and only the runtime can do.
async fn serve_management(handle: RouterHandle) {
    loop {
        handle.shared.commands.notified().await;
        loop {
            let command = handle.shared.core.borrow_mut().take_command();
            let Some(command) = command else {
                break;
            };
            let result = handle.carry_out(&command.action).await;
            handle.shared.sync_entities();
            handle.shared.core.borrow_mut().answer_command(command, result);
            handle.shared.wake_dirty(None);
        }
    }
}

async fn tick(shared: Rc<Shared>) {
    loop {
        let wait = shared.core.borrow().tick_interval();
        tokio::time::sleep(Duration::from_millis(wait)).await;
        let now = shared.now();
        shared.core.borrow_mut().tick(now);
        shared.wake_dirty(None);
    }
}

impl RouterHandle {
    /// A connection inside the process: speak AMQP on it as on a socket to a listener of role normal.
    #[must_use]
    pub fn connect_local(&self) -> PipeEnd {
        let (ours, theirs) = pipe();
        let now = self.shared.now();
        let conn = self.shared.core.borrow_mut().accept_local("in-process", now);
        iofog_task::spawn(driver::run_on(Rc::clone(&self.shared), conn, ours));
        theirs
    }

    /// Goes over to another configuration of the same router. Entities whose name is in both stay as
    /// they are, with their connections.
    ///
    /// # Errors
    /// [`ApplyError::Rebuild`] before anything was done; [`ApplyError::Start`] in the middle.
    pub async fn apply(&self, config: RouterConfig) -> Result<Applied, ApplyError> {
        let steps = diff(&self.shared.config.borrow(), &config);
        if steps.rebuild {
            return Err(ApplyError::Rebuild);
        }
        let mut applied = Applied::default();
        self.take_profiles(&config.ssl_profiles);
        for new in &steps.new_listeners {
            // The same port under another name: the old one has to go first.
            if let Ok(address) = listener::address_of(&self.shared, new).await {
                for old in &steps.old_listeners {
                    let at = self.shared.listeners.borrow().get(old).map(|old| old.address);
                    if at == Some(address) && address.port() != 0 {
                        self.close_listener(old, &mut applied);
                    }
                }
            }
            listener::open(&self.shared, new).await?;
            self.shared.config.borrow_mut().listeners.push(new.clone());
            applied.created.push(new.name.clone());
        }
        for new in &steps.new_connectors {
            connector::open(&self.shared, new)?;
            self.shared.config.borrow_mut().connectors.push(new.clone());
            applied.created.push(new.name.clone());
        }
        for old in &steps.old_listeners {
            self.close_listener(old, &mut applied);
        }
        for old in &steps.old_connectors {
            self.close_connector(old, &mut applied);
        }
        {
            let mut core = self.shared.core.borrow_mut();
            core.change_rules(&self.shared.config.borrow().addresses, &config.addresses);
            if self.shared.config.borrow().policy != config.policy {
                core.change_policy(config.policy.clone());
            }
            steps.old_link_routes.iter().for_each(|name| core.remove_route(name));
            steps.old_auto_links.iter().for_each(|name| core.remove_auto_link(name));
            steps.new_link_routes.into_iter().for_each(|route| core.add_route(route));
            steps.new_auto_links.into_iter().for_each(|link| core.add_auto_link(link));
        }
        {
            let mut current = self.shared.config.borrow_mut();
            current.addresses = config.addresses;
            current.link_routes = config.link_routes;
            current.auto_links = config.auto_links;
            current.policy = config.policy;
        }
        self.shared.wake_dirty(None);
        self.shared.sync_entities();
        Ok(applied)
    }

    /// Profiles that the configuration has, had, or changed; others were made by management and stay.
    fn take_profiles(&self, new: &[SslProfile]) {
        let old =
            std::mem::replace(&mut self.shared.config.borrow_mut().ssl_profiles, new.to_vec());
        let mut core = self.shared.core.borrow_mut();
        let profiles = &mut core.entities_mut().ssl_profiles;
        profiles.retain(|known| !old.iter().chain(new).any(|other| other.name == known.name));
        profiles.extend_from_slice(new);
    }

    async fn carry_out(&self, action: &CommandAction) -> Result<(), String> {
        let mut applied = Applied::default();
        match action {
            CommandAction::CreateListener(config) => {
                listener::open(&self.shared, config).await.map_err(|error| full_text(&error))?;
                self.shared.config.borrow_mut().listeners.push(config.clone());
            }
            CommandAction::CreateConnector(config) => {
                connector::open(&self.shared, config).map_err(|error| full_text(&error))?;
                self.shared.config.borrow_mut().connectors.push(config.clone());
            }
            CommandAction::DeleteListener(name) => self.close_listener(name, &mut applied),
            CommandAction::DeleteConnector(name) => self.close_connector(name, &mut applied),
        }
        Ok(())
    }

    /// Connections accepted earlier stay.
    fn close_listener(&self, name: &str, applied: &mut Applied) {
        let Some(entry) = self.shared.listeners.borrow_mut().remove(name) else {
            return;
        };
        entry.task.abort();
        self.shared.config.borrow_mut().listeners.retain(|listener| listener.name != name);
        applied.deleted.push(name.to_owned());
    }

    fn close_connector(&self, name: &str, applied: &mut Applied) {
        let Some(entry) = self.shared.connectors.borrow_mut().remove(name) else {
            return;
        };
        entry.state.borrow_mut().stopped = true;
        let conn = entry.state.borrow().conn;
        match conn {
            // Its task ends when the peer has answered, or at the idle time-out.
            Some(conn) => {
                self.shared.core.borrow_mut().close(conn, Some(forced("connector was deleted")));
                self.shared.wake_dirty(None);
            }
            None => entry.task.abort(),
        }
        self.shared.config.borrow_mut().connectors.retain(|connector| connector.name != name);
        applied.deleted.push(name.to_owned());
    }

    /// The configuration in effect.
    #[must_use]
    pub fn config(&self) -> RouterConfig {
        self.shared.config.borrow().clone()
    }

    /// The router, now.
    #[must_use]
    pub fn status(&self) -> RouterStatus {
        let core = self.shared.core.borrow();
        let snapshot = core.snapshot();
        let totals = core.totals();
        let listeners = self.shared.listeners.borrow();
        let connectors = self.shared.connectors.borrow();
        let connectors: Vec<ConnectorStatus> = connectors
            .iter()
            .map(|(name, entry)| {
                let state = entry.state.borrow();
                let connected = state.conn.is_some_and(|conn| core.is_open(conn));
                ConnectorStatus {
                    name: name.clone(),
                    connected,
                    message: if connected { String::new() } else { state.message.clone() },
                }
            })
            .collect();
        RouterStatus {
            connections: snapshot.connections,
            links: snapshot.links,
            addresses: snapshot.addresses,
            routers: snapshot.routers,
            uplink: snapshot.uplink.is_some()
                || (core.mode() != crate::config::Mode::Edge
                    && connectors.iter().all(|connector| connector.connected)),
            listeners: listeners.iter().map(|(name, l)| (name.clone(), l.address)).collect(),
            connectors,
            link_routes: snapshot.link_routes,
            deliveries: snapshot.deliveries,
            presettled_drops: totals.drops,
            deliveries_ingress: totals.ingress,
            deliveries_egress: totals.egress,
        }
    }

    /// Closes every connection, waits a moment for the peers' answers, and ends all tasks.
    pub async fn shutdown(&self) {
        for (_, entry) in std::mem::take(&mut *self.shared.listeners.borrow_mut()) {
            entry.task.abort();
        }
        let connectors = std::mem::take(&mut *self.shared.connectors.borrow_mut());
        for entry in connectors.values() {
            entry.state.borrow_mut().stopped = true;
        }
        self.shared.core.borrow_mut().close_all(&forced("router is stopping"));
        self.shared.wake_dirty(None);
        let gone = async {
            while self.shared.core.borrow().has_connections() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // Peers that do not answer lose the connection when their tasks end.
        let _ = tokio::time::timeout(SHUTDOWN_WAIT, gone).await;
        for entry in connectors.into_values() {
            entry.task.abort();
        }
        for task in [&self.shared.timer, &self.shared.steward] {
            if let Some(task) = task.borrow_mut().take() {
                task.abort();
            }
        }
        self.shared.core.borrow_mut().drop_all();
        self.shared.wake_all();
    }
}

/// The error with its cause.
fn full_text(error: &StartError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn forced(text: &str) -> Error {
    Error::new(condition::CONNECTION_FORCED, text)
}
