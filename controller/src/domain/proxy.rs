//! Configuration text of the Proxy system microservice and its mappings (controller contract 20, proxy contract 2).

use serde::{Deserialize, Serialize};

/// Configuration of a Proxy; field order is that of the contract's text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyConfig {
    /// Mappings; each string is also the key for its removal.
    pub mappings: Vec<String>,
    /// Router that the Proxy dials.
    #[serde(rename = "networkRouter")]
    pub network_router: NetworkRouter,
}

/// A router's address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkRouter {
    /// Host name or address.
    pub host: String,
    /// AMQP port.
    pub port: i64,
}

impl ProxyConfig {
    /// Reads a stored text; an unreadable one counts as empty.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// The text as stored and sent.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Adds a mapping unless it is there.
    pub fn add(&mut self, mapping: &str) {
        if !self.mappings.iter().any(|known| known == mapping) {
            self.mappings.push(mapping.to_owned());
        }
    }

    /// Removes a mapping.
    pub fn remove(&mut self, mapping: &str) {
        self.mappings.retain(|known| known != mapping);
    }
}

/// Word before the colon: `tcp` for exactly that protocol, `http` for everything else.
#[must_use]
pub fn scheme(protocol: &str) -> &'static str {
    if protocol.eq_ignore_ascii_case("tcp") { "tcp" } else { "http" }
}

/// Mapping on the microservice's side.
#[must_use]
pub fn local_mapping(queue: &str, protocol: &str, external: i64) -> String {
    format!("amqp:{queue}=>{}:{external}", scheme(protocol))
}

/// Mapping on the public side.
#[must_use]
pub fn remote_mapping(queue: &str, protocol: &str, public_port: i64) -> String {
    format!("{}:{public_port}=>amqp:{queue}", scheme(protocol))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_the_contracts() {
        let mut config = ProxyConfig {
            mappings: Vec::new(),
            network_router: NetworkRouter { host: "10.9.9.1".to_owned(), port: 5672 },
        };
        config.add(&local_mapping("Cmzg", "http", 5000));
        config.add(&local_mapping("LpHY", "TCP", 5001));
        config.add(&local_mapping("LpHY", "TCP", 5001));
        assert_eq!(
            config.text(),
            "{\"mappings\":[\"amqp:Cmzg=>http:5000\",\"amqp:LpHY=>tcp:5001\"],\
             \"networkRouter\":{\"host\":\"10.9.9.1\",\"port\":5672}}"
        );
        config.remove("amqp:Cmzg=>http:5000");
        assert_eq!(ProxyConfig::parse(&config.text()), config);
        assert_eq!(remote_mapping("Q", "http2", 6000), "http:6000=>amqp:Q");
    }
}
