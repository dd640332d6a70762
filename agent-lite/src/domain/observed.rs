//! What the container engine shows: containers that belong to some node's microservices.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::EpochMillis;
use crate::ids::{FogUuid, MicroserviceUuid};

/// The engine's id of a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(String);

/// Life cycle of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// Made, never started.
    Created,
    /// Running.
    Running,
    /// Ended.
    Exited,
    /// Frozen by somebody.
    Paused,
    /// On its way to another state.
    Changing,
    /// Cannot be used any more.
    Dead,
}

/// One container named or labelled as a microservice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Engine id.
    pub id: ContainerId,
    /// Name without the leading slash.
    pub name: String,
    /// Node that made it (label `iofog-uuid`); none when it carries no such label.
    pub fog: Option<FogUuid>,
    /// Microservice, from our label or the name.
    pub microservice: MicroserviceUuid,
    /// State.
    pub state: ContainerState,
    /// Fingerprint of the specification it was made from; none when another Agent made it.
    pub fingerprint: Option<String>,
    /// Rebuild order it satisfies.
    pub rebuild: u64,
    /// Its address on its network.
    pub address: Option<IpAddr>,
    /// When it started, when it runs.
    pub started: Option<EpochMillis>,
    /// What the image's own health check says, when it has one and runs.
    pub health: Option<Health>,
    /// It ended because it took more memory than it may, or than there was.
    pub out_of_memory: bool,
}

/// Outcome of the health check that came with an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Not decided yet.
    Starting,
    /// The last check passed.
    Healthy,
    /// As many checks in a row failed as the image allows.
    Unhealthy,
}

/// A listing of the engine.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// All containers of microservices, own and foreign.
    pub containers: Vec<Container>,
    /// Value of the reconciler's step counter when the listing was asked for; see [`super::Reconciler::ticket`].
    pub ticket: u64,
}

impl ContainerId {
    /// Wraps the engine's text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The engine's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
