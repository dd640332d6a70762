//! Configuration of the Agent: settings, their rules, and the XML file that holds them.

mod apply;
mod file;
mod paths;
mod rules;
mod setting;
mod xml;

use std::net::IpAddr;
use std::time::Duration;

pub use apply::{Outcome, SettingChange};
pub use file::{ConfigFile, LoadError};
pub use paths::Paths;
pub use rules::Invalid;
pub use setting::Setting;

use crate::ids::FogUuid;

/// All settings, each held in its normalised text form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    values: Vec<String>,
    paths: Paths,
}

/// CPU family reported at provisioning; the Controller chooses images by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FogType {
    /// x86 family, code 1.
    IntelAmd,
    /// ARM family, and MIPS for lack of a code of its own: code 2.
    Arm,
}

// === impl Config ===

impl Config {
    /// Built-in defaults for the given places.
    pub fn defaults(paths: &Paths) -> Self {
        let values = Setting::ALL.iter().map(|one| one.default_value(paths)).collect();
        Self { values, paths: paths.clone() }
    }

    /// The text of one setting.
    pub fn get(&self, setting: Setting) -> &str {
        self.values.get(setting.index()).map(String::as_str).unwrap_or_default()
    }

    /// The value of a setting that nobody set.
    pub fn built_in(&self, setting: Setting) -> String {
        setting.default_value(&self.paths)
    }

    /// Validates, normalises and stores one value.
    pub fn set(&mut self, setting: Setting, value: &str) -> Result<(), Invalid> {
        let normal = rules::normalise(setting, value)?;
        self.store(setting, normal);
        Ok(())
    }

    fn store(&mut self, setting: Setting, value: String) {
        if let Some(slot) = self.values.get_mut(setting.index()) {
            *slot = value;
        }
    }

    /// Stores the identity granted by the Controller.
    pub fn set_identity(&mut self, uuid: &FogUuid, token: &str) {
        self.store(Setting::Uuid, uuid.as_str().to_owned());
        self.store(Setting::Token, token.to_owned());
    }

    /// This node's uuid; empty when not provisioned.
    pub fn uuid(&self) -> FogUuid {
        FogUuid::from(self.get(Setting::Uuid))
    }

    /// The Controller's token, a secret.
    pub fn token(&self) -> &str {
        self.get(Setting::Token)
    }

    /// Both identity parts are there.
    pub fn is_provisioned(&self) -> bool {
        !self.get(Setting::Uuid).is_empty() && !self.token().is_empty()
    }

    /// A setting of whole seconds.
    pub fn seconds(&self, setting: Setting) -> Duration {
        Duration::from_secs(self.integer(setting).max(1))
    }

    /// A whole number; 0 when it is not one.
    pub fn integer(&self, setting: Setting) -> u64 {
        self.get(setting).parse().unwrap_or_default()
    }

    /// A decimal number; 0 when it is not one.
    pub fn decimal(&self, setting: Setting) -> f64 {
        self.get(setting).parse().unwrap_or_default()
    }

    /// Our own element `bind_address`; none means all addresses.
    pub fn bind_address(&self) -> Option<IpAddr> {
        self.get(Setting::BindAddress).parse().ok()
    }

    /// Our own element `container_network`; none means the engine's default.
    pub fn container_network(&self) -> Option<&str> {
        Some(self.get(Setting::ContainerNetwork)).filter(|name| !name.is_empty())
    }

    /// Stored coordinates, or none.
    pub fn coordinates(&self) -> Option<(&str, &str)> {
        self.get(Setting::GpsCoordinates).split_once(',')
    }

    /// The CPU family, detected unless set.
    pub fn fog_type(&self) -> FogType {
        match self.get(Setting::FogType) {
            "intel_amd" => FogType::IntelAmd,
            "arm" => FogType::Arm,
            _ if cfg!(any(target_arch = "x86_64", target_arch = "x86")) => FogType::IntelAmd,
            _ => FogType::Arm,
        }
    }

    /// The Controller's base URL with a final `/`.
    pub fn controller_url(&self) -> String {
        let url = self.get(Setting::ControllerUrl);
        if url.ends_with('/') { url.to_owned() } else { format!("{url}/") }
    }

    /// Restores the built-in defaults; the identity and our own elements stay.
    pub fn reset(&mut self) {
        let defaults = Self::defaults(&self.paths);
        for setting in Setting::ALL.iter().filter(|one| one.cli().is_some()) {
            self.store(*setting, defaults.get(*setting).to_owned());
        }
    }
}

// === impl FogType ===

impl FogType {
    /// The number on the wire.
    pub fn code(self) -> u8 {
        match self {
            Self::IntelAmd => 1,
            Self::Arm => 2,
        }
    }
}

#[cfg(test)]
mod tests;
