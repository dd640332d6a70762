//! What survives a restart: desired state, former identities, router address, images of this Agent.

mod enrolment;
mod predecessor;
mod store;

use iofog_sorted::{SortedMap, SortedSet};
use serde::{Deserialize, Serialize};

pub use enrolment::EnrolmentFiles;
pub use store::StateStore;

use crate::domain::Desired;
use crate::ids::FogUuid;

/// The persisted state. Each write replaces it as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Identity that `desired` belongs to.
    pub fog: FogUuid,
    /// Desired state, as last accepted.
    pub desired: Desired,
    /// Identities this node had before; containers labelled with them are its own.
    #[serde(default)]
    pub former: SortedSet<FogUuid>,
    /// Linked edge resources: the text of a JSON array; empty when never fetched.
    #[serde(default)]
    pub edge_resources: String,
    /// Where the Router is, by the Controller's word: usable without it.
    #[serde(default)]
    pub router: Option<RouterAddress>,
    /// Images that this Agent pulled: only these are pruned.
    #[serde(default)]
    pub pulled: SortedSet<String>,
    /// Values last pushed to or taken from the Controller, so that a start can tell which side changed.
    #[serde(default)]
    pub synced_config: SortedMap<String, String>,
    /// Generation of the last update of the device link; 0 for none.
    #[serde(default)]
    pub generation: u64,
}

/// Host and port of a Router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterAddress {
    /// Host name or address; `localhost` means the Router of this node.
    pub host: String,
    /// AMQP port.
    pub port: u16,
}

impl Snapshot {
    /// Makes the snapshot that of `fog`: another identity's desired state is forgotten.
    pub fn take_identity(&mut self, fog: &FogUuid) {
        if self.fog == *fog {
            return;
        }
        if !self.fog.as_str().is_empty() {
            self.former.insert(self.fog.clone());
        }
        self.former.remove(fog);
        self.fog = fog.clone();
        self.desired.clear();
        self.edge_resources.clear();
        self.router = None;
        self.synced_config.clear();
        self.generation = 0;
    }
}
