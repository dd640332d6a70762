//! The Controller's agent-facing REST API (agent contract 3), as calls with typed results.

mod config;
mod connect;
mod decode;
mod error;
mod http;
mod link;
mod tls;
mod upload;
mod url;

use std::cell::RefCell;
use std::net::IpAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use hyper::Method;
use iofog_api::agent::{
    AgentConfig, AgentMicroserviceList, AgentRegistry, AgentRegistryList, ChangeSet, Changes,
    ChangesAck, DeprovisionRequest, EdgeResourceList, EnrolRequest, ProvisionReply,
    ProvisionRequest,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub use config::{RemoteConfig, local_config};
pub use error::ControllerError;
pub use link::AgentLink;

use crate::config::FogType;
use crate::domain::{Registry, Workload};
use crate::ids::MicroserviceUuid;
use crate::remote::TunnelOrder;
use connect::Dialler;
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
    /// PEM file of a certificate to believe besides the machine's own list; it need not exist.
    pub certificate: PathBuf,
    /// Never without TLS.
    pub secure: bool,
}

/// Result of asking for changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangesAnswer {
    /// The raised flags.
    pub raised: ChangeSet,
    /// Must be echoed exactly when the changes were processed.
    pub last_updated: String,
    /// The Controller held the request, so that asking again at once costs nothing.
    pub held: bool,
}

