//! What every operation works on: the config files, a namespace, and its Controller.

use crate::cli::Invocation;
use crate::config::records::RemoteAgent;
use crate::config::{AgentRecord, ControlPlane, Header, Namespace, Store};
use crate::output::{Format, print_document};
use crate::rest::{Agent, Client};
use crate::text::Result;

/// Config files and the namespace a command works in.
#[derive(Debug)]
pub struct Context {
    /// The config files.
    pub store: Store,
    /// Name of the namespace.
    pub namespace: String,
    client: Option<Client>,
    synced: bool,
}

/// Where a described document goes.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// File; empty for standard output.
    pub file: String,
    /// Form.
    pub format: Format,
}

impl Context {
    /// Opens the config files; the namespace comes from `-n` or is the current one.
    ///
    /// # Errors
    /// When the config files cannot be used.
    pub fn open(invocation: &Invocation) -> Result<Self> {
        let store = Store::open_home()?;
        let namespace = match invocation.text("namespace") {
            "" => store.default_namespace().to_owned(),
            given => given.to_owned(),
        };
        Ok(Self::new(store, &namespace))
    }

    /// Works in a namespace.
    pub fn new(store: Store, namespace: &str) -> Self {
        Self { store, namespace: namespace.to_owned(), client: None, synced: false }
    }

    /// Switches to another namespace.
    pub fn enter(&mut self, namespace: &str) {
        namespace.clone_into(&mut self.namespace);
        self.client = None;
        self.synced = false;
    }

    /// The namespace record.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn record(&mut self) -> Result<&mut Namespace> {
        self.store.namespace(&self.namespace)
    }

    /// A client of the namespace's Controller; the login happens once.
    ///
    /// # Errors
    /// No namespace, no control plane, or the login failed.
    pub fn client(&mut self) -> Result<Client> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let plane = self.record()?.control_plane()?;
        let client = Client::login(plane.endpoint()?, plane.user())?;
        self.client = Some(client.clone());
        Ok(client)
    }

    /// Brings the stored Agents in line with the Controller's list.
    ///
    /// # Errors
    /// As [`Context::client`], or the list cannot be had.
    pub fn sync_agents(&mut self) -> Result<()> {
        if self.synced {
            return Ok(());
        }
        if matches!(self.record()?.control_plane()?, ControlPlane::Local(_)) {
            return Ok(());
        }
        let agents = self.client()?.agents(false)?;
        self.sync_agents_with(&agents)
    }

    /// As [`Context::sync_agents`], with a list at hand. Only SSH details and creation times of
    /// the old records survive.
    ///
    /// # Errors
    /// When the config files cannot be written.
    pub fn sync_agents_with(&mut self, agents: &[Agent]) -> Result<()> {
        self.synced = true;
        let record = self.record()?;
        if matches!(record.control_plane()?, ControlPlane::Local(_)) {
            return Ok(());
        }
        let known = std::mem::take(&mut record.remote_agents);
        for agent in agents {
            if let Some(local) =
                record.local_agents.iter_mut().find(|local| local.name == agent.name)
            {
                agent.uuid.clone_into(&mut local.uuid);
                continue;
            }
            let old = known.iter().find(|old| old.name == agent.name);
            record.remote_agents.push(RemoteAgent {
                name: agent.name.clone(),
                uuid: agent.uuid.clone(),
                host: agent.host.clone(),
                created: old.map(|old| old.created.clone()).unwrap_or_default(),
                ssh: old.map(|old| old.ssh.clone()).unwrap_or_default(),
                ..RemoteAgent::default()
            });
        }
        self.store.flush()
    }

    /// A stored Agent, after bringing the records up to date.
    ///
    /// # Errors
    /// As [`Context::sync_agents`], or there is no such Agent.
    pub fn agent(&mut self, name: &str) -> Result<AgentRecord> {
        self.sync_agents()?;
        self.record()?.agent(name)
    }

    /// Prints a document of this namespace.
    ///
    /// # Errors
    /// When the target file cannot be written.
    pub fn print<S: serde::Serialize>(
        &self,
        kind: &str,
        name: &str,
        tags: Option<Vec<String>>,
        spec: S,
        target: &Target,
    ) -> Result<()> {
        let mut document = Header::new(kind, name, &self.namespace, spec);
        document.metadata.tags = tags;
        print_document(&document, &target.file, target.format)
    }
}
