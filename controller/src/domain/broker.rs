//! Ports of an external broker: what the broker gives, and the configuration of the PortRouter that opens them (controller contract 20.7).

use iofog_api::{FogUuid, MicroserviceUuid};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How often a PortRouter asks for its configuration, in seconds.
const FETCH_INTERVAL_S: i64 = 5;
/// Longest text that a broker may give: names of hosts have at most 255 characters, and tokens are no longer.
const LONGEST: usize = 4096;

/// A port as the broker gave it. The tokens go to the agent only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Where users reach it.
    pub host: String,
    /// Its number there.
    pub port: i64,
    /// Where the PortRouter connects to, on the same host.
    pub admin_port: i64,
    /// What the PortRouter opens the port with.
    pub proxy_token: String,
    /// What the PortRouter connects with; the broker knows the port by it.
    pub server_token: String,
    /// The broker's name for the port.
    pub uuid: String,
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("uuid", &self.uuid)
            .finish_non_exhaustive()
    }
}

/// An answer of the broker that makes no sense.
#[derive(Debug, PartialEq, Eq)]
pub struct Senseless {
    /// The field that does not; never its value.
    pub why: String,
    /// The port that it opened nevertheless, as far as it says which.
    pub uuid: Option<String>,
}

impl Lease {
    /// Reads the broker's answer to a wish for a port.
    ///
    /// # Errors
    /// When a field is missing or makes no sense.
    pub fn read(server_token: &str, answer: &Value) -> Result<Self, Senseless> {
        let uuid = answer.get("portUUID").and_then(Value::as_str).filter(|uuid| is_name(uuid));
        Self::fields(server_token, answer, uuid)
            .map_err(|why| Senseless { why, uuid: uuid.map(str::to_owned) })
    }

    fn fields(server_token: &str, answer: &Value, uuid: Option<&str>) -> Result<Self, String> {
        let text = |name: &str, fits: fn(char) -> bool| match answer.get(name) {
            Some(Value::String(text)) if is_text(text) && text.chars().all(fits) => {
                Ok(text.clone())
            }
            _ => Err(format!("{name} is no text")),
        };
        let port = |name: &str| {
            let given = answer.get(name);
            let digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
            let number = given.and_then(Value::as_i64).or_else(|| {
                given.and_then(Value::as_str).filter(digits).and_then(|text| text.parse().ok())
            });
            number.filter(|port| (1..=65_535).contains(port)).ok_or(format!("{name} is no port"))
        };
        // It becomes a part of a path.
        let uuid = uuid.ok_or("portUUID is not made of letters, digits, - and _")?;
        Ok(Self {
            host: text("serverAddr", |letter| letter.is_ascii_graphic())?,
            port: port("proxyPort")?,
            admin_port: port("serverPort")?,
            proxy_token: text("proxyToken", |letter| !letter.is_control())?,
            server_token: server_token.to_owned(),
            uuid: uuid.to_owned(),
        })
    }
}

fn is_text(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST
}

/// Can be the last part of a path of the broker's.
#[must_use]
pub fn is_name(text: &str) -> bool {
    is_text(text)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A port of a microservice that the broker opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerPort {
    /// Row id.
    pub id: i64,
    /// Whose port it is.
    pub microservice: MicroserviceUuid,
    /// Its internal port.
    pub internal: i64,
    /// Everything else.
    pub details: BrokerDetails,
}

/// Details of a port that the broker opens, stored as one document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerDetails {
    /// External port on the microservice's agent.
    pub external: i64,
    /// `udp` instead of `tcp`.
    pub udp: bool,
    /// What the broker gave.
    pub lease: Lease,
}

/// A port that the broker is to be asked for.
#[derive(Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The agent whose PortRouter opens it; none while the microservice has no agent.
    pub fog: Option<FogUuid>,
    /// What that PortRouter connects with.
    pub server_token: String,
    /// The agent has no PortRouter yet: the token is one that nobody else has.
    pub is_new: bool,
}

/// A port that the broker gave.
#[derive(Clone, PartialEq, Eq)]
pub struct Given {
    /// What it was asked for.
    pub wanted: Wanted,
    /// The port.
    pub lease: Lease,
}

impl Given {
    /// What is to be given back if no transaction takes it.
    pub fn notes(&self) -> impl Iterator<Item = Returned> {
        let token = self.wanted.is_new.then(|| self.lease.server_token.clone());
        let port = Returned::Port(self.lease.uuid.clone());
        std::iter::once(port).chain(token.map(Returned::ServerToken))
    }

