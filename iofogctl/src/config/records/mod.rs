//! The records of namespace files, which are also the specs of the infrastructure kinds
//! (iofogctl contract, sections 5.1 and 8.1). Field order is the order of writing.

mod agent;
mod agent_config;
mod control_plane;

pub use agent::{AgentScripts, Entrypoint, LocalAgent, RemoteAgent};
pub use agent_config::{AgentConfig, RouterConfig, agent_type_name, agent_type_number};
pub use control_plane::{
    ControllerConfig, Database, IofogUser, KubernetesControlPlane, KubernetesController,
    KubernetesImages, LocalControlPlane, LocalController, RemoteControlPlane, RemoteController,
    Replicas, Service, Services, SystemImages, SystemMicroservices,
};

use serde::{Deserialize, Serialize};

/// Whether a field is at its zero value, which the files leave out.
pub(crate) fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How to reach a host over SSH.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Ssh {
    /// Login name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// TCP port; 0 means not set, then 22.
    #[serde(skip_serializing_if = "is_zero")]
    pub port: u16,
    /// Path of the private key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key_file: String,
}

/// Which package to install.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Package {
    /// Version; empty for the newest known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Package repository.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub repo: String,
    /// Access token of the repository.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token: String,
}

/// Login at an image registry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Credentials {
    /// Login name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Password.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub password: String,
}

/// The container of a local component.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Container {
    /// Image with tag; empty for the default one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// Registry login.
    #[serde(skip_serializing_if = "is_zero")]
    pub credentials: Credentials,
}

/// Files pushed to Agents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Volume {
    /// Name; unique in the namespace.
    pub name: String,
    /// Names of the Agents that hold it.
    pub agents: Vec<String>,
    /// Directory on this machine.
    pub source: String,
    /// Directory on the Agents.
    pub destination: String,
    /// File mode in octal digits, such as `666`.
    pub permissions: String,
}
