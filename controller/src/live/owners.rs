//! Which microservice is on which agent, so that a status report touches only the reporter's own.

use std::collections::HashMap;
use std::sync::Mutex;

use iofog_api::{FogUuid, MicroserviceUuid};

use super::lock;

/// The agent of each microservice.
#[derive(Debug, Default)]
pub struct Owners(Mutex<HashMap<MicroserviceUuid, FogUuid>>);

impl Owners {
    /// Notes where a microservice is; none when it is gone or on no agent.
    pub fn set(&self, uuid: MicroserviceUuid, fog: Option<FogUuid>) {
        let mut owners = lock(&self.0);
        match fog {
            Some(fog) => owners.insert(uuid, fog),
            None => owners.remove(&uuid),
        };
    }

    /// Forgets everything.
    pub fn clear(&self) {
        lock(&self.0).clear();
    }

    /// True when the microservice is on the agent.
    pub fn is_on(&self, uuid: &MicroserviceUuid, fog: &FogUuid) -> bool {
        lock(&self.0).get(uuid) == Some(fog)
    }

    /// All microservices on an agent.
    pub fn on(&self, fog: &FogUuid) -> Vec<MicroserviceUuid> {
        let owners = lock(&self.0);
        owners.iter().filter(|(_, on)| *on == fog).map(|(uuid, _)| uuid.clone()).collect()
    }
}
