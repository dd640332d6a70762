//! Agent records: remote ones reached over SSH, local ones in a container of this machine.

use serde::{Deserialize, Serialize};

use super::{AgentConfig, Container, Package, Ssh, is_zero};

/// A script run on the device and its arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entrypoint {
    /// File name inside the script directory.
    pub entrypoint: String,
    /// Arguments, joined by spaces.
    pub args: Vec<String>,
}

/// The user's own install procedure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentScripts {
    /// Installs what the Agent needs.
    #[serde(skip_serializing_if = "is_zero")]
    pub deps: Entrypoint,
    /// Installs the Agent.
    #[serde(skip_serializing_if = "is_zero")]
    pub install: Entrypoint,
    /// Removes the Agent.
    #[serde(skip_serializing_if = "is_zero")]
    pub uninstall: Entrypoint,
    /// Directory of the scripts on this machine.
    pub dir: String,
}

/// An Agent on another machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RemoteAgent {
    /// Name.
    pub name: String,
    /// Address.
    pub host: String,
    /// SSH access.
    pub ssh: Ssh,
    /// Identifier given by the Controller.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uuid: String,
    /// When it was deployed, Unix date form.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub created: String,
    /// What to install.
    #[serde(skip_serializing_if = "is_zero")]
    pub package: Package,
    /// Configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<AgentConfig>,
    /// The user's install procedure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scripts: Option<AgentScripts>,
    /// Address the Agent uses for the Controller, when not the stored one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub controller_endpoint: String,
}

/// An Agent in a container of this machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LocalAgent {
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Identifier given by the Controller.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uuid: String,
    /// Its container.
    #[serde(skip_serializing_if = "is_zero")]
    pub container: Container,
    /// When it was deployed, Unix date form.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub created: String,
    /// Address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// Configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<AgentConfig>,
    /// Address the Agent uses for the Controller.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub controller_endpoint: String,
}
