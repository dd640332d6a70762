//! The Controller's side of the Agent: identity, changes, status. Nothing the Controller says or fails to say
//! stops a workload, except an accepted list without it.

mod changes;
mod config_sync;
mod enrolment;
mod explain;
mod link;
mod link_status;
mod link_update;
mod position;
mod provision;
mod remote;
mod status;
mod status_body;

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;

pub use provision::ProvisionError;

use crate::clock::Clock;
use crate::config::{Config, ConfigFile, Setting};
use crate::context::{AgentContext, LocalMicroservice, Position, RouterAccess};
use crate::controller_client::{Access, ControllerClient, ControllerError};
use crate::domain::{EpochMillis, Kind, ListGate, MicroserviceState, Mono, NodeFacts, Report};
use crate::fault;
use crate::modules::Modules;
use crate::process_manager::ProcessManager;
use crate::remote::{Traces, Tunnel};
use crate::state::{EnrolmentFiles, Snapshot, StateStore};
use crate::update::{Facts, Updater};
use crate::usage::{NetworkInterface, Sampler, SpeedMeter, Usage, folder_bytes};

const USAGE_PERIOD: Duration = Duration::from_secs(10);

/// Version reported to the Controller: the contract line that is implemented.
pub const VERSION: &str = "3.1.0";

/// State of the link to the Controller (agent contract 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Provisioned, but the last call failed.
    NotConnected,
    /// The Controller's certificate is refused.
    BrokenCertificate,
    /// No identity.
    NotProvisioned,
    /// The last call succeeded.
    Ok,
}

/// The parts a field agent works with.
pub struct Parts {
    /// Configuration, as loaded.
    pub config: Config,
    /// Its file.
    pub file: ConfigFile,
    /// Persisted state, as loaded.
    pub state: Snapshot,
    /// Its file.
    pub store: StateStore,
    /// Files of the enrolment.
    pub enrolment: EnrolmentFiles,
    /// Containers.
    pub processes: ProcessManager,
    /// Built-in modules.
    pub modules: Modules,
    /// What is shared with Local API and bus.
    pub context: AgentContext,
    /// Time.
    pub clock: Clock,
    /// Self-update.
    pub updater: Updater,
    /// Hears each new configuration.
    pub on_change: Box<dyn Fn(&Config)>,
}

/// Handle on the field agent.
#[derive(Clone)]
pub struct FieldAgent {
    core: Rc<Core>,
}

struct Core {
    config: RefCell<Config>,
    file: RefCell<ConfigFile>,
    state: RefCell<Snapshot>,
    store: StateStore,
    enrolment: EnrolmentFiles,
    client: ControllerClient,
    processes: ProcessManager,
    modules: Modules,
    context: AgentContext,
    clock: Clock,
    link: Cell<Link>,
    /// When `link` last changed.
    link_since: Cell<Mono>,
    /// When this process last took a list of microservices.
    listed: Cell<Option<Mono>>,
    link_error: RefCell<String>,
    provisioning: Cell<bool>,
    /// The first complete pass of this process and identity was made.
    initialised: Cell<bool>,
    /// The device link was tried once by this process and identity.
    link_tried: Cell<bool>,
    open_link: RefCell<Option<link::Open>>,
    /// Documents that the link brought; empty once something came another way.
    documents: RefCell<iofog_link::Documents>,
    /// Ends the link and its waits: another identity or Controller.
    link_due: Notify,
    gate: RefCell<ListGate>,
    interface: RefCell<NetworkInterface>,
    whereabouts: position::Whereabouts,
    sampler: Sampler,
    usage: Cell<Usage>,
    started: EpochMillis,
    last_command: Cell<EpochMillis>,
    /// Wakes the changes loop.
    changes_due: Notify,
    /// Wakes the status loop.
    status_due: Notify,
    updater: Updater,
    on_change: Box<dyn Fn(&Config)>,
    speed: SpeedMeter,
    /// Size of the message folder.
    message_bytes: Cell<u64>,
    traces: Traces,
    tunnel: Tunnel,
    /// An image is being sent.
    snapshot: Cell<bool>,
}

// === impl FieldAgent ===

