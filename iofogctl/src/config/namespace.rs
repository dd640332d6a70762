//! A namespace record: one control plane, its Agents and volumes, and the rules on them.

use serde::{Deserialize, Serialize};

use super::records::{
    AgentConfig, IofogUser, KubernetesControlPlane, LocalAgent, LocalControlPlane, RemoteAgent,
    RemoteControlPlane, Volume,
};
use crate::text::{Error, Result};

/// Content of a namespace file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Namespace {
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// At most one of the three control planes is set.
    #[serde(rename = "k8sControlPlane", skip_serializing_if = "Option::is_none")]
    pub kubernetes_control_plane: Option<KubernetesControlPlane>,
    /// Remote control plane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_control_plane: Option<RemoteControlPlane>,
    /// Local control plane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_control_plane: Option<LocalControlPlane>,
    /// Agents on this machine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub local_agents: Vec<LocalAgent>,
    /// Agents on other machines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remote_agents: Vec<RemoteAgent>,
    /// Volumes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// When it was created, Unix date form.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub created: String,
}

/// The control plane of a namespace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ControlPlane<'a> {
    /// In Kubernetes.
    Kubernetes(&'a KubernetesControlPlane),
    /// On other machines.
    Remote(&'a RemoteControlPlane),
    /// On this machine.
    Local(&'a LocalControlPlane),
}

/// What listings show of any controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControllerView<'a> {
    /// Name or pod name.
    pub name: &'a str,
    /// Address of the REST API.
    pub endpoint: &'a str,
    /// Unix date form; may be empty.
    pub created: &'a str,
    /// Pod status, Kubernetes only.
    pub status: Option<&'a str>,
}

impl<'a> ControlPlane<'a> {
    /// Its account.
    pub fn user(self) -> &'a IofogUser {
        match self {
            Self::Kubernetes(plane) => &plane.iofog_user,
            Self::Remote(plane) => &plane.iofog_user,
            Self::Local(plane) => &plane.iofog_user,
        }
    }

    /// Its controllers.
    pub fn controllers(self) -> Vec<ControllerView<'a>> {
        match self {
            Self::Kubernetes(plane) => plane
                .controller_pods
                .iter()
                .map(|pod| ControllerView {
                    name: &pod.pod_name,
                    endpoint: &pod.endpoint,
                    created: &pod.created,
                    status: Some(&pod.status),
                })
                .collect(),
            Self::Remote(plane) => plane
                .controllers
                .iter()
                .map(|ctl| ControllerView {
                    name: &ctl.name,
                    endpoint: &ctl.endpoint,
                    created: &ctl.created,
                    status: None,
                })
                .collect(),
            Self::Local(plane) => plane
                .controller
                .iter()
                .map(|ctl| ControllerView {
                    name: &ctl.name,
                    endpoint: &ctl.endpoint,
                    created: &ctl.created,
                    status: None,
                })
                .collect(),
        }
    }

    /// Address of the REST API.
    ///
    /// # Errors
    /// [`Error::Internal`] when no controller has one.
    pub fn endpoint(self) -> Result<&'a str> {
        let missing = |text: &str| Err(Error::internal(text));
        match self {
            Self::Kubernetes(plane) if plane.endpoint.is_empty() => {
                missing("Kubernetes Control Plane does not have an endpoint")
            }
            Self::Kubernetes(plane) => Ok(&plane.endpoint),
            Self::Remote(plane) if plane.controllers.is_empty() => {
                missing("Control Plane does not have any Controllers")
            }
            Self::Remote(plane) => {
                let found = plane.controllers.iter().find(|ctl| !ctl.endpoint.is_empty());
                found.map(|ctl| ctl.endpoint.as_str()).ok_or_else(|| {
                    Error::internal(
                        "No Controllers in Remote Control Plane had an endpoint available",
                    )
                })
            }
            Self::Local(plane) => {
                plane.controller.as_ref().map(|ctl| ctl.endpoint.as_str()).ok_or_else(|| {
                    Error::plain(
                        "Local Control Plane does not have a Controller, cannot get endpoint.",
                    )
                })
            }
        }
    }
}

/// An Agent of either sort.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a handful of short-lived values")]
pub enum AgentRecord {
    /// In a container here.
    Local(LocalAgent),
    /// Elsewhere.
    Remote(RemoteAgent),
}

impl AgentRecord {
    /// Name.
    pub fn name(&self) -> &str {
        match self {
            Self::Local(agent) => &agent.name,
            Self::Remote(agent) => &agent.name,
        }
    }

    /// Identifier; empty when not provisioned.
    pub fn uuid(&self) -> &str {
        match self {
            Self::Local(agent) => &agent.uuid,
            Self::Remote(agent) => &agent.uuid,
        }
    }

    /// Address; local ones are `localhost`.
    pub fn host(&self) -> &str {
        match self {
            Self::Local(_) => "localhost",
            Self::Remote(agent) => &agent.host,
        }
    }

