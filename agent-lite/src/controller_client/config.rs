//! The agent configuration as the Controller keeps it, in both directions.

use iofog_api::agent::AgentConfig;

use crate::config::{Config, Setting};
use crate::state::RouterAddress;

/// `GET agent/config` in local terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteConfig {
    /// Values that were there and not null, in the local text form.
    pub settings: Vec<(Setting, String)>,
    /// Where the node's Router is.
    pub router: Option<RouterAddress>,
}

// === impl RemoteConfig ===

impl RemoteConfig {
    /// Takes over what is there; absent, null and empty values are left out.
    pub fn decode(remote: AgentConfig) -> Self {
        let text = |value: Option<f64>| value.map(|number| number.to_string());
        let whole = |value: Option<i64>| value.map(|number| number.to_string());
        let coordinates = match (remote.latitude, remote.longitude) {
            // The pair of zeros is the Controller's "unknown".
            (Some(latitude), Some(longitude)) if (latitude, longitude) != (0.0, 0.0) => {
                Some(format!("{latitude},{longitude}"))
            }
            _ => None,
        };
        let watchdog = remote.watchdog_enabled.map(|on| if on { "on" } else { "off" }.to_owned());
        // The contract applies these three only from 1 on; the rules of the settings see to that.
        let settings = [
            (Setting::NetworkInterface, remote.network_interface),
            (Setting::DockerUrl, remote.docker_url),
            (Setting::DiskLimit, text(remote.disk_limit)),
            (Setting::DiskDirectory, remote.disk_directory),
            (Setting::MemoryLimit, text(remote.memory_limit)),
            (Setting::CpuLimit, text(remote.cpu_limit)),
            (Setting::LogLimit, text(remote.log_limit)),
            (Setting::LogDirectory, remote.log_directory),
            (Setting::LogFileCount, whole(remote.log_file_count)),
            (Setting::LogLevel, remote.log_level),
            (Setting::StatusFrequency, whole(remote.status_frequency)),
            (Setting::ChangeFrequency, whole(remote.change_frequency)),
            (Setting::ScanFrequency, whole(remote.device_scan_frequency)),
            (
                Setting::PruningFrequency,
                whole(remote.docker_pruning_frequency).filter(|hours| hours != "0"),
            ),
            (
                Setting::DiskThreshold,
                whole(remote.available_disk_threshold).filter(|share| share != "0"),
            ),
            (Setting::TimeZone, remote.time_zone),
            (Setting::Isolated, watchdog),
            (Setting::GpsCoordinates, coordinates),
        ];
        let there = |(setting, value): (Setting, Option<String>)| {
            Some((setting, value.filter(|text| !text.is_empty())?))
        };
        let port =
            remote.router_port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
        let host = remote.router_host.filter(|host| !host.is_empty());
        Self {
            settings: settings.into_iter().filter_map(there).collect(),
            router: host.zip(port).map(|(host, port)| RouterAddress { host, port }),
        }
    }
}

/// Body of `PATCH agent/config` (agent contract 3.4).
pub fn local_config(config: &Config, interface: &str) -> AgentConfig {
    let text = |setting| Some(config.get(setting).to_owned());
    // The Controller wants whole numbers; a fraction of a GiB is rounded up rather than refused.
    let limit = |setting| Some(config.decimal(setting).ceil());
    let whole = |setting| i64::try_from(config.integer(setting)).ok();
    let (latitude, longitude) = config.coordinates().unwrap_or(("0", "0"));
    AgentConfig {
        network_interface: Some(
            if interface.is_empty() { "UNKNOWN" } else { interface }.to_owned(),
        ),
        docker_url: text(Setting::DockerUrl),
        disk_limit: limit(Setting::DiskLimit),
        disk_directory: text(Setting::DiskDirectory),
        memory_limit: limit(Setting::MemoryLimit),
        cpu_limit: limit(Setting::CpuLimit),
        log_limit: limit(Setting::LogLimit),
        log_directory: text(Setting::LogDirectory),
        log_file_count: whole(Setting::LogFileCount),
        status_frequency: whole(Setting::StatusFrequency),
        change_frequency: whole(Setting::ChangeFrequency),
        device_scan_frequency: whole(Setting::ScanFrequency),
        watchdog_enabled: Some(config.get(Setting::Isolated) == "on"),
        latitude: latitude.parse().ok(),
        longitude: longitude.parse().ok(),
        gps_mode: text(Setting::Gps),
        log_level: text(Setting::LogLevel),
        available_disk_threshold: whole(Setting::DiskThreshold),
        docker_pruning_frequency: whole(Setting::PruningFrequency),
        router_host: None,
        router_port: None,
        time_zone: text(Setting::TimeZone).filter(|zone| !zone.is_empty()),
    }
}
