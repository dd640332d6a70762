//! Agents: listing, creating, changing, commands.

use serde::{Deserialize, Serialize};
use ureq::http::Method;

use super::Client;
use super::client::part;
use super::json::{whole, whole_option};
use crate::config::records::{AgentConfig, agent_type_number};
use crate::text::{Error, Result};

/// What this program reads of an Agent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are those of the REST contract, section 5.2")]
pub struct Agent {
    pub uuid: String,
    pub name: String,
    pub host: String,
    pub location: String,
    pub latitude: f64,
    pub longitude: f64,
    pub description: String,
    pub docker_url: String,
    #[serde(deserialize_with = "whole")]
    pub disk_limit: i64,
    pub disk_directory: String,
    #[serde(deserialize_with = "whole")]
    pub memory_limit: i64,
    #[serde(deserialize_with = "whole")]
    pub cpu_limit: i64,
    #[serde(deserialize_with = "whole")]
    pub log_limit: i64,
    pub log_directory: String,
    #[serde(deserialize_with = "whole")]
    pub log_file_count: i64,
    pub status_frequency: f64,
    pub change_frequency: f64,
    pub device_scan_frequency: f64,
    pub bluetooth_enabled: bool,
    pub watchdog_enabled: bool,
    pub abstracted_hardware_enabled: bool,
    pub created_at: String,
    #[serde(deserialize_with = "whole")]
    pub last_active: i64,
    pub daemon_status: String,
    #[serde(deserialize_with = "whole")]
    pub daemon_operating_duration: i64,
    pub memory_usage: f64,
    pub disk_usage: f64,
    pub cpu_usage: f64,
    pub ip_address: String,
    pub ip_address_external: String,
    pub version: String,
    pub is_system: bool,
    #[serde(deserialize_with = "whole")]
    pub fog_type_id: i64,
    pub router_mode: String,
    pub network_router: Option<String>,
    pub upstream_routers: Option<Vec<String>>,
    #[serde(deserialize_with = "whole_option")]
    pub messaging_port: Option<i64>,
    #[serde(deserialize_with = "whole_option")]
    pub edge_router_port: Option<i64>,
    #[serde(deserialize_with = "whole_option")]
    pub inter_router_port: Option<i64>,
    pub log_level: Option<String>,
    pub docker_pruning_frequency: Option<f64>,
    pub available_disk_threshold: Option<f64>,
    pub tags: Option<Vec<String>>,
    pub time_zone: String,
}

#[derive(Deserialize)]
struct AgentList {
    fogs: Vec<Agent>,
}

#[derive(Deserialize)]
struct Created {
    uuid: String,
}

#[derive(Deserialize)]
struct ProvisioningKey {
    key: String,
}

/// Body of create and update: absent and zero fields are left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct AgentChange(serde_json::Map<String, serde_json::Value>);

impl AgentChange {
    /// Sets a field unless it is absent.
    fn set<T: Serialize>(&mut self, name: &str, value: Option<T>) {
        if let Some(value) = value.and_then(|value| serde_json::to_value(value).ok()) {
            self.0.insert(name.to_owned(), value);
        }
    }

    fn set_text(&mut self, name: &str, text: &str) {
        self.set(name, Some(text).filter(|text| !text.is_empty()));
    }

    /// Only a new name.
    pub fn rename(name: &str) -> Self {
        let mut change = Self::default();
        change.set_text("name", name);
        change
    }

