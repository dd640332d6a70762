//! Answers of handlers.

use serde_json::Value;

/// What a handler answers; the status is the route's unless it says otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// Status other than the route's.
    pub status: Option<u16>,
    /// JSON body; none = zero bytes.
    pub body: Option<Value>,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
}

impl Reply {
    /// An empty body.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// A JSON body.
    #[must_use]
    pub fn json(body: Value) -> Self {
        Self { body: Some(body), ..Self::default() }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
