//! An agent (fog): its settings as the user and the agent itself change them (controller contract 5.1).

use iofog_api::{ApiError, Fields};
use serde::{Deserialize, Serialize};

use super::microservice::Platform;

/// How an agent takes part in the router network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouterMode {
    /// No router of its own.
    None,
    /// A leaf that dials an interior router.
    #[default]
    Edge,
    /// Part of the backbone.
    Interior,
}

impl RouterMode {
    /// The word of the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Edge => "edge",
            Self::Interior => "interior",
        }
    }

    /// Reads the word of the wire.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::None, Self::Edge, Self::Interior].into_iter().find(|mode| mode.name() == word)
    }
}

/// Settings of an agent, stored as one document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "fields carry the contract's names and meanings, section 5.1")]
pub struct FogSettings {
    pub fog_type: i64,
    /// True architecture, where the agent told it; decision 0052.
    pub architecture: Option<String>,
    pub location: Option<String>,
    pub description: Option<String>,
    pub gps_mode: Option<String>,
    pub latitude: Option<f64>,
    pub longitude: Option<f64>,
    pub network_interface: String,
    pub docker_url: String,
    pub disk_limit: f64,
    pub disk_directory: String,
    pub memory_limit: f64,
    pub cpu_limit: f64,
    pub log_limit: f64,
    pub log_directory: String,
    pub log_file_count: i64,
    pub status_frequency: i64,
    pub change_frequency: i64,
    pub device_scan_frequency: i64,
    pub bluetooth: bool,
    pub hal: bool,
    pub watchdog: bool,
    pub docker_pruning_frequency: i64,
    pub available_disk_threshold: i64,
    pub log_level: String,
    pub time_zone: Option<String>,
    pub host: Option<String>,
    pub tags: Vec<String>,
    pub router_mode: RouterMode,
    /// Agent whose router is used in mode none; absent = the default router.
    pub network_router: Option<String>,
}

impl Default for FogSettings {
    fn default() -> Self {
        Self {
            fog_type: 0,
            architecture: None,
            location: None,
            description: None,
            gps_mode: Some("auto".to_owned()),
            latitude: None,
            longitude: None,
            network_interface: "eth0".to_owned(),
            docker_url: "unix:///var/run/docker.sock".to_owned(),
            disk_limit: 50.0,
            disk_directory: "/var/lib/iofog/".to_owned(),
            memory_limit: 4096.0,
            cpu_limit: 80.0,
            log_limit: 10.0,
            log_directory: "/var/log/iofog/".to_owned(),
            log_file_count: 10,
            status_frequency: 10,
            change_frequency: 20,
            device_scan_frequency: 20,
            bluetooth: false,
            hal: false,
            watchdog: true,
            docker_pruning_frequency: 1,
            available_disk_threshold: 20,
            log_level: "INFO".to_owned(),
            time_zone: None,
            host: None,
            tags: Vec::new(),
            router_mode: RouterMode::default(),
            network_router: None,
        }
    }
}

impl FogSettings {
    /// What images are chosen by.
    #[must_use]
    pub fn platform(&self) -> Platform<'_> {
        Platform { fog_type: self.fog_type, architecture: self.architecture.as_deref() }
    }
}

const ANY: i64 = i64::MAX;

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn set_some<T>(field: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *field = value;
    }
}

impl FogSettings {
    /// Takes what both the user (5.1) and the agent's own PATCH (section 6) may send.
    ///
    /// # Errors
    /// When a field has the wrong type or is out of bounds; nothing of `self` may be kept then.
    pub fn update_common(&mut self, body: &Fields<'_>) -> Result<(), ApiError> {
        set(&mut self.network_interface, body.string("networkInterface")?);
        set(&mut self.docker_url, body.string("dockerUrl")?);
        set(&mut self.disk_directory, body.string("diskDirectory")?);
        set(&mut self.log_directory, body.string("logDirectory")?);
        set(&mut self.log_level, body.string("logLevel")?);
        set_some(&mut self.time_zone, body.string("timeZone")?);
        for (field, name) in [
            (&mut self.disk_limit, "diskLimit"),
            (&mut self.memory_limit, "memoryLimit"),
            (&mut self.cpu_limit, "cpuLimit"),
            (&mut self.log_limit, "logLimit"),
        ] {
            set(field, body.integer(name, 0, ANY)?.and(body.number(name, 0.0, f64::MAX)?));
        }
        for (field, name) in [
            (&mut self.log_file_count, "logFileCount"),
            (&mut self.status_frequency, "statusFrequency"),
            (&mut self.change_frequency, "changeFrequency"),
            (&mut self.device_scan_frequency, "deviceScanFrequency"),
            (&mut self.docker_pruning_frequency, "dockerPruningFrequency"),
            (&mut self.available_disk_threshold, "availableDiskThreshold"),
        ] {
            set(field, body.integer(name, 0, ANY)?);
        }
        set(&mut self.watchdog, body.boolean("watchdogEnabled")?);
        set_some(&mut self.latitude, body.number("latitude", -90.0, 90.0)?);
        set_some(&mut self.longitude, body.number("longitude", -180.0, 180.0)?);
        set_some(&mut self.gps_mode, body.string("gpsMode")?);
        Ok(())
    }

    /// Takes what a user may send at creation and update, but for the router fields.
    ///
    /// # Errors
    /// As [`Self::update_common`].
    pub fn update(&mut self, body: &Fields<'_>) -> Result<(), ApiError> {
        self.update_common(body)?;
        set(&mut self.fog_type, body.integer("fogType", 0, 2)?);
        set_some(&mut self.location, body.string("location")?);
        set_some(&mut self.description, body.string("description")?);
        let moved =
            |name| body.get(name).and_then(serde_json::Value::as_f64).is_some_and(|at| at != 0.0);
        if moved("latitude") || moved("longitude") {
            self.gps_mode = Some("manual".to_owned());
        }
        set(&mut self.bluetooth, body.boolean("bluetoothEnabled")?);
        set(&mut self.hal, body.boolean("abstractedHardwareEnabled")?);
        set_some(&mut self.host, body.string("host")?);
        set(&mut self.tags, body.strings("tags")?);
        Ok(())
    }
}

/// An agent as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Fog {
    /// Identity.
    pub uuid: iofog_api::FogUuid,
    /// Owner.
    pub user_id: i64,
    /// Name, unique among all agents at creation.
    pub name: String,
    /// The agent beside the Controller.
    pub is_system: bool,
    /// Creation, epoch ms.
    pub created: i64,
    /// Last change by a user, epoch ms.
    pub updated: i64,
    /// Everything else.
    pub settings: FogSettings,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn agents_send_whole_floats() {
        let mut settings = FogSettings::default();
        let body = json!({ "diskLimit": 10.0, "statusFrequency": 30.0, "latitude": 1.5 });
        settings.update_common(&Fields::of(&body).unwrap()).unwrap();
        assert_eq!((settings.disk_limit, settings.status_frequency), (10.0, 30));
        assert_eq!(settings.gps_mode.as_deref(), Some("auto"));
        let half = json!({ "diskLimit": 0.5 });
        let error = settings.update_common(&Fields::of(&half).unwrap()).unwrap_err();
        assert_eq!(error.message, "Field 'diskLimit' is not of a type(s) integer");
    }

    #[test]
    fn coordinates_from_a_user_mean_manual() {
        let mut settings = FogSettings::default();
        settings.update(&Fields::of(&json!({ "latitude": 46.2 })).unwrap()).unwrap();
        assert_eq!(settings.gps_mode.as_deref(), Some("manual"));
    }
}
