//! What an ECN remembers from one `up` to the next, and which processes belong to it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::Layout;
use crate::tools::files;
use crate::tools::process::ProcessId;

/// Name of the Agent beside the Controller.
pub const SYSTEM_AGENT: &str = "system";
/// Names of the Agents that play the gateways.
pub const GATEWAYS: [&str; 2] = ["gateway-1", "gateway-2"];

const FORMAT: u32 = 1;

/// Identities and choices that stay the same until a purge.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EcnState {
    format: u32,
    /// Tells this ECN's networks from those of another on the same engine.
    pub id: String,
    /// Address of the Controller and the system Agent.
    pub loopback: Ipv4Addr,
    /// One container network per gateway, in the order of [`GATEWAYS`].
    pub gateways: Vec<GatewayNetwork>,
    /// Agent uuid by name, once the Controller gave it.
    #[serde(default)]
    pub agents: BTreeMap<String, String>,
    /// The application that was deployed last.
    #[serde(default)]
    pub application: Option<DeployedApplication>,
}

/// A gateway's container network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayNetwork {
    /// Agent name.
    pub agent: String,
    /// Network name in the engine.
    pub network: String,
    /// `a.b.c.0/24`.
    pub subnet: String,
    /// The host's address inside it, where the gateway's Agent listens.
    pub address: Ipv4Addr,
}

/// Which text was deployed under which name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployedApplication {
    /// Application name.
    pub name: String,
    /// SHA-256 of the YAML text: an unchanged text is not sent again.
    pub digest: String,
}

impl EcnState {
    /// A new ECN with the given networks.
    pub fn new(id: String, loopback: Ipv4Addr, gateways: Vec<GatewayNetwork>) -> Self {
        Self { format: FORMAT, id, loopback, gateways, agents: BTreeMap::new(), application: None }
    }

    /// Reads the state; `None` when this folder never held an ECN.
    ///
    /// # Errors
    /// When the file is damaged or of another format.
    pub fn load(layout: &Layout) -> Result<Option<Self>> {
        let state: Option<Self> = files::read_json(&layout.state())?;
        if let Some(state) = &state {
            ensure!(
                state.format == FORMAT,
                "{} has format {}, this program writes {FORMAT}: run `down --purge` first",
                layout.state().display(),
                state.format
            );
        }
        Ok(state)
    }

    /// Writes the state.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn save(&self, layout: &Layout) -> Result<()> {
        files::write_json(&layout.state(), self)
    }

    /// Address that an Agent binds to and is known by.
    pub fn agent_address(&self, name: &str) -> Option<Ipv4Addr> {
        if name == SYSTEM_AGENT {
            return Some(self.loopback);
        }
        self.gateways.iter().find(|g| g.agent == name).map(|g| g.address)
    }
}

/// Processes by name: `controller`, one per Agent, `engine` when `up` started it, `up` itself.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Processes(BTreeMap<String, ProcessId>);

impl Processes {
    /// The engine's name in the list.
    pub const ENGINE: &'static str = "engine";
    /// The name of an `up` that stays in the foreground.
    pub const UP: &'static str = "up";
    /// The Controller's name in the list.
    pub const CONTROLLER: &'static str = "controller";

    /// Reads the list; entries whose process is gone stay until they are replaced.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn load(layout: &Layout) -> Result<Self> {
        Ok(files::read_json(&layout.processes())?.unwrap_or_default())
    }

    /// The process of this name if it still runs.
    pub fn running(&self, name: &str) -> Option<&ProcessId> {
        self.0.get(name).filter(|id| id.is_running())
    }

    /// Remembers a process; written before anything else happens with it.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn remember(&mut self, layout: &Layout, name: &str, id: ProcessId) -> Result<()> {
        self.0.insert(name.to_owned(), id);
        files::write_json(&layout.processes(), self)
    }

    /// Forgets a process.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn forget(&mut self, layout: &Layout, name: &str) -> Result<()> {
        self.0.remove(name);
        files::write_json(&layout.processes(), self)
    }

    /// All names in the list.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Takes the folder's lock, which ends with the returned file; `None` when another program has it.
///
/// # Errors
/// When the lock file cannot be created.
pub fn lock(layout: &Layout) -> Result<Option<File>> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(layout.lock())
        .context("cannot create the lock file")?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error).context("cannot lock the state folder"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(name: &str) -> Layout {
        let dir = std::env::temp_dir().join(format!("xtask-state-{name}-{}", std::process::id()));
        let layout = Layout::at(&dir).unwrap();
        layout.create().unwrap();
        layout
    }

    #[test]
    fn state_survives_a_restart() {
        let layout = layout("keep");
        assert!(EcnState::load(&layout).unwrap().is_none());
        let network = GatewayNetwork {
            agent: GATEWAYS[0].into(),
            network: "n".into(),
            subnet: "10.1.2.0/24".into(),
            address: Ipv4Addr::new(10, 1, 2, 1),
        };
        let mut state = EcnState::new("x".into(), Ipv4Addr::LOCALHOST, vec![network.clone()]);
        state.agents.insert(SYSTEM_AGENT.into(), "uuid".into());
        state.save(&layout).unwrap();
        let read = EcnState::load(&layout).unwrap().unwrap();
        assert_eq!((read.gateways, read.agents), (vec![network], state.agents));
        std::fs::remove_dir_all(layout.root()).unwrap();
    }

    #[test]
    fn lock_is_exclusive() {
        let layout = layout("lock");
        let first = lock(&layout).unwrap();
        assert!(first.is_some());
        assert!(lock(&layout).unwrap().is_none());
        drop(first);
        assert!(lock(&layout).unwrap().is_some());
        std::fs::remove_dir_all(layout.root()).unwrap();
    }

    #[test]
    fn only_live_processes_are_running() {
        let layout = layout("processes");
        let mut processes = Processes::load(&layout).unwrap();
        let me = ProcessId::current().unwrap();
        processes.remember(&layout, "me", me.clone()).unwrap();
        let gone = ProcessId { start_ticks: me.start_ticks + 1, ..me };
        processes.remember(&layout, "gone", gone).unwrap();
        let read = Processes::load(&layout).unwrap();
        assert!(read.running("me").is_some());
        assert!(read.running("gone").is_none());
        std::fs::remove_dir_all(layout.root()).unwrap();
    }
}