/// What an inventory is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hardware {
    /// All devices (`lshw`).
    Devices,
    /// Those on USB (`lsusb`).
    Usb,
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
    dialler: Dialler,
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

    /// Changes Controller or identity, and drops open connections; false when both are as they were.
    pub fn set_access(&self, access: Access) -> bool {
        let is_new = *self.shared.access.borrow() != access;
        if is_new {
            self.shared.pool.clear();
            self.shared.dialler.forget();
            *self.shared.access.borrow_mut() = access;
        }
        is_new
    }

    /// `GET status`: the Controller answers and its `status` is not null.
    pub async fn ping(&self) -> Answer<()> {
        let body = self.get("status").await?;
        match body.get("status").is_some_and(|status| !status.is_null()) {
            true => Ok(()),
            false => Err(ControllerError::malformed("status")),
        }
    }

    /// `POST agent/provision`.
    pub async fn provision(&self, key: &str, fog_type: FogType) -> Answer<ProvisionReply> {
        let request = ProvisionRequest {
            fog_type: fog_type.code(),
            key: key.to_owned(),
            architecture: Some(crate::update::TARGET.to_owned()),
        };
        granted(self.send(Method::POST, "agent/provision", &request).await?)
    }

    /// `POST agent/enrol`.
    pub async fn enrol(
        &self,
        key: &str,
        device: &str,
        proof: &str,
        host: Option<IpAddr>,
        fog_type: FogType,
    ) -> Answer<ProvisionReply> {
        let request = EnrolRequest {
            fog_type: fog_type.code(),
            key: key.to_owned(),
            device: device.to_owned(),
            proof: proof.to_owned(),
            host,
            architecture: Some(crate::update::TARGET.to_owned()),
        };
        granted(self.send(Method::POST, "agent/enrol", &request).await?)
    }

    /// `POST agent/deprovision`.
    pub async fn deprovision(&self, microservices: Vec<MicroserviceUuid>) -> Answer<()> {
        let request = DeprovisionRequest { microservice_uuids: microservices };
        self.send(Method::POST, "agent/deprovision", &request).await.map(drop)
    }

    /// `GET agent/config`.
    pub async fn config(&self) -> Answer<RemoteConfig> {
        Ok(RemoteConfig::decode(decoded::<AgentConfig>(self.get("agent/config").await?)?))
    }

    /// `PATCH agent/config`.
    pub async fn push_config(&self, config: &AgentConfig) -> Answer<()> {
        self.send(Method::PATCH, "agent/config", config).await.map(drop)
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
        let changes: Changes = decoded(reply.body)?;
        if changes.last_updated.is_empty() {
            return Err(ControllerError::malformed("lastUpdated"));
        }
        let applied = reply.headers.get("preference-applied").and_then(|value| value.to_str().ok());
        let held = applied.is_some_and(|text| text.contains("wait"));
        Ok(ChangesAnswer {
            raised: decode::raised(&changes),
            last_updated: changes.last_updated,
            held,
        })
    }

    /// `PATCH agent/config/changes`: everything up to `last_updated` was processed.
    pub async fn acknowledge(&self, last_updated: String) -> Answer<()> {
        let acknowledged = ChangesAck { last_updated: Some(last_updated) };
        self.send(Method::PATCH, "agent/config/changes", &acknowledged).await.map(drop)
    }

    /// `PUT agent/status`.
    pub async fn status(&self, body: &Value) -> Answer<()> {
        self.send(Method::PUT, "agent/status", body).await.map(drop)
    }

    /// `GET agent/microservices`. `rebuild` of each item is 1 or 0.
    pub async fn microservices(&self) -> Answer<Vec<Workload>> {
        let list: AgentMicroserviceList = decoded(self.get("agent/microservices").await?)?;
        decode::workloads(list.microservices)
    }

    /// `GET agent/registries`.
    pub async fn registries(&self) -> Answer<Vec<Registry>> {
        let list: AgentRegistryList = decoded(self.get("agent/registries").await?)?;
        Ok(list.registries.into_iter().map(decode::registry).collect())
    }

    /// `GET agent/edgeResources`.
    pub async fn edge_resources(&self) -> Answer<EdgeResourceList> {
        decoded(self.get("agent/edgeResources").await?)
    }

    /// `GET agent/version`: the word of the command.
    pub async fn version(&self) -> Answer<String> {
        let body = self.get("agent/version").await?;
        let word = body.get("versionCommand").and_then(Value::as_str);
        word.map(str::to_owned).ok_or_else(|| ControllerError::malformed("versionCommand"))
    }

    /// `GET agent/strace`: which microservices are to be traced, and which not any more.
    pub async fn traces(&self) -> Answer<Vec<(MicroserviceUuid, bool)>> {
        let body = self.get("agent/strace").await?;
        let list = body.get("straceValues").and_then(Value::as_array);
        let list = list.ok_or_else(|| ControllerError::malformed("straceValues"))?;
        let one = |item: &Value| {
            let uuid = item.get("microserviceUuid")?.as_str()?;
            Some((uuid.into(), item.get("straceRun")?.as_bool()?))
        };
        list.iter()
            .map(|item| one(item).ok_or_else(|| ControllerError::malformed("straceValues")))
            .collect()
    }

    /// `PUT agent/strace`.
    pub async fn put_traces(&self, data: &[(MicroserviceUuid, String)]) -> Answer<()> {
        let one = |(uuid, buffer): &(MicroserviceUuid, String)| json!({ "microserviceUuid": uuid, "buffer": buffer });
        let body = json!({ "straceData": data.iter().map(one).collect::<Vec<_>>() });
        self.send(Method::PUT, "agent/strace", &body).await.map(drop)
    }

    /// `GET agent/tunnel`.
    pub async fn tunnel(&self) -> Answer<TunnelOrder> {
        let body = self.get("agent/tunnel").await?;
        decoded(body.get("tunnel").cloned().unwrap_or_default())
    }

    /// `GET agent/image-snapshot`: whose image is wanted.
    pub async fn snapshot(&self) -> Answer<MicroserviceUuid> {
        let body = self.get("agent/image-snapshot").await?;
        let uuid = body.get("uuid").and_then(Value::as_str);
        uuid.map(MicroserviceUuid::from).ok_or_else(|| ControllerError::malformed("uuid"))
    }

    /// `PUT agent/hal/hw` or `hal/usb`.
    pub async fn put_hardware(&self, kind: Hardware, info: &str) -> Answer<()> {
        let path = match kind {
            Hardware::Devices => "agent/hal/hw",
            Hardware::Usb => "agent/hal/usb",
        };
        self.send(Method::PUT, path, &json!({ "info": info })).await.map(drop)
    }

    /// `DELETE agent/delete-node`.
    pub async fn delete_node(&self) -> Answer<()> {
        let exchange = Exchange {
            method: Method::DELETE,
            path: "agent/delete-node",
            body: None,
            headers: Vec::new(),
            limit: ANSWER,
        };
        self.exchange(exchange).await.map(drop)
    }

    async fn get(&self, path: &'static str) -> Answer<Value> {
        let exchange =
            Exchange { method: Method::GET, path, body: None, headers: Vec::new(), limit: ANSWER };
        Ok(self.exchange(exchange).await?.body)
    }

    async fn send(
        &self,
        method: Method,
        path: &'static str,
        body: &impl Serialize,
    ) -> Answer<Value> {
        let body = serde_json::to_value(body)
            .map_err(|error| ControllerError::malformed(error.to_string()))?;
        let exchange =
            Exchange { method, path, body: Some(body), headers: Vec::new(), limit: ANSWER };
        Ok(self.exchange(exchange).await?.body)
    }

    async fn exchange(&self, exchange: Exchange) -> Answer<http::Reply> {
        let access = self.shared.access.borrow().clone();
        let base = BaseUrl::parse(&access.url)?;
        let dialler = &self.shared.dialler;
        self.shared.pool.exchange(dialler, &base, &access, exchange).await
    }
}

