//! Brings an ECN up step by step. Every step looks first at what is there, so that a second `up`, or
//! one after a killed `up`, continues with the same identities, processes and containers.

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::rest::{Microservice, Rest};
use super::state::{GATEWAYS, Processes, SYSTEM_AGENT};
use super::{EcnState, Layout, agent, application, controller, engine, images, network, state};
use crate::tools::cargo::{self, Profile, Programs};
use crate::tools::docker::Docker;
use crate::tools::process::ProcessId;
use crate::tools::say;

/// What to bring up and where.
#[derive(Clone, Debug)]
pub struct UpOptions {
    /// State folder.
    pub folder: PathBuf,
    /// Address of the Controller and the system Agent; a second ECN takes another 127.x.y.z.
    pub loopback: Ipv4Addr,
    /// How the programs are built.
    pub profile: Profile,
    /// YAML file of the application; `None` brings up the network alone.
    pub application: Option<PathBuf>,
}

/// A running ECN.
pub struct Ecn {
    /// Its folder.
    pub layout: Layout,
    /// What it remembers.
    pub state: EcnState,
    /// What runs.
    pub processes: Processes,
    /// The container engine.
    pub docker: Docker,
    /// The programs.
    pub programs: Programs,
    /// The Controller, logged in.
    pub rest: Rest,
    /// The application's microservices as last seen.
    pub microservices: Vec<Microservice>,
    _lock: File,
}

/// Another program works on the same state folder right now.
#[derive(Debug)]
pub struct Busy(PathBuf);

impl std::fmt::Display for Busy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "another `up` or `down` works on {}", self.0.display())
    }
}

impl std::error::Error for Busy {}

/// All Agents in the order in which they start.
pub fn agent_names() -> impl Iterator<Item = &'static str> {
    std::iter::once(SYSTEM_AGENT).chain(GATEWAYS)
}

impl Ecn {
    /// Runs every step.
    ///
    /// # Errors
    /// When a step fails; what was started so far keeps running and is found again by the next `up`
    /// or `down`.
    pub fn bring_up(options: &UpOptions) -> Result<Self> {
        let layout = Layout::at(&options.folder)?;
        layout.create()?;
        let Some(lock) = state::lock(&layout)? else {
            return Err(Busy(layout.root().to_path_buf()).into());
        };
        let mut processes = Processes::load(&layout)?;
        if let Some(me) = ProcessId::current() {
            processes.remember(&layout, Processes::UP, me)?;
        }
        let docker = engine::ensure(&layout, &mut processes)?;
        let programs = cargo::build(options.profile)?;
        let state = load_or_choose(&layout, &docker, options.loopback)?;
        for gateway in &state.gateways {
            let created = network::ensure(&docker, gateway)?;
            let how = if created { "created" } else { "kept" };
            say::step("network", &format!("{} {} ({how})", gateway.network, gateway.subnet));
        }
        for reference in images::load(&docker, &programs)? {
            say::step("image", &format!("{reference} loaded"));
        }
        let rest = controller::client(&state);
        let mut ecn = Self {
            layout,
            state,
            processes,
            docker,
            programs,
            rest,
            microservices: Vec::new(),
            _lock: lock,
        };
        ecn.start_controller()?;
        let user = controller::user(&ecn.layout)?;
        ecn.rest.log_in(&user).context("Controller")?;
        for name in agent_names() {
            ecn.bring_up_agent(name)?;
        }
        if let Some(file) = &options.application {
            ecn.deploy(&file.clone())?;
        }
        Ok(ecn)
    }

    /// Starts the Controller, or keeps the one that runs unless its program was built anew.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn start_controller(&mut self) -> Result<()> {
        let name = Processes::CONTROLLER;
        let id = match self.keep_running(name)? {
            Some(id) => {
                controller::wait_ready(&self.layout, &self.rest, &id)?;
                id
            }
            None => controller::start(&self.layout, &self.state, &self.programs)?,
        };
        self.processes.remember(&self.layout, name, id.clone())?;
        let version = self.rest.version().unwrap_or_default();
        let url = self.rest.base_url();
        say::step("controller", &format!("version {version} at {url}, pid {}", id.pid));
        Ok(())
    }

    /// Starts an Agent, or keeps the one that runs unless its program was built anew.
    ///
    /// # Errors
    /// When its command line does not answer.
    pub fn start_agent(&mut self, name: &str) -> Result<i32> {
        agent::write_config(&self.layout, &self.state, &self.docker, name)?;
        let id = match self.keep_running(name)? {
            Some(id) => id,
            None => agent::start(&self.layout, &self.programs, name)?,
        };
        self.processes.remember(&self.layout, name, id.clone())?;
        Ok(id.pid)
    }

    fn bring_up_agent(&mut self, name: &str) -> Result<()> {
        let uuid = agent::register(&self.rest, &self.state, name)?;
        self.state.agents.insert(name.to_owned(), uuid.clone());
        self.state.save(&self.layout)?;
        let pid = self.start_agent(name)?;
        let fresh = agent::provision(&self.layout, &self.programs, &self.rest, name, &uuid)?;
        let how = if fresh { "provisioned" } else { "known" };
        let address = self.state.agent_address(name).context("an Agent without address")?;
        say::step("agent", &format!("{name} at {address}, pid {pid}, {uuid} ({how})"));
        Ok(())
    }

    /// Deploys the application and waits until it runs and its page opens.
    ///
    /// # Errors
    /// When the Controller refuses it or it does not run within three minutes.
    pub fn deploy(&mut self, file: &std::path::Path) -> Result<()> {
        let (deployed, sent) =
            application::deploy(&self.rest, file, self.state.application.as_ref())?;
        let how = if sent { "deployed" } else { "unchanged" };
        say::step("application", &format!("{} from {} ({how})", deployed.name, file.display()));
        let patience = Duration::from_secs(180);
        self.state.application = Some(deployed.clone());
        self.state.save(&self.layout)?;
        self.microservices = application::wait_running(&self.rest, &deployed.name, patience)?;
        for link in application::public_links(&self.microservices) {
            application::wait_page(&format!("{link}/"), patience)?;
            say::step("page", &format!("{link}/ opens"));
        }
        Ok(())
    }

    fn keep_running(&mut self, name: &str) -> Result<Option<ProcessId>> {
        let Some(id) = self.processes.running(name).cloned() else {
            return Ok(None);
        };
        if id.runs_replaced_program() {
            say::step(name, &format!("pid {} runs an older build: restarting it", id.pid));
            id.stop(Duration::from_secs(30))?;
            return Ok(None);
        }
        Ok(Some(id))
    }
}

fn load_or_choose(layout: &Layout, docker: &Docker, loopback: Ipv4Addr) -> Result<EcnState> {
    if let Some(state) = EcnState::load(layout)? {
        if state.loopback != loopback {
            bail!("this ECN lives on {}, not {loopback}: run `down --purge` first", state.loopback);
        }
        return Ok(state);
    }
    let id = controller::random_text(6)?;
    let state = EcnState::new(id.clone(), loopback, network::choose(docker, &id)?);
    state.save(layout)?;
    Ok(state)
}
