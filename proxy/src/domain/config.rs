//! Configuration of a proxy as the Controller writes it, and what changes between two of them.

use std::collections::HashSet;

use serde::{Deserialize, Deserializer, Serialize};

/// Config object of the Proxy system microservice (proxy.md section 1.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyConfig {
    /// Mapping strings, byte for byte as the Controller keeps them; they are also the keys of a change.
    #[serde(default)]
    pub mappings: Vec<String>,
    /// The router that mappings connect to.
    #[serde(default)]
    pub network_router: NetworkRouter,
}

/// Where the router listens for clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkRouter {
    /// Host name or address.
    #[serde(default = "default_host")]
    pub host: String,
    /// AMQP port of the router's `normal` listener; a number, also accepted as decimal text.
    #[serde(default = "default_port", deserialize_with = "port")]
    pub port: u16,
}

/// What has to be done to get from one configuration to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Mapping strings to stop, first.
    pub stop: Vec<String>,
    /// Mapping strings to start, each once, in the order given.
    pub start: Vec<String>,
    /// The router changed: mappings that stay have to connect to the new one.
    pub reconnect: bool,
}

/// The config text cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("proxy config is not valid: {0}")]
pub struct ConfigError(#[from] serde_json::Error);

// === impl ProxyConfig ===

impl ProxyConfig {
    /// Reads the JSON text of proxy.md section 1.1; missing parts take their defaults.
    ///
    /// # Errors
    /// The text is not JSON of that shape.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        Ok(serde_json::from_slice(text.as_bytes())?)
    }

    /// What to stop and start to get from `self` to `next`; exact strings decide, duplicates count once.
    pub fn change_to(&self, next: &Self) -> Change {
        let wanted: HashSet<&str> = next.mappings.iter().map(String::as_str).collect();
        let mut running: HashSet<&str> = HashSet::new();
        let mut change =
            Change { reconnect: self.network_router != next.network_router, ..Change::default() };
        for mapping in &self.mappings {
            if running.insert(mapping) && !wanted.contains(mapping.as_str()) {
                change.stop.push(mapping.clone());
            }
        }
        for mapping in &next.mappings {
            if running.insert(mapping) {
                change.start.push(mapping.clone());
            }
        }
        change
    }
}

// === impl NetworkRouter ===

impl Default for NetworkRouter {
    fn default() -> Self {
        Self { host: default_host(), port: default_port() }
    }
}

fn default_host() -> String {
    "localhost".to_owned()
}

const fn default_port() -> u16 {
    5672
}

fn port<'de, D: Deserializer<'de>>(source: D) -> Result<u16, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Port {
        Number(u16),
        Text(String),
    }
    match Port::deserialize(source)? {
        Port::Number(port) => Ok(port),
        Port::Text(text) => text.trim().parse().map_err(|_| {
            serde::de::Error::custom("networkRouter.port must be a number from 0 to 65535")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(mappings: &[&str], host: &str) -> ProxyConfig {
        ProxyConfig {
            mappings: mappings.iter().map(|&m| m.to_owned()).collect(),
            network_router: NetworkRouter { host: host.to_owned(), port: 5672 },
        }
    }

    #[test]
    fn config_reads_the_controllers_object() {
        let text =
            r#"{"mappings":["amqp:q=>http:80"],"networkRouter":{"host":"10.0.0.1","port":5673}}"#;
        let config = ProxyConfig::from_json(text).unwrap();
        assert_eq!(config.mappings, ["amqp:q=>http:80"]);
        assert_eq!(config.network_router, NetworkRouter { host: "10.0.0.1".into(), port: 5673 });
    }

    #[test]
    fn config_defaults_and_text_port() {
        assert_eq!(ProxyConfig::from_json("{}").unwrap(), ProxyConfig::default());
        let text = r#"{"mappings":[],"networkRouter":{"host":"h","port":"99"}}"#;
        assert_eq!(ProxyConfig::from_json(text).unwrap().network_router.port, 99);
    }

    #[test]
    fn config_refuses_other_shapes() {
        for text in ["", "[]1", r#"{"mappings":"x"}"#, r#"{"networkRouter":{"port":70000}}"#] {
            assert!(ProxyConfig::from_json(text).is_err(), "{text}");
        }
    }

    #[test]
    fn change_stops_starts_and_leaves_the_rest() {
        let change = config(&["a", "b", "b"], "h").change_to(&config(&["c", "b", "c"], "h"));
        assert_eq!(change.stop, ["a"]);
        assert_eq!(change.start, ["c"]);
        assert!(!change.reconnect);
    }

    #[test]
    fn change_of_router_only_reconnects() {
        let change = config(&["a"], "h").change_to(&config(&["a"], "i"));
        assert_eq!(change, Change { reconnect: true, ..Change::default() });
    }

    #[test]
    fn change_to_the_same_is_empty() {
        let same = config(&["a", "b"], "h");
        assert_eq!(same.change_to(&same.clone()), Change::default());
    }
}