/// An item of `GET agent/microservices`, as a document of the device link.
///
/// # Errors
/// When it cannot be used.
pub fn workload(document: &[u8]) -> Answer<Workload> {
    let mut list = decode::workloads(vec![document_of(document)?])?;
    list.pop().ok_or_else(|| ControllerError::malformed("microservice"))
}

/// The list of `GET agent/microservices` as an upstream Agent kept it. Rebuilds that it orders were done when it came.
///
/// # Errors
/// When it cannot be used.
pub fn cached_workloads(list: &str) -> Answer<Vec<Workload>> {
    let mut workloads = decode::workloads(document_of(list.as_bytes())?)?;
    workloads.iter_mut().for_each(|one| one.rebuild = 0);
    Ok(workloads)
}

/// The list of `GET agent/registries` as an upstream Agent kept it.
///
/// # Errors
/// When it cannot be used.
pub fn cached_registries(list: &str) -> Answer<Vec<Registry>> {
    let list: Vec<AgentRegistry> = document_of(list.as_bytes())?;
    Ok(list.into_iter().map(decode::registry).collect())
}

/// An item of `GET agent/registries`, as a document of the device link.
///
/// # Errors
/// When it cannot be used.
pub fn registry(document: &[u8]) -> Answer<Registry> {
    Ok(decode::registry(document_of(document)?))
}

/// The answer of `GET agent/config`, as a document of the device link.
///
/// # Errors
/// When it cannot be used.
pub fn remote_config(document: &[u8]) -> Answer<RemoteConfig> {
    Ok(RemoteConfig::decode(document_of(document)?))
}

fn document_of<T: DeserializeOwned>(document: &[u8]) -> Answer<T> {
    // As a body comes: the contract's types are compiled for one form.
    let document = serde_json::from_slice(document)
        .map_err(|error| ControllerError::malformed(error.to_string()))?;
    decoded(document)
}

/// An identity that is one.
fn granted(body: Value) -> Answer<ProvisionReply> {
    let granted: ProvisionReply = decoded(body)?;
    match granted.uuid.as_str().is_empty() || granted.token.is_empty() {
        true => Err(ControllerError::malformed("uuid or token is empty")),
        false => Ok(granted),
    }
}

/// A body as the contract's type; the error names the field.
fn decoded<T: DeserializeOwned>(body: Value) -> Answer<T> {
    T::deserialize(&body).map_err(|error| ControllerError::malformed(error.to_string()))
}

#[cfg(test)]
mod tests;
