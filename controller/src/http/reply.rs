//! Answers of handlers.

use std::fs::File;

use serde_json::Value;

/// A JSON body.
#[derive(Debug)]
pub enum Body {
    /// To be written as text.
    Value(Value),
    /// Text already: what is large is written beside the requests of others.
    Text(String),
}

/// What a handler answers; the status is the route's unless it says otherwise.
#[derive(Debug, Default)]
pub struct Reply {
    /// Status other than the route's.
    pub status: Option<u16>,
    /// JSON body; none = zero bytes.
    pub body: Option<Body>,
    /// A file as the body, with its length.
    pub file: Option<(File, u64)>,
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
        Self { body: Some(Body::Value(body)), ..Self::default() }
    }

    /// A JSON body that is text already.
    #[must_use]
    pub fn text(body: String) -> Self {
        Self { body: Some(Body::Text(body)), ..Self::default() }
    }

    /// A file as an attachment.
    #[must_use]
    pub fn attachment(file: File, length: u64, name: &str, kind: &str) -> Self {
        Self { file: Some((file, length)), ..Self::default() }
            .with_header("content-type", kind)
            .with_header("content-disposition", format!("attachment; filename={name}"))
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
