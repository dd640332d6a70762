//! Agent configuration as it travels in both directions (spec section 6, quirk Q8).

use serde::{Deserialize, Serialize};

use crate::number;

/// Body of `GET` and `PATCH /agent/config`. Absent and null both read as `None`; `None` is never written,
/// because the Java Agent drops the whole update on a null.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentConfig {
    /// Interface name, or `dynamic`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_interface: Option<String>,
    /// Container engine URL, for example `unix:///var/run/docker.sock`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_url: Option<String>,
    /// GiB.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number::plain_opt")]
    pub disk_limit: Option<f64>,
    /// Directory with trailing `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_directory: Option<String>,
    /// MiB.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number::plain_opt")]
    pub memory_limit: Option<f64>,
    /// Percent of all CPUs.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number::plain_opt")]
    pub cpu_limit: Option<f64>,
    /// GiB.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number::plain_opt")]
    pub log_limit: Option<f64>,
    /// Directory with trailing `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_directory: Option<String>,
    /// Rotated log files to keep.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::int_opt")]
    pub log_file_count: Option<i64>,
    /// Seconds between status reports.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::int_opt")]
    pub status_frequency: Option<i64>,
    /// Seconds between change polls.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::int_opt")]
    pub change_frequency: Option<i64>,
    /// Seconds between hardware scans.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::int_opt")]
    pub device_scan_frequency: Option<i64>,
    /// Whether unknown containers are stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watchdog_enabled: Option<bool>,
    /// Degrees, -90 to 90.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number::plain_opt")]
    pub latitude: Option<f64>,
    /// Degrees, -180 to 180.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number::plain_opt")]
    pub longitude: Option<f64>,
    /// `auto`, `manual`, `off` or `dynamic`; only sent by agents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gps_mode: Option<String>,
    /// Upper-case level name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<String>,
    /// Percent of free disk below which images are pruned.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::int_opt")]
    pub available_disk_threshold: Option<i64>,
    /// Hours.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::int_opt")]
    pub docker_pruning_frequency: Option<i64>,
    /// Only sent by the Controller; `localhost` when the router runs on this agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub router_host: Option<String>,
    /// Only sent by the Controller: the router's messaging port.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::int_opt")]
    pub router_port: Option<i64>,
    /// IANA zone name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}
