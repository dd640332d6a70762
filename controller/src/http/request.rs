//! A request as handlers see it.

use iofog_api::{ApiError, FogUuid};
use serde_json::Value;

/// Who calls, by the token of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody, on routes that need no token.
    Anyone,
    /// A user.
    User(i64),
    /// An agent.
    Agent(FogUuid),
}

/// An uploaded file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Field of the form.
    pub field: String,
    /// Content.
    pub content: bytes::Bytes,
    /// Where it lies instead, on routes whose files are too large for memory.
    pub spooled: Option<std::sync::Arc<super::Spooled>>,
}

/// A parsed request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who calls.
    pub caller: Caller,
    /// Values of the path's parameters.
    pub parameters: Vec<(&'static str, String)>,
    /// Query, decoded and sanitised.
    pub query: Vec<(String, String)>,
    /// Body; null when there is none.
    pub body: Value,
    /// Uploaded file of a multipart body.
    pub file: Option<Upload>,
    /// Seconds of `Prefer: wait=N`.
    pub wait: Option<u64>,
}

impl Request {
    /// A parameter of the path; empty when the route has none of that name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// A value of the query.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The user who calls.
    ///
    /// # Errors
    /// When the caller is none; the route table rules that out for routes of users.
    pub fn user(&self) -> Result<i64, ApiError> {
        match self.caller {
            Caller::User(id) => Ok(id),
            _ => Err(ApiError::unauthorised()),
        }
    }

    /// The agent that calls.
    ///
    /// # Errors
    /// When the caller is none; the route table rules that out for routes of agents.
    pub fn agent(&self) -> Result<&FogUuid, ApiError> {
        match &self.caller {
            Caller::Agent(uuid) => Ok(uuid),
            _ => Err(ApiError::unauthorised()),
        }
    }
}