    /// A whole configuration; router names must already be identifiers.
    pub fn from_config(config: &AgentConfig, tags: Option<&[String]>) -> Self {
        let mut change = Self::default();
        let nonzero = |number: f64| (number != 0.0).then_some(number);
        change.set_text("name", &config.name);
        change.set_text("location", &config.location);
        change.set("latitude", nonzero(config.latitude));
        change.set("longitude", nonzero(config.longitude));
        change.set_text("description", &config.description);
        change.set("fogType", config.agent_type.as_deref().map(agent_type_number));
        change.set("tags", tags);
        change.set("dockerUrl", config.docker_url.as_deref());
        change.set("diskLimit", config.disk_limit);
        change.set("diskDirectory", config.disk_directory.as_deref());
        change.set("memoryLimit", config.memory_limit);
        change.set("cpuLimit", config.cpu_limit);
        change.set("logLimit", config.log_limit);
        change.set("logDirectory", config.log_directory.as_deref());
        change.set("logFileCount", config.log_file_count);
        change.set("statusFrequency", config.status_frequency.map(number));
        change.set("changeFrequency", config.change_frequency.map(number));
        change.set("deviceScanFrequency", config.device_scan_frequency.map(number));
        change.set("bluetoothEnabled", config.bluetooth_enabled);
        change.set("watchdogEnabled", config.watchdog_enabled);
        change.set("abstractedHardwareEnabled", config.abstracted_hardware_enabled);
        change.set("upstreamRouters", config.upstream_routers.as_deref());
        change.set("networkRouter", config.network_router.as_deref());
        change.set("host", config.host.as_deref());
        change.set("routerMode", config.router_config.router_mode.as_deref());
        change.set("messagingPort", config.router_config.messaging_port);
        change.set("edgeRouterPort", config.router_config.edge_router_port);
        change.set("interRouterPort", config.router_config.inter_router_port);
        change.set("logLevel", config.log_level.as_deref());
        change.set("dockerPruningFrequency", config.docker_pruning_frequency.map(number));
        change.set("availableDiskThreshold", config.available_disk_threshold.map(number));
        change.set_text("timeZone", &config.time_zone);
        change
    }

    /// Marks a system Agent.
    pub fn system(mut self) -> Self {
        self.set("isSystem", Some(true));
        self
    }

    /// What creation needs on top: a name and a type.
    pub fn for_creation(mut self, name: &str) -> Self {
        if !self.0.contains_key("name") {
            self.set_text("name", name);
        }
        if !self.0.contains_key("fogType") {
            self.set("fogType", Some(0));
        }
        self
    }
}

/// A number as JSON, whole ones without a point: the Controller checks for integers.
fn number(value: f64) -> serde_json::Value {
    let text = format!("{value}");
    text.parse::<i64>().map_or_else(|_| value.into(), Into::into)
}

impl Client {
    /// The user's Agents, or the system ones.
    ///
    /// # Errors
    /// As the Controller answers; the same holds for all methods here.
    pub fn agents(&self, system: bool) -> Result<Vec<Agent>> {
        self.get::<AgentList>(&format!("/iofog-list?system={system}")).map(|list| list.fogs)
    }

    /// One Agent.
    pub fn agent(&self, uuid: &str) -> Result<Agent> {
        self.get(&format!("/iofog/{}", part(uuid)))
    }

    /// One Agent by name.
    pub fn agent_by_name(&self, name: &str, system: bool) -> Result<Agent> {
        let found = self.agents(system)?.into_iter().find(|agent| agent.name == name);
        found.ok_or_else(|| Error::NotFound(format!("Could not find agent: {name}")))
    }

    /// Creates an Agent and tells its identifier.
    pub fn create_agent(&self, change: &AgentChange) -> Result<String> {
        self.post::<_, Created>("/iofog", change).map(|created| created.uuid)
    }

    /// Changes an Agent.
    pub fn update_agent(&self, uuid: &str, change: &AgentChange) -> Result<()> {
        self.command(Method::PATCH, &format!("/iofog/{}", part(uuid)), change)
    }

    /// Deletes an Agent.
    pub fn delete_agent(&self, uuid: &str) -> Result<()> {
        self.delete(&format!("/iofog/{}", part(uuid)))
    }

    /// A fresh key for the device to provision with; one use, 20 minutes.
    pub fn provisioning_key(&self, uuid: &str) -> Result<String> {
        self.get::<ProvisioningKey>(&format!("/iofog/{}/provisioning-key", part(uuid)))
            .map(|answer| answer.key)
    }

    /// Asks the Agent to remove unused images.
    pub fn prune_agent(&self, uuid: &str) -> Result<()> {
        self.poke(&format!("/iofog/{}/prune", part(uuid)))
    }

    /// Asks the Agent to `upgrade` or `rollback`.
    pub fn change_agent_version(&self, uuid: &str, command: &str) -> Result<()> {
        self.poke(&format!("/iofog/{}/version/{command}", part(uuid)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agent_change_leaves_out_what_is_absent() {
        let config = AgentConfig {
            agent_type: Some("arm".into()),
            status_frequency: Some(10.0),
            latitude: 1.5,
            ..AgentConfig::default()
        };
        let change = AgentChange::from_config(&config, None).for_creation("gate");
        assert_eq!(
            serde_json::to_value(&change).unwrap(),
            serde_json::json!({"name": "gate", "fogType": 2, "statusFrequency": 10, "latitude": 1.5})
        );
    }
}
