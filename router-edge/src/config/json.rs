//! The JSON syntax: `[["entity", {...}], ...]`.

use serde_json::Value;

use super::{ConfigError, Entity};

pub(super) fn parse(text: &str) -> Result<Vec<Entity>, ConfigError> {
    let value: Value = serde_json::from_slice(text.as_bytes()).map_err(|error| {
        ConfigError::Syntax { line: error.line(), rule: format!("not JSON: {error}") }
    })?;
    let Value::Array(items) = value else {
        return Err(ConfigError::entity("configuration", "must be an array"));
    };
    items.into_iter().enumerate().map(entity).collect()
}

fn entity((index, item): (usize, Value)) -> Result<Entity, ConfigError> {
    if let Value::Array(pair) = item
        && let Ok([Value::String(name), Value::Object(attributes)]) = <[Value; 2]>::try_from(pair)
    {
        return Ok(Entity { name, attributes });
    }
    Err(ConfigError::entity(format!("element {index}"), "must be [\"entity\", {attributes}]"))
}
