//! Change flags of an agent (controller contract 7): a set of bits with the names of the wire.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A set of flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flags(pub u32);

/// Names in wire order; the position is the bit.
const NAMES: [&str; 14] = [
    "config",
    "version",
    "reboot",
    "deleteNode",
    "microserviceList",
    "microserviceConfig",
    "routing",
    "registries",
    "tunnel",
    "diagnostics",
    "isImageSnapshot",
    "prune",
    "routerChanged",
    "linkedEdgeResources",
];

impl Flags {
    /// The agent's own configuration.
    pub const CONFIG: Self = Self(1);
    /// A version command waits.
    pub const VERSION: Self = Self(1 << 1);
    /// Restart the device.
    pub const REBOOT: Self = Self(1 << 2);
    /// The agent is being removed.
    pub const DELETE_NODE: Self = Self(1 << 3);
    /// The list of microservices.
    pub const MICROSERVICE_LIST: Self = Self(1 << 4);
    /// Configurations of microservices.
    pub const MICROSERVICE_CONFIG: Self = Self(1 << 5);
    /// Routes.
    pub const ROUTING: Self = Self(1 << 6);
    /// Registries.
    pub const REGISTRIES: Self = Self(1 << 7);
    /// The SSH tunnel.
    pub const TUNNEL: Self = Self(1 << 8);
    /// Tracing of a microservice.
    pub const DIAGNOSTICS: Self = Self(1 << 9);
    /// An image snapshot is wanted.
    pub const IMAGE_SNAPSHOT: Self = Self(1 << 10);
    /// Remove unused images.
    pub const PRUNE: Self = Self(1 << 11);
    /// Another router carries this node's messages.
    pub const ROUTER_CHANGED: Self = Self(1 << 12);
    /// Linked edge resources.
    pub const LINKED_EDGE_RESOURCES: Self = Self(1 << 13);

    /// List and configurations: what a new or moved microservice means.
    pub const COMMON: Self = Self(Self::MICROSERVICE_LIST.0 | Self::MICROSERVICE_CONFIG.0);
    /// As [`Self::COMMON`], and routes.
    pub const FULL: Self = Self(Self::COMMON.0 | Self::ROUTING.0);

    /// Both sets together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The body of `GET agent/config/changes`.
    #[must_use]
    pub fn body(self, last_updated: &str) -> Value {
        let mut body: Map<String, Value> = NAMES
            .iter()
            .enumerate()
            .map(|(bit, name)| ((*name).to_owned(), Value::Bool(self.0 >> bit & 1 == 1)))
            .collect();
        body.insert("lastUpdated".to_owned(), Value::from(last_updated));
        Value::Object(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_names_all_flags_in_wire_order() {
        let body = Flags::FULL.body("2026").to_string();
        assert_eq!(
            body,
            "{\"config\":false,\"version\":false,\"reboot\":false,\"deleteNode\":false,\
             \"microserviceList\":true,\"microserviceConfig\":true,\"routing\":true,\
             \"registries\":false,\"tunnel\":false,\"diagnostics\":false,\"isImageSnapshot\":false,\
             \"prune\":false,\"routerChanged\":false,\"linkedEdgeResources\":false,\
             \"lastUpdated\":\"2026\"}"
        );
    }
}
