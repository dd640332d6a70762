//! What each setting accepts, and the normal form it is stored in (agent contract 4.2, 4.3).

use std::net::IpAddr;

use super::Setting;

/// A refused value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Invalid {
    reason: String,
}

/// Level names of the contract; anything else is refused.
const LEVELS: [&str; 9] =
    ["SEVERE", "WARNING", "INFO", "CONFIG", "FINE", "FINER", "FINEST", "ALL", "OFF"];

/// Checks `value` for `setting` and gives the form to store.
pub(super) fn normalise(setting: Setting, value: &str) -> Result<String, Invalid> {
    let value = value.strip_prefix('+').unwrap_or(value).trim();
    let may_be_empty = matches!(
        setting,
        Setting::ControllerCert
            | Setting::BindAddress
            | Setting::ContainerNetwork
            | Setting::GpsCoordinates
            | Setting::RouterHost
            | Setting::TimeZone
            | Setting::Token
            | Setting::Uuid
    );
    if value.is_empty() {
        return if may_be_empty {
            Ok(String::new())
        } else {
            refuse("Command or value is invalid")
        };
    }
    match setting {
        Setting::DockerUrl => docker_url(value),
        Setting::DiskLimit => range(value, "Disk limit", 1.0, 1_048_576.0),
        Setting::MemoryLimit => range(value, "Memory limit", 128.0, 1_048_576.0),
        Setting::CpuLimit => range(value, "CPU limit", 5.0, 100.0),
        Setting::LogLimit => range(value, "Log disk limit", 0.5, 100.0),
        Setting::LogFileCount => whole(value, "Log file count", 1, 100),
        Setting::DiskDirectory | Setting::LogDirectory => Ok(folder(value)),
        Setting::LogLevel => log_level(value),
        Setting::StatusFrequency
        | Setting::ChangeFrequency
        | Setting::DiagnosticsFrequency
        | Setting::ScanFrequency
        | Setting::PruningFrequency
        | Setting::DiskThreshold
        | Setting::UpgradeFrequency => positive(setting, value),
        Setting::Isolated | Setting::DevMode => switch(value),
        Setting::SecureMode => {
            Ok(if value.eq_ignore_ascii_case("off") { "off" } else { "on" }.to_owned())
        }
        Setting::Gps => gps(value),
        Setting::GpsCoordinates => coordinates(value),
        Setting::FogType => one_of(value, &["auto", "intel_amd", "arm"]),
        Setting::RouterPort => whole(value, "Router port", 0, 65_535),
        Setting::BindAddress => address(value),
        Setting::MessageQuota => whole(value, "Message quota", 1, 4096),
        _ => Ok(value.to_owned()),
    }
}

fn refuse<T>(reason: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid { reason: reason.into() })
}

fn docker_url(value: &str) -> Result<String, Invalid> {
    if value.starts_with("tcp://") || value.starts_with("unix://") || value == "native://" {
        return Ok(value.to_owned());
    }
    refuse("Unsupported protocol scheme. Only 'tcp://' or 'unix://' supported.")
}

fn range(value: &str, what: &str, low: f64, high: f64) -> Result<String, Invalid> {
    match value.parse::<f64>() {
        Ok(number) if number.is_finite() && (low..=high).contains(&number) => Ok(value.to_owned()),
        Ok(_) => refuse(format!("{what} range must be {low} to {high}")),
        Err(_) => refuse(format!("{what} must be a number, got '{value}'")),
    }
}

fn whole(value: &str, what: &str, low: u64, high: u64) -> Result<String, Invalid> {
    match value.parse::<u64>() {
        Ok(number) if (low..=high).contains(&number) => Ok(number.to_string()),
        Ok(_) => refuse(format!("{what} range must be {low} to {high}")),
        Err(_) => refuse(format!("{what} must be a whole number, got '{value}'")),
    }
}

fn positive(setting: Setting, value: &str) -> Result<String, Invalid> {
    match value.parse::<u32>() {
        Ok(number) if number >= 1 => Ok(number.to_string()),
        _ => refuse(format!("{} must be a whole number greater than 0", setting.element())),
    }
}

fn folder(value: &str) -> String {
    if value.ends_with('/') { value.to_owned() } else { format!("{value}/") }
}

fn log_level(value: &str) -> Result<String, Invalid> {
    let name = value.to_ascii_uppercase();
    if LEVELS.contains(&name.as_str()) {
        return Ok(name);
    }
    refuse(format!("Log level '{value}' is unknown; use one of {}", LEVELS.join(", ")))
}

fn switch(value: &str) -> Result<String, Invalid> {
    one_of(value, &["on", "off"])
}

fn one_of(value: &str, allowed: &[&str]) -> Result<String, Invalid> {
    let lower = value.to_ascii_lowercase();
    if allowed.contains(&lower.as_str()) {
        return Ok(lower);
    }
    refuse(format!("Value '{value}' is not one of {}", allowed.join(", ")))
}

/// A mode, or coordinates; `dynamic` is accepted because microservices set it and it must be readable again.
fn gps(value: &str) -> Result<String, Invalid> {
    let lower = value.to_ascii_lowercase();
    if ["auto", "off", "manual", "dynamic"].contains(&lower.as_str()) {
        return Ok(lower);
    }
    coordinates(value).or_else(|_| {
        refuse(format!("GPS value '{value}' is neither auto, off, manual nor lat,lon"))
    })
}

fn coordinates(value: &str) -> Result<String, Invalid> {
    let parsed = value.split_once(',').and_then(|(lat, lon)| {
        let (lat, lon) = (lat.trim(), lon.trim());
        let inside = |text: &str, limit: f64| {
            plain_decimal(text).is_some_and(|number| number.abs() <= limit)
        };
        (inside(lat, 90.0) && inside(lon, 180.0)).then(|| format!("{lat},{lon}"))
    });
    parsed
        .map_or_else(|| refuse("GPS coordinates must be lat,lon within -90..90 and -180..180"), Ok)
}

fn plain_decimal(text: &str) -> Option<f64> {
    let plain = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+'));
    text.parse().ok().filter(|_| plain)
}

fn address(value: &str) -> Result<String, Invalid> {
    match value.parse::<IpAddr>() {
        Ok(address) => Ok(address.to_string()),
        Err(_) => refuse(format!("bind_address must be an IP address, got '{value}'")),
    }
}