    /// Stored configuration.
    pub fn config(&self) -> Option<&AgentConfig> {
        match self {
            Self::Local(agent) => agent.config.as_ref(),
            Self::Remote(agent) => agent.config.as_ref(),
        }
    }

    /// Renames.
    pub fn set_name(&mut self, name: &str) {
        match self {
            Self::Local(agent) => name.clone_into(&mut agent.name),
            Self::Remote(agent) => name.clone_into(&mut agent.name),
        }
    }

    /// Sets the identifier.
    pub fn set_uuid(&mut self, uuid: &str) {
        match self {
            Self::Local(agent) => uuid.clone_into(&mut agent.uuid),
            Self::Remote(agent) => uuid.clone_into(&mut agent.uuid),
        }
    }

    /// Sets the configuration.
    pub fn set_config(&mut self, config: AgentConfig) {
        match self {
            Self::Local(agent) => agent.config = Some(config),
            Self::Remote(agent) => agent.config = Some(config),
        }
    }
}

impl Namespace {
    /// The control plane.
    ///
    /// # Errors
    /// [`Error::NoControlPlane`].
    pub fn control_plane(&self) -> Result<ControlPlane<'_>> {
        if let Some(plane) = &self.kubernetes_control_plane {
            Ok(ControlPlane::Kubernetes(plane))
        } else if let Some(plane) = &self.remote_control_plane {
            Ok(ControlPlane::Remote(plane))
        } else if let Some(plane) = &self.local_control_plane {
            Ok(ControlPlane::Local(plane))
        } else {
            Err(Error::NoControlPlane(self.name.clone()))
        }
    }

    /// Sets a remote control plane in place of any other.
    pub fn set_remote_control_plane(&mut self, plane: RemoteControlPlane) {
        self.clear_control_plane();
        self.remote_control_plane = Some(plane);
    }

    /// Sets a local control plane in place of any other.
    pub fn set_local_control_plane(&mut self, plane: LocalControlPlane) {
        self.clear_control_plane();
        self.local_control_plane = Some(plane);
    }

    /// Forgets the control plane.
    pub fn clear_control_plane(&mut self) {
        self.kubernetes_control_plane = None;
        self.remote_control_plane = None;
        self.local_control_plane = None;
    }

    /// How many controllers there are.
    pub fn controller_count(&self) -> usize {
        self.control_plane().map_or(0, |plane| plane.controllers().len())
    }

    /// All Agents, remote ones first.
    pub fn agents(&self) -> Vec<AgentRecord> {
        let remote = self.remote_agents.iter().cloned().map(AgentRecord::Remote);
        remote.chain(self.local_agents.iter().cloned().map(AgentRecord::Local)).collect()
    }

    /// One Agent.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn agent(&self, name: &str) -> Result<AgentRecord> {
        self.agents()
            .into_iter()
            .find(|agent| agent.name() == name)
            .ok_or_else(|| Error::not_found(name))
    }

    /// Adds an Agent.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name is taken.
    pub fn add_agent(&mut self, agent: AgentRecord) -> Result<()> {
        if self.agent(agent.name()).is_ok() {
            return Err(Error::Conflict(agent.name().to_owned()));
        }
        self.update_agent(agent);
        Ok(())
    }

    /// Replaces the Agent of that name and sort, or adds it.
    pub fn update_agent(&mut self, agent: AgentRecord) {
        match agent {
            AgentRecord::Local(agent) => {
                match self.local_agents.iter_mut().find(|known| known.name == agent.name) {
                    Some(known) => *known = agent,
                    None => self.local_agents.push(agent),
                }
            }
            AgentRecord::Remote(agent) => {
                match self.remote_agents.iter_mut().find(|known| known.name == agent.name) {
                    Some(known) => *known = agent,
                    None => self.remote_agents.push(agent),
                }
            }
        }
    }

    /// Removes an Agent and hands it back.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn remove_agent(&mut self, name: &str) -> Result<AgentRecord> {
        let agent = self.agent(name)?;
        self.local_agents.retain(|known| known.name != name);
        self.remote_agents.retain(|known| known.name != name);
        Ok(agent)
    }

    /// One volume.
    ///
    /// # Errors
    /// [`Error::NotFound`] with `namespace/name`.
    pub fn volume(&self, name: &str) -> Result<&Volume> {
        let found = self.volumes.iter().find(|volume| volume.name == name);
        found.ok_or_else(|| Error::NotFound(format!("{}/{name}", self.name)))
    }

    /// Replaces the volume of that name, or adds it.
    pub fn update_volume(&mut self, volume: Volume) {
        match self.volumes.iter_mut().find(|known| known.name == volume.name) {
            Some(known) => *known = volume,
            None => self.volumes.push(volume),
        }
    }

    /// Drops an Agent from all volumes; volumes left without any go.
    pub fn forget_agent_in_volumes(&mut self, name: &str) {
        for volume in &mut self.volumes {
            volume.agents.retain(|agent| agent != name);
        }
        self.volumes.retain(|volume| !volume.agents.is_empty());
    }
}
