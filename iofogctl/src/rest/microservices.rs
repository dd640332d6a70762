//! Microservices.

use serde::{Deserialize, Serialize};
use ureq::http::Method;

use super::Client;
use super::catalog::Image;
use super::client::part;
use super::json::whole;
use crate::text::{Error, Result};

/// Highest catalog id of the seeded system items, whose microservices are hidden.
const LAST_SYSTEM_CATALOG_ITEM: i64 = 3;

/// Entry router of a public port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PublicPortRouter {
    /// Port on the entry host.
    #[serde(deserialize_with = "whole")]
    pub port: i64,
    /// `default-router` or an Agent.
    pub host: String,
}

/// Public side of a port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PublicPort {
    /// URL schemes.
    pub schemes: Vec<String>,
    /// Addresses.
    pub links: Vec<String>,
    /// `http` or `tcp`.
    pub protocol: String,
    /// Whether it is served.
    pub enabled: bool,
    /// Entry router.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub router: Option<PublicPortRouter>,
}

/// A published port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Port {
    /// In the container.
    #[serde(deserialize_with = "whole")]
    pub internal: i64,
    /// On the device.
    #[serde(deserialize_with = "whole")]
    pub external: i64,
    /// Public side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public: Option<PublicPort>,
    /// `tcp` or `udp`.
    pub protocol: String,
}

/// A mounted directory or volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VolumeMapping {
    /// On the device.
    pub host_destination: String,
    /// In the container.
    pub container_destination: String,
    /// `rw` or `ro`.
    pub access_mode: String,
    /// `bind` or `volume`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
}

/// An environment variable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnvironmentVariable {
    /// Name.
    pub key: String,
    /// Value.
    pub value: String,
}

/// An extra line of the container's hosts file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExtraHost {
    /// Host name.
    pub name: String,
    /// Address or expression.
    pub address: String,
    /// Resolved address.
    pub value: String,
}

/// State reported by the Agent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MicroserviceStatus {
    /// State word.
    pub status: String,
    /// Pull progress, percent.
    pub percentage: f64,
    /// Last error.
    pub error_message: String,
    /// Memory in use, bytes.
    pub memory_usage: f64,
    /// CPU in use, percent.
    pub cpu_usage: f64,
}

/// What this program reads of a microservice.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are those of the REST contract, section 10.2")]
pub struct Microservice {
    pub uuid: String,
    pub name: String,
    pub config: String,
    pub root_host_access: bool,
    pub flow_id: i64,
    pub application: String,
    pub catalog_item_id: i64,
    pub iofog_uuid: String,
    pub registry_id: i64,
    pub ports: Vec<Port>,
    pub volume_mappings: Vec<VolumeMapping>,
    pub cmd: Vec<String>,
    pub env: Vec<EnvironmentVariable>,
    pub extra_hosts: Vec<ExtraHost>,
    pub status: MicroserviceStatus,
    pub images: Vec<Image>,
}

impl Microservice {
    /// Whether it belongs to the network itself and is hidden from users.
    pub fn is_system(&self) -> bool {
        (1..=LAST_SYSTEM_CATALOG_ITEM).contains(&self.catalog_item_id)
    }
}

#[derive(Deserialize)]
struct MicroserviceList {
    microservices: Vec<Microservice>,
}

impl Client {
    /// All microservices of the user.
    ///
    /// # Errors
    /// As the Controller answers; the same holds for all methods here.
    pub fn microservices(&self) -> Result<Vec<Microservice>> {
        self.get::<MicroserviceList>("/microservices").map(|list| list.microservices)
    }

    /// Microservices of an application.
    pub fn microservices_of(&self, application: &str) -> Result<Vec<Microservice>> {
        let path = format!("/microservices?application={}", part(application));
        self.get::<MicroserviceList>(&path).map(|list| list.microservices)
    }

    /// One microservice by application and name.
    pub fn microservice_by_name(&self, application: &str, name: &str) -> Result<Microservice> {
        let found = self
            .microservices_of(application)?
            .into_iter()
            .find(|microservice| microservice.name == name);
        found.ok_or_else(|| {
            Error::NotFound(format!("Could not find a microservice named {application}/{name}"))
        })
    }

    /// One microservice.
    pub fn microservice(&self, uuid: &str) -> Result<Microservice> {
        self.get(&format!("/microservices/{}", part(uuid)))
    }

    /// Creates one from a YAML document.
    pub fn create_microservice(&self, yaml: &str) -> Result<()> {
        self.upload(Method::POST, "/microservices/yaml", "microservice", yaml)
    }

    /// Changes one from a YAML document.
    pub fn update_microservice(&self, uuid: &str, yaml: &str) -> Result<()> {
        self.upload(
            Method::PATCH,
            &format!("/microservices/yaml/{}", part(uuid)),
            "microservice",
            yaml,
        )
    }

    /// Deletes one.
    pub fn delete_microservice(&self, uuid: &str) -> Result<()> {
        self.delete(&format!("/microservices/{}", part(uuid)))
    }
}
