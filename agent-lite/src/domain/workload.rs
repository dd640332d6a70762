//! A microservice as the Controller wants it on this node (agent contract 3.7), in the Agent's own terms.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use iofog_api::id::RegistryId;

use crate::ids::MicroserviceUuid;

/// One desired microservice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// Its uuid.
    pub uuid: MicroserviceUuid,
    /// Image reference, verbatim.
    pub image: String,
    /// Configuration: JSON text, opaque.
    pub config: String,
    /// Grows with each rebuild order; a container made under a smaller one is replaced.
    pub rebuild: u64,
    /// Shares the host's network.
    pub host_network: bool,
    /// Log budget in MB.
    pub log_size_mb: u32,
    /// Where the image comes from.
    pub registry: RegistryId,
    /// Published ports.
    pub ports: Vec<Port>,
    /// Mounts.
    pub volumes: Vec<Volume>,
    /// Environment, in order.
    pub env: Vec<(String, String)>,
    /// `name:address` entries.
    pub extra_hosts: Vec<String>,
    /// Command; empty keeps the image's.
    pub cmd: Vec<String>,
    /// Destinations of its messages.
    pub routes: Vec<MicroserviceUuid>,
    /// Some route ends here.
    pub is_consumer: bool,
    /// Ordered to go.
    pub delete: bool,
    /// With its anonymous volumes and image.
    pub delete_with_cleanup: bool,
}

/// A published port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Inside the container.
    pub internal: u16,
    /// On the node.
    pub external: u16,
    /// UDP instead of TCP.
    pub udp: bool,
}

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Path on the node, or the volume's name.
    pub source: String,
    /// Path in the container.
    pub target: String,
    /// Mounted without write access.
    pub read_only: bool,
    /// Path or named volume.
    pub kind: VolumeKind,
}

/// What a mount's source names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum VolumeKind {
    /// A path on the node.
    #[default]
    Bind,
    /// A volume of the engine.
    Named,
}

/// A registry (agent contract 3.8).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    /// Its number.
    pub id: RegistryId,
    /// Host, or `from_cache`.
    pub url: String,
    /// Needs no login.
    pub is_public: bool,
    /// Login.
    pub username: String,
    /// Password, a secret.
    pub password: String,
    /// Mail address some registries ask for.
    pub email: String,
}

/// How a microservice is realised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// By a container.
    Container,
    /// By the built-in Router.
    Router,
    /// By the built-in Proxy.
    Proxy,
}

// === impl Workload ===

impl Workload {
    /// The container's name, which peers search for.
    pub fn container_name(&self) -> String {
        container_name(&self.uuid)
    }

    /// System microservices are known by image name and by the shape of their configuration together,
    /// so that a user's image called `router` stays a container.
    pub fn kind(&self) -> Kind {
        let path = self.image.split('@').next().unwrap_or_default();
        let last = path.rsplit('/').next().unwrap_or_default();
        let name = last.split(':').next().unwrap_or_default();
        let has = |keys: &[&str]| {
            serde_json::from_slice::<serde_json::Value>(self.config.as_bytes())
                .is_ok_and(|config| keys.iter().all(|key| config.get(key).is_some()))
        };
        if name.contains("router") && has(&["mode", "id", "listeners"]) {
            return Kind::Router;
        }
        if name.contains("proxy") && has(&["mappings", "networkRouter"]) {
            return Kind::Proxy;
        }
        Kind::Container
    }
}

/// The name of the container of `uuid`.
pub(crate) fn container_name(uuid: &MicroserviceUuid) -> String {
    format!("iofog_{uuid}")
}

// === impl Registry ===

impl Registry {
    /// Images of this registry are never pulled.
    pub fn is_cache(&self) -> bool {
        self.url == "from_cache"
    }
}

impl fmt::Debug for Registry {
    /// Without the login: steps and states get logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registry({} {})", self.id.0, self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(image: &str, config: &str) -> Kind {
        Workload { image: image.into(), config: config.into(), ..Workload::default() }.kind()
    }

    #[test]
    fn system_microservices_are_known_by_image_and_config_together() {
        let router = r#"{"mode":"edge","id":"x","listeners":[]}"#;
        let proxy = r#"{"mappings":[],"networkRouter":{"host":"h","port":5672}}"#;
        assert_eq!(kind("iofog/router:latest", router), Kind::Router);
        assert_eq!(kind("registry:5000/a/router@sha256:00", router), Kind::Router);
        assert_eq!(kind("iofog/proxy-arm:latest", proxy), Kind::Proxy);
        assert_eq!(kind("me/router:1", "{}"), Kind::Container);
        assert_eq!(kind("me/app:1", router), Kind::Container);
        assert_eq!(kind("iofog/proxy", "not json"), Kind::Container);
    }
}