    /// It can be opened on an agent whose PortRouter connects with a token; with none where there is no PortRouter, and then a token
    /// that another had may have been given back.
    #[must_use]
    pub fn fits(&self, fog: Option<&FogUuid>, server_token: Option<&str>) -> bool {
        let same = self.wanted.fog.as_ref() == fog;
        same && server_token.map_or(self.wanted.is_new, |token| token == self.lease.server_token)
    }
}

/// What is to be given back to the broker.
#[derive(Clone, PartialEq, Eq)]
pub enum Returned {
    /// A port by the broker's name for it.
    Port(String),
    /// A token that no PortRouter connects with any more.
    ServerToken(String),
}

/// Configuration of a PortRouter; field order is that of the contract's text.
#[derive(Serialize)]
struct PortRouterConfig<'a> {
    fetch_config_interval: i64,
    proxies: Vec<Entry<'a>>,
}

/// A port that a PortRouter opens.
#[derive(Serialize)]
struct Entry<'a> {
    name: String,
    server_addr: &'a str,
    server_port: i64,
    local_port: i64,
    remote_port: i64,
    #[serde(rename = "type")]
    kind: &'static str,
    proxy_token: &'a str,
    server_token: &'a str,
    port_uuid: &'a str,
}

impl<'a> Entry<'a> {
    fn of(port: &'a BrokerPort) -> Self {
        let (details, lease) = (&port.details, &port.details.lease);
        Self {
            name: format!("{}_{}", port.microservice, details.external),
            server_addr: &lease.host,
            server_port: lease.admin_port,
            local_port: details.external,
            remote_port: lease.port,
            kind: if details.udp { "udp" } else { "tcp" },
            proxy_token: &lease.proxy_token,
            server_token: &lease.server_token,
            port_uuid: &lease.uuid,
        }
    }
}

/// The configuration of the PortRouter that opens these ports; none when there are none.
#[must_use]
pub fn port_router_config(ports: &[BrokerPort]) -> Option<String> {
    if ports.is_empty() {
        return None;
    }
    let proxies = ports.iter().map(Entry::of).collect();
    let config = PortRouterConfig { fetch_config_interval: FETCH_INTERVAL_S, proxies };
    serde_json::to_string(&config).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer() -> Value {
        json!({ "serverAddr": "broker.example.org", "serverPort": 7000, "proxyPort": "32001",
            "proxyToken": "pt", "portUUID": "0a-b" })
    }

    fn port(uuid: &str) -> BrokerPort {
        let mut lease = Lease::read("st", &answer()).unwrap();
        uuid.clone_into(&mut lease.uuid);
        let details = BrokerDetails { external: 5000, udp: true, lease };
        BrokerPort { id: 1, microservice: "m".into(), internal: 80, details }
    }

    #[test]
    fn text_is_the_contracts() {
        assert_eq!(port_router_config(&[]), None);
        let text = port_router_config(&[port("a")]).unwrap();
        assert_eq!(
            text,
            "{\"fetch_config_interval\":5,\"proxies\":[{\"name\":\"m_5000\",\
             \"server_addr\":\"broker.example.org\",\"server_port\":7000,\"local_port\":5000,\
             \"remote_port\":32001,\"type\":\"udp\",\"proxy_token\":\"pt\",\"server_token\":\"st\",\
             \"port_uuid\":\"a\"}]}"
        );
    }

    #[test]
    fn an_answer_without_sense_is_named_and_not_shown() {
        for (field, value) in [
            ("serverAddr", json!(7)),
            ("serverPort", json!(0)),
            ("proxyPort", json!("s3cret")),
            ("proxyToken", json!("")),
            ("portUUID", json!("../s3cret")),
            ("portUUID", json!("a".repeat(5000))),
            ("serverAddr", json!("s3cret\nhost")),
            ("proxyToken", json!("s3cret\u{0}")),
            ("proxyPort", json!("+80")),
        ] {
            let mut broken = answer();
            broken[field] = value;
            let error = Lease::read("st", &broken).unwrap_err();
            let why = &error.why;
            assert!(why.contains(field) && !why.contains("s3cret"), "{why}");
            // What it opened is known, and can be given back.
            assert_eq!(error.uuid.is_some(), field != "portUUID");
        }
        assert!(Lease::read("st", &Value::Null).is_err());
    }
}
