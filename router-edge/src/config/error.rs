//! Why a configuration was refused: always the entity, the attribute and the rule.

use thiserror::Error;

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The text is not in the syntax at all.
    #[error("line {line}: {rule}")]
    Syntax {
        /// Line number, from 1.
        line: usize,
        /// What was expected.
        rule: String,
    },
    /// No entity has this name.
    #[error("unknown entity `{0}`")]
    UnknownEntity(String),
    /// The entity has no such attribute.
    #[error("{entity}: unknown attribute `{attribute}`")]
    UnknownAttribute {
        /// Entity type.
        entity: String,
        /// Attribute name as given.
        attribute: String,
    },
    /// The attribute is missing, of the wrong type or out of range.
    #[error("{entity}: attribute `{attribute}` {rule}")]
    Attribute {
        /// Entity type.
        entity: String,
        /// Attribute name.
        attribute: String,
        /// The rule that the value breaks.
        rule: String,
    },
    /// The entity as a whole is not allowed here.
    #[error("{entity} {rule}")]
    Entity {
        /// Entity type, with its name when it has one.
        entity: String,
        /// The rule.
        rule: String,
    },
}

impl ConfigError {
    pub(crate) fn attribute(entity: &str, attribute: &str, rule: impl Into<String>) -> Self {
        Self::Attribute {
            entity: entity.to_owned(),
            attribute: attribute.to_owned(),
            rule: rule.into(),
        }
    }

    pub(crate) fn entity(entity: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::Entity { entity: entity.into(), rule: rule.into() }
    }
}
