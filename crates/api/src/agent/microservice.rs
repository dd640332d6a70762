//! The desired microservices of an agent (spec section 6.2).

use serde::{Deserialize, Serialize};

use crate::id::{MicroserviceUuid, RegistryId};
use crate::number::{int, null_default};

/// Answer of `GET /agent/microservices`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentMicroserviceList {
    /// Everything that should run, system microservices included.
    pub microservices: Vec<AgentMicroservice>,
}

/// One microservice that should run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentMicroservice {
    /// Identity; also part of the container name.
    pub uuid: MicroserviceUuid,
    /// Image reference for the agent's type.
    pub image_id: String,
    /// Configuration text, normally JSON; opaque to the agent.
    #[serde(deserialize_with = "null_default")]
    pub config: String,
    /// Create the container anew; delivered once.
    #[serde(deserialize_with = "null_default")]
    pub rebuild: bool,
    /// Host network and host access.
    #[serde(deserialize_with = "null_default")]
    pub root_host_access: bool,
    /// Log size in MB, at least 1.
    #[serde(deserialize_with = "int")]
    pub log_size: i64,
    /// Where the image comes from.
    pub registry_id: RegistryId,
    /// Published ports.
    #[serde(deserialize_with = "null_default")]
    pub port_mappings: Vec<PortMapping>,
    /// Binds and volumes.
    #[serde(deserialize_with = "null_default")]
    pub volume_mappings: Vec<VolumeMapping>,
    /// Always empty; ignored.
    #[serde(deserialize_with = "null_default")]
    pub image_snapshot: String,
    /// Never true from this contract line: microservices go by absence.
    #[serde(deserialize_with = "null_default")]
    pub delete: bool,
    /// Never true, as `delete`.
    #[serde(deserialize_with = "null_default")]
    pub delete_with_cleanup: bool,
    /// Environment, in order.
    #[serde(deserialize_with = "null_default")]
    pub env: Vec<EnvVar>,
    /// `name:address` lines.
    #[serde(deserialize_with = "null_default")]
    pub extra_hosts: Vec<String>,
    /// Command, in order; empty means the image's own.
    #[serde(deserialize_with = "null_default")]
    pub cmd: Vec<String>,
    /// Destinations of messages that this microservice publishes.
    #[serde(deserialize_with = "null_default")]
    pub routes: Vec<MicroserviceUuid>,
    /// Some route ends here.
    #[serde(deserialize_with = "null_default")]
    pub is_consumer: bool,
}

/// A published port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PortMapping {
    /// Port inside the container.
    pub port_internal: u16,
    /// Port on the host.
    pub port_external: u16,
    /// Null counts as TCP.
    pub is_udp: Option<bool>,
}

/// A bind mount or a named volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeMapping {
    /// Host path, or volume name for `volume`.
    pub host_destination: String,
    /// Path in the container.
    pub container_destination: String,
    /// `rw` or `ro`.
    #[serde(deserialize_with = "null_default")]
    pub access_mode: String,
    /// `bind` (also when absent) or `volume`.
    #[serde(rename = "type", deserialize_with = "null_default")]
    pub kind: String,
}

/// An environment variable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvVar {
    /// Name.
    pub key: String,
    /// Value.
    #[serde(default, deserialize_with = "null_default")]
    pub value: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_and_absent_keys_of_other_controllers_are_defaults() {
        let text = r#"{"microservices":[{"uuid":"GzbG","imageId":"iofog/router:latest","config":"{}",
            "rebuild":false,"rootHostAccess":false,"logSize":1.0,"registryId":1,
            "portMappings":[{"portInternal":5672,"portExternal":5672,"isUdp":null}],
            "volumeMappings":null,"delete":false,"deleteWithCleanup":false,"isConsumer":null,"x":1}]}"#;
        let list: AgentMicroserviceList = serde_json::from_str(text).unwrap();
        let router = &list.microservices[0];
        assert_eq!(router.log_size, 1);
        assert_eq!(router.port_mappings[0].port_external, 5672);
        assert!(router.volume_mappings.is_empty() && router.cmd.is_empty() && !router.is_consumer);
    }
}
