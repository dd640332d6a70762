//! The Controller's object for the Router system microservice (router.md 2.1).

use serde_json::{Map, Value};

use super::entities::check;
use super::{Attributes, ConfigError, ConnectorConfig, ListenerConfig, Mode, Role, RouterConfig};

pub(super) fn parse(text: &str) -> Result<RouterConfig, ConfigError> {
    let value: Value = serde_json::from_slice(text.as_bytes()).map_err(|error| {
        ConfigError::Syntax { line: error.line(), rule: format!("not JSON: {error}") }
    })?;
    let Value::Object(mut object) = value else {
        return Err(ConfigError::entity("configuration", "must be an object"));
    };
    let listeners = list(&mut object, "listeners")?;
    let connectors = list(&mut object, "connectors")?;
    let mut router = Attributes::new("router", object);
    let mode = router.choice("mode", Mode::Edge, Mode::parse)?;
    let mut config = RouterConfig::new(mode, &router.required("id")?);
    for item in listeners {
        config.listeners.push(listener(item)?);
    }
    for item in connectors {
        config.connectors.push(connector(item)?);
    }
    check(&config)?;
    Ok(config)
}

fn list(
    object: &mut Map<String, Value>,
    name: &str,
) -> Result<Vec<Map<String, Value>>, ConfigError> {
    let wrong = || ConfigError::attribute("router", name, "must be a list of objects");
    match object.remove(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .into_iter()
            .map(|item| match item {
                Value::Object(map) => Ok(map),
                _ => Err(wrong()),
            })
            .collect(),
        Some(_) => Err(wrong()),
    }
}

fn listener(item: Map<String, Value>) -> Result<ListenerConfig, ConfigError> {
    let mut from = Attributes::new("listener", item);
    let host = from.string("host")?.unwrap_or_else(|| "0.0.0.0".to_owned());
    let role = from.choice("role", Role::Normal, Role::parse)?;
    let port = from.port("port", 5672)?;
    Ok(ListenerConfig::new(role, &host, port))
}

fn connector(item: Map<String, Value>) -> Result<ConnectorConfig, ConfigError> {
    let mut from = Attributes::new("connector", item);
    let name = from.required("name")?;
    let host = from.required("host")?;
    let role = from.choice("role", Role::Normal, Role::parse)?;
    let port = from.port("port", 5672)?;
    Ok(ConnectorConfig::new(&name, role, &host, port))
}