impl FieldAgent {
    /// Takes over configuration and cached state: what was desired runs, with or without a Controller.
    pub fn new(mut parts: Parts) -> Self {
        let configured = parts.config.uuid();
        if configured.as_str().is_empty() && !parts.state.fog.as_str().is_empty() {
            // Deprovisioning clears both. A configuration that lost its identity is damage, not an order to stop work.
            log::warn!(target: "field-agent", "the configuration has no identity: workloads of {} stay as they are", parts.state.fog);
        } else {
            parts.state.take_identity(&configured);
        }
        // Only a list fetched by this process may remove anything: what was saved may be older than what runs.
        parts.state.desired.accepted = false;
        let link =
            if parts.config.is_provisioned() { Link::NotConnected } else { Link::NotProvisioned };
        let confirm = parts.config.seconds(Setting::ChangeFrequency).min(Duration::from_secs(30));
        let traces = remote::traces(&parts.processes);
        let tunnel = Tunnel::new(parts.context.state_dir());
        let core = Core {
            client: ControllerClient::new(access(&parts.config)),
            interface: RefCell::new(detect_interface(&parts.config)),
            whereabouts: position::Whereabouts::new(),
            config: RefCell::new(parts.config),
            file: RefCell::new(parts.file),
            state: RefCell::new(parts.state),
            store: parts.store,
            enrolment: parts.enrolment,
            processes: parts.processes,
            modules: parts.modules,
            context: parts.context,
            link: Cell::new(link),
            link_since: Cell::new(parts.clock.mono()),
            listed: Cell::default(),
            link_error: RefCell::default(),
            provisioning: Cell::new(false),
            initialised: Cell::new(false),
            link_tried: Cell::new(false),
            open_link: RefCell::default(),
            documents: RefCell::default(),
            link_due: Notify::new(),
            gate: RefCell::new(ListGate::new(confirm)),
            sampler: Sampler::default(),
            usage: Cell::default(),
            started: parts.clock.epoch(),
            clock: parts.clock,
            last_command: Cell::default(),
            changes_due: Notify::new(),
            status_due: Notify::new(),
            updater: parts.updater,
            on_change: parts.on_change,
            speed: SpeedMeter::default(),
            message_bytes: Cell::new(0),
            traces,
            tunnel,
            snapshot: Cell::new(false),
        };
        let agent = Self { core: Rc::new(core) };
        agent.save_state();
        agent.spread_identity();
        agent.spread_desired();
        agent
    }

    /// Runs the loops until dropped.
    pub async fn run(self) {
        tokio::join!(
            self.link_loop(),
            self.changes_loop(),
            self.status_loop(),
            self.usage_loop(),
            self.router_loop(),
            self.prune_loop(),
            self.update_loop(),
            self.trace_loop(),
            self.hardware_loop(),
            self.enrolment_loop()
        );
    }

    /// A copy of the present configuration.
    pub fn config(&self) -> Config {
        self.core.config.borrow().clone()
    }

    /// State of the link to the Controller.
    pub fn link(&self) -> Link {
        self.core.link.get()
    }

    /// The last error of the link; empty when it works.
    pub fn link_error(&self) -> String {
        self.core.link_error.borrow().clone()
    }

    /// Latest resource figures.
    pub fn usage(&self) -> Usage {
        self.core.usage.get()
    }

    /// Bytes of the message folder.
    pub fn message_bytes(&self) -> u64 {
        self.core.message_bytes.get()
    }

    /// The selected interface.
    pub fn interface(&self) -> NetworkInterface {
        self.core.interface.borrow().clone()
    }

    /// Containers.
    pub fn processes(&self) -> &ProcessManager {
        &self.core.processes
    }

    /// Shared state.
    pub fn context(&self) -> &AgentContext {
        &self.core.context
    }

