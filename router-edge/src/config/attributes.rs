//! Attribute bag of one entity: typed reads that name entity and attribute when they fail.

use serde_json::{Map, Value};

use super::ConfigError;

/// One parsed entity before it has a type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entity {
    /// Entity type as written.
    pub(crate) name: String,
    /// Its attributes.
    pub(crate) attributes: Map<String, Value>,
}

/// Takes attributes out one by one; [`Attributes::finish`] refuses what is left.
#[derive(Debug)]
pub(crate) struct Attributes {
    entity: String,
    map: Map<String, Value>,
}

impl Attributes {
    pub(crate) fn new(entity: &str, map: Map<String, Value>) -> Self {
        Self { entity: entity.to_owned(), map }
    }

    pub(crate) fn entity(&self) -> &str {
        &self.entity
    }

    fn fail<T>(&self, attribute: &str, rule: impl Into<String>) -> Result<T, ConfigError> {
        Err(ConfigError::attribute(&self.entity, attribute, rule))
    }

    pub(crate) fn string(&mut self, attribute: &str) -> Result<Option<String>, ConfigError> {
        match self.map.remove(attribute) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(Value::Bool(flag)) => Ok(Some(flag.to_string())),
            Some(_) => self.fail(attribute, "must be a string"),
        }
    }

    pub(crate) fn required(&mut self, attribute: &str) -> Result<String, ConfigError> {
        match self.string(attribute)? {
            Some(text) if !text.is_empty() => Ok(text),
            _ => self.fail(attribute, "is required"),
        }
    }

    /// An unsigned number, also when written as a string.
    pub(crate) fn number(&mut self, attribute: &str, default: u32) -> Result<u32, ConfigError> {
        match self.string(attribute)? {
            None => Ok(default),
            Some(text) => match text.trim().parse() {
                Ok(number) => Ok(number),
                Err(_) => self.fail(attribute, format!("must be a whole number, not `{text}`")),
            },
        }
    }

    /// A number within bounds, both included.
    pub(crate) fn bounded(
        &mut self,
        attribute: &str,
        default: u32,
        low: u32,
        high: u32,
    ) -> Result<u32, ConfigError> {
        let number = self.number(attribute, default)?;
        if (low..=high).contains(&number) {
            Ok(number)
        } else {
            self.fail(attribute, format!("must be between {low} and {high}"))
        }
    }

    /// A TCP port: a number or the names `amqp` and `amqps`.
    pub(crate) fn port(&mut self, attribute: &str, default: u16) -> Result<u16, ConfigError> {
        match self.string(attribute)?.as_deref().map(str::trim) {
            None => Ok(default),
            Some("amqp") => Ok(5672),
            Some("amqps") => Ok(5671),
            Some(text) => match text.parse() {
                Ok(port) => Ok(port),
                Err(_) => self.fail(attribute, format!("must be a port, not `{text}`")),
            },
        }
    }

    pub(crate) fn flag(&mut self, attribute: &str, default: bool) -> Result<bool, ConfigError> {
        match self.string(attribute)?.as_deref() {
            None => Ok(default),
            Some("yes" | "true" | "on") => Ok(true),
            Some("no" | "false" | "off") => Ok(false),
            Some(text) => {
                let rule = format!("must be yes or no, not `{text}`");
                self.fail(attribute, rule)
            }
        }
    }

    /// One of a set of names.
    pub(crate) fn choice<T>(
        &mut self,
        attribute: &str,
        default: T,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        match self.string(attribute)? {
            None => Ok(default),
            Some(text) => match parse(&text) {
                Some(value) => Ok(value),
                None => self.fail(attribute, format!("has no value `{text}`")),
            },
        }
    }

    /// The raw value.
    pub(crate) fn take(&mut self, attribute: &str) -> Option<Value> {
        self.map.remove(attribute)
    }

    /// Drops attributes that the contract knows and this router has no use for.
    pub(crate) fn ignore(&mut self, attributes: &[&str]) {
        for attribute in attributes {
            self.map.remove(*attribute);
        }
    }

    pub(crate) fn finish(self) -> Result<(), ConfigError> {
        match self.map.keys().next() {
            None => Ok(()),
            Some(attribute) => Err(ConfigError::UnknownAttribute {
                entity: self.entity,
                attribute: attribute.clone(),
            }),
        }
    }
}
