//! The agent configuration as the Controller keeps it, in both directions.

use serde_json::{Map, Value, json};

use super::ControllerError;
use super::decode::text;
use crate::config::{Config, Setting};
use crate::state::RouterAddress;

/// `GET agent/config`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteConfig {
    /// Values that were there and not null, in the local text form.
    pub settings: Vec<(Setting, String)>,
    /// Where the node's Router is.
    pub router: Option<RouterAddress>,
}

/// The interface name is detected here and coordinates have a rule of their own.
const EXCHANGED: [Setting; 16] = [
    Setting::NetworkInterface,
    Setting::DockerUrl,
    Setting::DiskLimit,
    Setting::DiskDirectory,
    Setting::MemoryLimit,
    Setting::CpuLimit,
    Setting::LogLimit,
    Setting::LogDirectory,
    Setting::LogFileCount,
    Setting::LogLevel,
    Setting::StatusFrequency,
    Setting::ChangeFrequency,
    Setting::ScanFrequency,
    Setting::PruningFrequency,
    Setting::DiskThreshold,
    Setting::TimeZone,
];

// === impl RemoteConfig ===

impl RemoteConfig {
    /// Reads the answer; what is absent, null or empty is left out.
    pub(super) fn decode(body: &Value) -> Result<Self, ControllerError> {
        if !body.is_object() {
            return Err(ControllerError::malformed("agent config is not an object"));
        }
        let mut settings = Vec::new();
        for setting in EXCHANGED {
            let Some(name) = setting.json() else { continue };
            let value = text(body, name);
            if !value.is_empty() {
                settings.push((setting, plain_number(&value).to_owned()));
            }
        }
        match body.get("watchdogEnabled") {
            Some(Value::Bool(on)) => {
                settings.push((Setting::Isolated, if *on { "on" } else { "off" }.to_owned()))
            }
            Some(Value::Number(on)) => {
                settings.push((
                    Setting::Isolated,
                    if on.as_i64() == Some(1) { "on" } else { "off" }.to_owned(),
                ));
            }
            _ => {}
        }
        let coordinates = (number(body, "latitude"), number(body, "longitude"));
        if let (Some(latitude), Some(longitude)) = coordinates
            && (latitude, longitude) != (0.0, 0.0)
        {
            settings.push((Setting::GpsCoordinates, format!("{latitude},{longitude}")));
        }
        let host = text(body, "routerHost");
        let port = text(body, "routerPort").parse().ok().filter(|port| *port > 0);
        let router = port.filter(|_| !host.is_empty()).map(|port| RouterAddress { host, port });
        Ok(Self { settings, router })
    }

    /// Body of `PATCH agent/config` (agent contract 3.4): the types are the Java Agent's.
    pub fn encode(config: &Config, interface: &str) -> Value {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("networkInterface", json!(if interface.is_empty() { "UNKNOWN" } else { interface }));
        for setting in
            [Setting::DockerUrl, Setting::DiskDirectory, Setting::LogDirectory, Setting::LogLevel]
        {
            put(setting.json().unwrap_or_default(), json!(config.get(setting)));
        }
        // The Controller wants whole numbers; a fraction of a GiB is rounded up rather than refused.
        for setting in
            [Setting::DiskLimit, Setting::MemoryLimit, Setting::CpuLimit, Setting::LogLimit]
        {
            put(setting.json().unwrap_or_default(), json!(config.decimal(setting).ceil()));
        }
        for setting in [
            Setting::LogFileCount,
            Setting::StatusFrequency,
            Setting::ChangeFrequency,
            Setting::ScanFrequency,
            Setting::DiskThreshold,
            Setting::PruningFrequency,
            Setting::UpgradeFrequency,
        ] {
            put(setting.json().unwrap_or_default(), json!(config.integer(setting)));
        }
        put("watchdogEnabled", json!(config.get(Setting::Isolated) == "on"));
        put("gpsMode", json!(config.get(Setting::Gps)));
        let (latitude, longitude) = config.coordinates().unwrap_or(("0", "0"));
        put("latitude", json!(latitude.parse::<f64>().unwrap_or_default()));
        put("longitude", json!(longitude.parse::<f64>().unwrap_or_default()));
        if !config.get(Setting::TimeZone).is_empty() {
            put("timeZone", json!(config.get(Setting::TimeZone)));
        }
        Value::Object(body)
    }
}

/// `10.0` and `10` are the same number; the local form is the short one.
fn plain_number(text: &str) -> &str {
    match text.strip_suffix(".0") {
        Some(whole) if whole.bytes().all(|byte| byte.is_ascii_digit()) => whole,
        _ => text,
    }
}

fn number(body: &Value, name: &str) -> Option<f64> {
    body.get(name).and_then(|value| value.as_f64().or_else(|| value.as_str()?.parse().ok()))
}