    /// Name of the active configuration profile.
    pub fn profile(&self) -> &'static str {
        self.core.file.borrow().active_profile()
    }

    /// Images that this Agent pulled.
    pub fn pulled_images(&self) -> Vec<String> {
        self.core.state.borrow().pulled.iter().cloned().collect()
    }

    fn save_state(&self) {
        self.core.state.borrow_mut().pulled.extend(self.core.processes.take_pulled());
        let result = self.core.store.save(&self.core.state.borrow());
        if let Err(error) = result {
            log::error!(target: "field-agent", "state could not be saved: {error}");
        }
    }

    /// True when it is on disk.
    fn save_config(&self) -> bool {
        let result = self.core.file.borrow().save(&self.core.config.borrow());
        if let Err(error) = &result {
            log::error!(target: "field-agent", "configuration could not be saved: {error}");
        }
        result.is_ok()
    }

    /// Tells all parts who this node is.
    fn spread_identity(&self) {
        let config = self.core.config.borrow();
        (self.core.on_change)(&config);
        self.core.context.set_message_quota(config.integer(Setting::MessageQuota) << 20);
        if let (Some((latitude, longitude)), None) =
            (config.coordinates(), self.core.context.position())
        {
            let (latitude, longitude) = (latitude.to_owned(), longitude.to_owned());
            self.core.context.set_position(Some(Position {
                latitude,
                longitude,
                timestamp: self.core.clock.epoch().0,
            }));
        }
        if self.core.client.set_access(access(&config)) {
            self.core.documents.borrow_mut().clear();
            self.core.link_tried.set(false);
            self.core.link_due.notify_one();
        }
        let fog = self.core.state.borrow().fog.clone();
        self.core.context.set_fog_uuid(fog.clone());
        let interface = self.core.interface.borrow();
        let node = NodeFacts {
            fog,
            bind_address: self.core.context.bind_address(),
            iofog_address: self.core.context.bind_address().or(interface.address),
            time_zone: config.get(Setting::TimeZone).to_owned(),
            container_network: config.container_network().map(str::to_owned),
        };
        self.core.processes.set_node(node, self.core.state.borrow().former.iter().cloned());
    }

    /// Tells all parts what should run here.
    fn spread_desired(&self) {
        let state = self.core.state.borrow();
        let local = state
            .desired
            .workloads
            .iter()
            .filter(|one| !one.delete && one.kind() == Kind::Container);
        let local = local.map(|one| LocalMicroservice {
            uuid: one.uuid.clone(),
            config: Rc::from(one.config.as_str()),
            routes: one.routes.clone(),
            is_consumer: one.is_consumer,
            log_size_mb: one.log_size_mb,
            host_network: one.host_network,
        });
        self.core.context.set_microservices(local.collect());
        let edge_resources =
            if state.edge_resources.is_empty() { "[]" } else { state.edge_resources.as_str() };
        self.core.context.set_edge_resources(Rc::from(edge_resources));
        fault::before("desired.apply");
        self.core.modules.apply(&state.desired);
        self.core.processes.set_desired(state.desired.clone());
        fault::after("desired.apply");
        drop(state);
        self.spread_router();
    }

    /// Without a built-in Router the Controller's word says where messages go.
    fn spread_router(&self) {
        if matches!(self.core.context.router(), RouterAccess::Local(_)) {
            return;
        }
        let state = self.core.state.borrow();
        let has_module =
            state.desired.workloads.iter().any(|one| !one.delete && one.kind() == Kind::Router);
        let access = match &state.router {
            Some(address) if !has_module => {
                let own = self.core.config.borrow().bind_address().map(|bind| bind.to_string());
                let host = match address.host.as_str() {
                    "localhost" => own.unwrap_or_else(|| "127.0.0.1".to_owned()),
                    host => host.to_owned(),
                };
                RouterAccess::Tcp { host, port: address.port }
            }
            _ => RouterAccess::None,
        };
        if !self.core.context.router().is_same(&access) {
            self.core.context.set_router(access);
        }
    }

    /// Follows the built-in Router coming and going.
    async fn router_loop(&self) {
        let mut changed = self.core.modules.watch_reports();
        while changed.changed().await.is_ok() {
            self.spread_router();
        }
    }

    /// Sets the state of the link; says what it was before.
    fn set_link(&self, link: Link) -> Link {
        let before = self.core.link.replace(link);
        if before != link {
            self.core.link_since.set(self.core.clock.mono());
        }
        before
    }

    fn note_success(&self) {
        self.core.link_error.borrow_mut().clear();
        if self.core.config.borrow().is_provisioned() && self.set_link(Link::Ok) != Link::Ok {
            log::info!(target: "field-agent", "connected to the controller");
        }
    }

    fn note_failure(&self, doing: &str, error: &ControllerError) {
        let text = format!("{doing}: {error}");
        if *self.core.link_error.borrow() != text {
            log::warn!(target: "field-agent", "{text}");
            *self.core.link_error.borrow_mut() = text;
        }
        if self.core.config.borrow().is_provisioned() {
            self.set_link(match error {
                ControllerError::Certificate(_) => Link::BrokenCertificate,
                _ => Link::NotConnected,
            });
        }
    }

    /// Looks which address this node has by now: a network may come up, or become another, long after the start.
    fn look_for_address(&self) {
        let found = detect_interface(&self.core.config.borrow());
        // While there is none, the last one is the best guess.
        if found.address.is_none() || *self.core.interface.borrow() == found {
            return;
        }
        let address = |one: &NetworkInterface| match one.address {
            Some(address) => format!("{address} ({})", one.name),
            None => "not known".to_owned(),
        };
        let (now, before) = (address(&found), address(&self.core.interface.borrow()));
        log::info!(target: "field-agent", "the address of this node is {now}; it was {before}");
        *self.core.interface.borrow_mut() = found;
        self.spread_identity();
        self.core.status_due.notify_one();
    }

    /// Refreshes the resource figures.
    async fn usage_loop(&self) {
        loop {
            self.look_for_address();
            self.look_for_position();
            self.sample();
            self.core.message_bytes.set(folder_bytes(&self.core.context.place().message_dir));
            self.core.speed.note(self.core.context.published().0, self.core.clock.mono());
            tokio::time::sleep(USAGE_PERIOD).await;
        }
    }

    /// Prunes when the disk runs full, as often as configured.
    async fn prune_loop(&self) {
        loop {
            let hours = u32::try_from(self.core.config.borrow().integer(Setting::PruningFrequency))
                .unwrap_or(1)
                .max(1);
            tokio::time::sleep(Duration::from_secs(3600) * hours).await;
            let usage = self.core.usage.get();
            let threshold = self.core.config.borrow().integer(Setting::DiskThreshold);
            if usage.disk_total > 0 && usage.disk_free / (usage.disk_total / 100).max(1) < threshold
            {
                self.request_prune();
            }
        }
    }

    /// Asks for releases as often as configured, carries out version commands, watches a trial.
    async fn update_loop(&self) {
        let hours = u32::try_from(self.core.config.borrow().integer(Setting::UpgradeFrequency));
        let period = Duration::from_secs(3600) * hours.unwrap_or(24).max(1);
        self.core.updater.clone().run(period, || self.facts()).await;
    }

    fn facts(&self) -> Facts {
        let running = |report: &Report| report.state == MicroserviceState::Running;
        Facts {
            provisioned: self.core.config.borrow().is_provisioned(),
            connected: self.core.link.get() == Link::Ok,
            running: self
                .reports()
                .into_iter()
                .filter(running)
                .map(|report| report.uuid.as_str().to_owned())
                .collect(),
        }
    }

    /// Self-update.
    pub fn updater(&self) -> &Updater {
        &self.core.updater
    }

    fn sample(&self) {
        let folder = self.core.context.state_dir().to_owned();
        self.core.usage.set(self.core.sampler.sample(&folder));
    }
}

impl Link {
    /// The text of `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotConnected => "not connected",
            Self::BrokenCertificate => "broken certificate",
            Self::NotProvisioned => "not provisioned",
            Self::Ok => "ok",
        }
    }
}

fn access(config: &Config) -> Access {
    Access {
        url: config.controller_url(),
        token: config.token().to_owned(),
        source: config.bind_address(),
        certificate: PathBuf::from(config.get(Setting::ControllerCert)),
        secure: config.get(Setting::SecureMode) == "on",
    }
}

fn detect_interface(config: &Config) -> NetworkInterface {
    let url = config.controller_url();
    let authority =
        url.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let wanted = Some(config.get(Setting::NetworkInterface)).filter(|name| *name != "dynamic");
    NetworkInterface::detect(config.bind_address(), wanted, host)
}
