//! Agent configuration: the AgentConfig kind and the `config` of Agent records. An absent field
//! is not sent to the Controller; written documents show it as `null`.

use serde::{Deserialize, Serialize};

use super::is_zero;

/// Router part of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RouterConfig {
    /// `edge` (default), `interior` or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub router_mode: Option<String>,
    /// AMQP port for clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messaging_port: Option<i64>,
    /// Port for edge routers; interior mode only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edge_router_port: Option<i64>,
    /// Port for interior routers; interior mode only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inter_router_port: Option<i64>,
}

/// Configuration of an Agent. Units: limits of disk and log in GB, memory in MB, CPU in percent,
/// frequencies in seconds except pruning in hours.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the documented ones of the contract, section 5.1")]
pub struct AgentConfig {
    pub name: String,
    pub location: String,
    pub latitude: f64,
    pub longitude: f64,
    pub description: String,
    pub agent_type: Option<String>,
    pub docker_url: Option<String>,
    pub disk_limit: Option<i64>,
    pub disk_directory: Option<String>,
    pub memory_limit: Option<i64>,
    pub cpu_limit: Option<i64>,
    pub log_limit: Option<i64>,
    pub log_directory: Option<String>,
    pub log_file_count: Option<i64>,
    pub status_frequency: Option<f64>,
    pub change_frequency: Option<f64>,
    pub device_scan_frequency: Option<f64>,
    pub bluetooth_enabled: Option<bool>,
    pub watchdog_enabled: Option<bool>,
    pub abstracted_hardware_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_routers: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_router: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    pub router_config: RouterConfig,
    pub log_level: Option<String>,
    pub docker_pruning_frequency: Option<f64>,
    pub available_disk_threshold: Option<f64>,
    pub time_zone: String,
}

/// Number of an agent type word; unknown words are `auto`.
pub fn agent_type_number(word: &str) -> i64 {
    match word {
        "x86" => 1,
        "arm" => 2,
        _ => 0,
    }
}

/// Word of an agent type number.
pub fn agent_type_name(number: i64) -> &'static str {
    match number {
        1 => "x86",
        2 => "arm",
        _ => "auto",
    }
}
