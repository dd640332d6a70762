//! Edge resources: devices and services that Agents offer to microservices.

use serde::{Deserialize, Serialize};
use serde_json::json;
use ureq::http::Method;

use super::Client;
use super::client::part;
use crate::config::records::is_zero;
use crate::text::{Error, Result};

/// How viewers show a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Display {
    /// Shown name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Icon name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub icon: String,
    /// Colour.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub color: String,
}

/// One call of the resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// HTTP method.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// Path or address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
}

/// The calls of the resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpInterface {
    /// Calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<Endpoint>,
}

/// A resource; zero fields are not sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are those of the REST contract, section 14")]
pub struct EdgeResource {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub interface_protocol: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<Display>,
    pub interface: HttpInterface,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub orchestration_tags: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    pub custom: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EdgeResourceList {
    edge_resources: Vec<EdgeResource>,
}

impl Client {
    /// Checks that the Controller knows edge resources.
    ///
    /// # Errors
    /// [`Error::UnsupportedApi`] when not; else as the Controller answers, like all methods here.
    pub fn require_edge_resources(&self) -> Result<()> {
        self.head("/capabilities/edgeResources").map_err(|error| {
            if error.is_not_found() {
                Error::UnsupportedApi("Edge Resources".to_owned())
            } else {
                error
            }
        })
    }

    /// All versions of all resources.
    ///
    /// # Errors
    /// As the Controller answers.
    pub fn edge_resources(&self) -> Result<Vec<EdgeResource>> {
        self.require_edge_resources()?;
        self.get::<EdgeResourceList>("/edgeResources").map(|list| list.edge_resources)
    }

    /// One version of a resource.
    ///
    /// # Errors
    /// As the Controller answers.
    pub fn edge_resource(&self, name: &str, version: &str) -> Result<EdgeResource> {
        self.require_edge_resources()?;
        self.get(&path(name, version))
    }

    /// Creates or replaces a version; the body may carry a new name.
    ///
    /// # Errors
    /// As the Controller answers.
    pub fn put_edge_resource(&self, name: &str, resource: &EdgeResource) -> Result<()> {
        self.require_edge_resources()?;
        self.command(Method::PUT, &path(name, &resource.version), resource)
    }

    /// Deletes a version.
    ///
    /// # Errors
    /// As the Controller answers.
    pub fn delete_edge_resource(&self, name: &str, version: &str) -> Result<()> {
        self.require_edge_resources()?;
        self.delete(&path(name, version))
    }

    /// Offers a version on an Agent, or withdraws it.
    ///
    /// # Errors
    /// As the Controller answers.
    pub fn link_edge_resource(
        &self,
        name: &str,
        version: &str,
        agent_uuid: &str,
        linked: bool,
    ) -> Result<()> {
        self.require_edge_resources()?;
        let method = if linked { Method::POST } else { Method::DELETE };
        self.command(method, &format!("{}/link", path(name, version)), &json!({"uuid": agent_uuid}))
    }
}

fn path(name: &str, version: &str) -> String {
    format!("/edgeResource/{}/{}", part(name), part(version))
}
