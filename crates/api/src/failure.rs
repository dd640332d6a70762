//! An error on its way to a client: class and message; the route decides the status (controller contract 0.4).

use serde_json::{Value, json};

use crate::error::ErrorClass;

/// An error as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", class.name())]
pub struct ApiError {
    /// Class, which decides the status.
    pub class: ErrorClass,
    /// Text of the contract where it has one.
    pub message: String,
}

impl ApiError {
    /// An error of a class.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }

    /// A refused value.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Validation, message)
    }

    /// Something that is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::NotFound, message)
    }

    /// A name that is taken: `Duplicate name '<n>'`.
    #[must_use]
    pub fn duplicate_name(name: &str) -> Self {
        Self::new(ErrorClass::DuplicateProperty, format!("Duplicate name '{name}'"))
    }

    /// An unknown token.
    #[must_use]
    pub fn unauthorised() -> Self {
        Self::new(ErrorClass::Authentication, "authorization failed")
    }

    /// A failure of ours; the message goes to the log, never to the client.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Internal, message)
    }

    /// The JSON body.
    #[must_use]
    pub fn body(&self) -> Value {
        let message = match self.class {
            ErrorClass::Internal => "Internal error",
            _ => &self.message,
        };
        json!({ "name": self.class.name(), "message": message })
    }
}
