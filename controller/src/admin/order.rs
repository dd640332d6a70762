//! What the command line asks of the Controller, as it crosses the socket.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Orders that are no routes start with this.
pub(super) const OWN: &str = "cli.";

/// One order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Id of a route, or an order of its own (`cli.…`).
    pub what: String,
    /// In whose name.
    pub who: Who,
    /// Values of the path's parameters, in order.
    #[serde(default)]
    pub parameters: Vec<String>,
    /// Query.
    #[serde(default)]
    pub query: Vec<(String, String)>,
    /// Body.
    #[serde(default)]
    pub body: Value,
}

/// In whose name an order is carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// Nobody's.
    Nobody,
    /// A user's, by id.
    User(i64),
    /// A user's, by e-mail address.
    Email(String),
    /// That of the one user there is.
    Only,
    /// That of the owner of a thing.
    Owner(Thing),
    /// Every user's, one after another; the lists under this key are put together.
    Everyone(String),
}

/// A thing that has an owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "nouns of the command line")]
pub enum Thing {
    Fog(String),
    Microservice(String),
    Application(String),
    Registry(i64),
    Item(i64),
    EnrolmentKey(i64),
}

impl Order {
    /// An order without parameters and body.
    #[must_use]
    pub fn new(what: &str, who: Who) -> Self {
        Self {
            what: what.to_owned(),
            who,
            parameters: Vec::new(),
            query: Vec::new(),
            body: Value::Null,
        }
    }

    /// With a parameter of the path.
    #[must_use]
    pub fn at(mut self, value: &str) -> Self {
        self.parameters.push(value.to_owned());
        self
    }

    /// With a value of the query.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: Value) -> Self {
        self.body = body;
        self
    }
}
