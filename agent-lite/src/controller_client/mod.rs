//! The Controller's agent-facing REST API (agent contract 3), as calls with typed results.

mod config;
mod decode;
mod error;
mod http;
mod url;

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

pub use config::RemoteConfig;
pub use decode::{Changes, Flag};
pub use error::ControllerError;

use crate::config::FogType;
use crate::domain::{Registry, Workload};
use crate::ids::{FogUuid, MicroserviceUuid};
use http::{Exchange, Pool};
use url::BaseUrl;

/// Longest the Controller may take to answer an ordinary call.
const ANSWER: Duration = Duration::from_secs(30);
/// How long a changes request may be held, in seconds (RFC 7240 `wait`).
const HOLD_SECONDS: u64 = 25;

/// Where the Controller is and who calls.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Base URL with a final `/`.
    pub url: String,
    /// Token, a secret; empty when not provisioned.
    pub token: String,
    /// Local address of the connections; none = the system's choice.
    pub source: Option<IpAddr>,
}

/// What provisioning grants.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// This node.
    pub uuid: FogUuid,
    /// Its token, a secret.
    pub token: String,
}

/// Result of asking for changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangesAnswer {
    /// The flags.
    pub changes: Changes,
    /// The Controller held the request, so that asking again at once costs nothing.
    pub held: bool,
}

/// Client of one Controller; cheap to clone.
#[derive(Clone)]
pub struct ControllerClient {
    shared: Rc<Shared>,
}

#[derive(Default)]
struct Shared {
    access: RefCell<Access>,
    pool: Pool,
}

type Answer<T> = Result<T, ControllerError>;

// === impl ControllerClient ===

impl ControllerClient {
    /// A client that connects at its first call.
    pub fn new(access: Access) -> Self {
        let client = Self { shared: Rc::default() };
        client.set_access(access);
        client
    }

    /// Changes Controller or identity; open connections are dropped.
    pub fn set_access(&self, access: Access) {
        if *self.shared.access.borrow() != access {
            self.shared.pool.clear();
            *self.shared.access.borrow_mut() = access;
        }
    }

    /// `GET status`: the Controller answers and its `status` is not null.
    pub async fn ping(&self) -> Answer<()> {
        let body = self.call(Method::GET, "status", None).await?;
        match body.get("status").is_some_and(|status| !status.is_null()) {
            true => Ok(()),
            false => Err(ControllerError::malformed("status")),
        }
    }

    /// `POST agent/provision`.
    pub async fn provision(&self, key: &str, fog_type: FogType) -> Answer<Identity> {
        let body = self
            .call(
                Method::POST,
                "agent/provision",
                Some(json!({"key": key, "type": fog_type.code()})),
            )
            .await?;
        let text = |name| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        match (text("uuid"), text("token")) {
            (Some(uuid), Some(token)) => {
                Ok(Identity { uuid: FogUuid::new(uuid), token: token.to_owned() })
            }
            _ => Err(ControllerError::malformed("uuid and token")),
        }
    }

    /// `POST agent/deprovision`.
    pub async fn deprovision(&self, microservices: &[MicroserviceUuid]) -> Answer<()> {
        self.call(
            Method::POST,
            "agent/deprovision",
            Some(json!({"microserviceUuids": microservices})),
        )
        .await
        .map(drop)
    }

    /// `GET agent/config`.
    pub async fn config(&self) -> Answer<RemoteConfig> {
        RemoteConfig::decode(&self.call(Method::GET, "agent/config", None).await?)
    }

    /// `PATCH agent/config`.
    pub async fn push_config(&self, body: Value) -> Answer<()> {
        self.call(Method::PATCH, "agent/config", Some(body)).await.map(drop)
    }

    /// `GET agent/config/changes`, held by a Controller that knows how.
    pub async fn changes(&self) -> Answer<ChangesAnswer> {
        let exchange = Exchange {
            method: Method::GET,
            path: "agent/config/changes",
            body: None,
            headers: vec![("prefer", format!("wait={HOLD_SECONDS}"))],
            limit: ANSWER + Duration::from_secs(HOLD_SECONDS),
        };
        let reply = self.exchange(exchange).await?;
        let changes = decode::changes(&reply.body)?;
        let applied = reply.headers.get("preference-applied").and_then(|value| value.to_str().ok());
        Ok(ChangesAnswer { changes, held: applied.is_some_and(|text| text.contains("wait")) })
    }

    /// `PATCH agent/config/changes`: everything up to `last_updated` was processed.
    pub async fn acknowledge(&self, last_updated: &str) -> Answer<()> {
        self.call(Method::PATCH, "agent/config/changes", Some(json!({"lastUpdated": last_updated})))
            .await
            .map(drop)
    }

    /// `PUT agent/status`.
    pub async fn status(&self, body: Value) -> Answer<()> {
        self.call(Method::PUT, "agent/status", Some(body)).await.map(drop)
    }

    /// `GET agent/microservices`. `rebuild` of each item is 1 or 0.
    pub async fn microservices(&self) -> Answer<Vec<Workload>> {
        decode::microservices(&self.call(Method::GET, "agent/microservices", None).await?)
    }

    /// `GET agent/registries`.
    pub async fn registries(&self) -> Answer<Vec<Registry>> {
        decode::registries(&self.call(Method::GET, "agent/registries", None).await?)
    }

    /// `GET agent/edgeResources`: the array, as text.
    pub async fn edge_resources(&self) -> Answer<String> {
        let body = self.call(Method::GET, "agent/edgeResources", None).await?;
        let list = body.get("edgeResources").filter(|list| list.is_array());
        list.map(Value::to_string).ok_or_else(|| ControllerError::malformed("edgeResources"))
    }

    /// `DELETE agent/delete-node`.
    pub async fn delete_node(&self) -> Answer<()> {
        self.call(Method::DELETE, "agent/delete-node", None).await.map(drop)
    }

    async fn call(&self, method: Method, path: &'static str, body: Option<Value>) -> Answer<Value> {
        let exchange = Exchange { method, path, body, headers: Vec::new(), limit: ANSWER };
        Ok(self.exchange(exchange).await?.body)
    }

    async fn exchange(&self, exchange: Exchange) -> Answer<http::Reply> {
        let access = self.shared.access.borrow().clone();
        let base = BaseUrl::parse(&access.url)?;
        self.shared.pool.exchange(&base, &access, exchange).await
    }
}

#[cfg(test)]
mod tests;
