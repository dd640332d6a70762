//! The Controller's side of the Agent: identity, changes, status. Nothing the Controller says or fails to say
//! stops a workload, except an accepted list without it.

mod changes;
mod config_sync;
mod connection;
mod enrolment;
mod explain;
mod housekeeping;
mod link;
mod link_status;
mod link_update;
mod position;
mod provision;
mod remote;
mod spread;
mod status;
mod status_body;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use connection::{access, detect_interface};
use tokio::sync::Notify;

pub use connection::Link;
pub use provision::ProvisionError;

use crate::clock::Clock;
use crate::config::{Config, ConfigFile, Setting};
use crate::context::AgentContext;
use crate::controller_client::ControllerClient;
use crate::domain::{EpochMillis, ListGate, Mono};
use crate::modules::Modules;
use crate::process_manager::ProcessManager;
use crate::remote::{Traces, Tunnel};
use crate::state::{EnrolmentFiles, Snapshot, StateStore};
use crate::update::Updater;
use crate::usage::{NetworkInterface, Sampler, SpeedMeter, Usage};

/// Version reported to the Controller: the contract line that is implemented.
pub const VERSION: &str = "3.1.0";

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
    /// The disk refused the configuration that holds.
    unsaved: Cell<bool>,
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
            unsaved: Cell::new(false),
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

    /// The configuration that holds is not on the disk, which refused it; that is tried again.
    pub fn is_config_unsaved(&self) -> bool {
        self.core.unsaved.get()
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

    /// Self-update.
    pub fn updater(&self) -> &Updater {
        &self.core.updater
    }
}
