//! What a router is told to be: settings, listeners, connectors and address rules, from three
//! syntaxes (Controller object, text, JSON) into one [`RouterConfig`].

mod attributes;
mod controller;
mod diff;
mod entities;
mod error;
mod json;
mod policy;
mod routes;
mod security;
mod ssl_profile;
#[cfg(test)]
mod tests;
mod text;
mod types;

pub use diff::{Diff, diff};
pub use error::ConfigError;
pub use policy::{
    Allowed, ConnectionLimits, DEFAULT_GROUP, GroupConfig, PolicyConfig, VhostConfig,
};
pub use routes::{AutoLinkConfig, Container, LinkRouteConfig, Way};
pub use ssl_profile::{SslProfile, UidPart};
pub use types::{
    AddressRule, ConnectorConfig, HttpConfig, ListenerConfig, Mode, Overflow, Role, RouterConfig,
    RouterId, Sasl, Secret, Settings, Treatment,
};

pub(crate) use attributes::{Attributes, Entity};
pub(crate) use entities::{address_rule, connector, listener, role_allowed};
pub(crate) use routes::{auto_link, check_auto_links, link_route};
pub(crate) use security::{check_connector, check_listener};
pub(crate) use ssl_profile::ssl_profile;

impl RouterConfig {
    /// Reads the object that a Controller gives to the Router system microservice.
    ///
    /// # Errors
    /// [`ConfigError`] naming the entity and attribute at fault.
    pub fn from_controller_json(text: &str) -> Result<Self, ConfigError> {
        controller::parse(text)
    }

    /// Reads the text syntax: `entity {` newline, `key: value` lines, `}`.
    ///
    /// # Errors
    /// [`ConfigError`] naming the line, or the entity and attribute at fault.
    pub fn from_text(text: &str) -> Result<Self, ConfigError> {
        entities::assemble(text::parse(text)?)
    }

    /// Reads the JSON syntax: an array of `["entity", {attributes}]`.
    ///
    /// # Errors
    /// [`ConfigError`] naming the entity and attribute at fault.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        entities::assemble(json::parse(text)?)
    }

    /// Reads any of the three syntaxes, told apart by the first character.
    ///
    /// # Errors
    /// As the syntax found.
    pub fn from_any(text: &str) -> Result<Self, ConfigError> {
        match text.trim_start().chars().next() {
            Some('{') => Self::from_controller_json(text),
            Some('[') => Self::from_json(text),
            _ => Self::from_text(text),
        }
    }
}
