//! Newest statuses of agents and microservices; changed ones are written behind in batches.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use iofog_api::{FogUuid, MicroserviceUuid};

use super::lock;
use crate::domain::status::{FogStatus, MicroserviceStatus};

/// Newest statuses.
#[derive(Debug, Default)]
pub struct Statuses(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    fogs: HashMap<FogUuid, FogStatus>,
    microservices: HashMap<MicroserviceUuid, MicroserviceStatus>,
    changed_fogs: HashSet<FogUuid>,
    changed_microservices: HashSet<MicroserviceUuid>,
}

/// What to write behind.
#[derive(Debug, Default)]
pub struct Changed {
    /// Statuses of agents.
    pub fogs: Vec<(FogUuid, FogStatus)>,
    /// Statuses of microservices.
    pub microservices: Vec<(MicroserviceUuid, MicroserviceStatus)>,
}

impl Statuses {
    /// Takes over stored statuses at start.
    pub fn load(
        &self,
        fogs: Vec<(FogUuid, FogStatus)>,
        microservices: Vec<(MicroserviceUuid, MicroserviceStatus)>,
    ) {
        let mut inner = lock(&self.0);
        inner.fogs.extend(fogs);
        inner.microservices.extend(microservices);
    }

    /// Status of an agent; the initial one when it never reported.
    pub fn fog(&self, uuid: &FogUuid) -> FogStatus {
        lock(&self.0).fogs.get(uuid).cloned().unwrap_or_default()
    }

    /// Status of a microservice; queued when it was never reported.
    pub fn microservice(&self, uuid: &MicroserviceUuid) -> MicroserviceStatus {
        lock(&self.0).microservices.get(uuid).cloned().unwrap_or_default()
    }

    /// Changes an agent's status in place.
    pub fn update_fog(&self, uuid: &FogUuid, change: impl FnOnce(&mut FogStatus)) {
        let mut inner = lock(&self.0);
        change(inner.fogs.entry(uuid.clone()).or_default());
        inner.changed_fogs.insert(uuid.clone());
    }

    /// Changes a microservice's status in place, if it has one.
    pub fn update_microservice(
        &self,
        uuid: &MicroserviceUuid,
        change: impl FnOnce(&mut MicroserviceStatus),
    ) {
        let mut inner = lock(&self.0);
        if let Some(status) = inner.microservices.get_mut(uuid) {
            change(status);
            inner.changed_microservices.insert(uuid.clone());
        }
    }

    /// Sets an agent's status.
    pub fn set_fog(&self, uuid: FogUuid, status: FogStatus) {
        self.update_fog(&uuid, |stored| *stored = status);
    }

    /// Sets or forgets a microservice's status.
    pub fn set_microservice(&self, uuid: MicroserviceUuid, status: Option<MicroserviceStatus>) {
        let mut inner = lock(&self.0);
        match status {
            Some(status) => {
                inner.changed_microservices.insert(uuid.clone());
                inner.microservices.insert(uuid, status);
            }
            None => {
                inner.changed_microservices.remove(&uuid);
                inner.microservices.remove(&uuid);
            }
        }
    }

    /// Another Controller wrote an agent's status. The newer report counts, whoever received it.
    pub fn hear_fog(&self, uuid: FogUuid, status: FogStatus) {
        let mut inner = lock(&self.0);
        let newer = inner.fogs.get(&uuid).is_none_or(|known| known.received <= status.received);
        if newer {
            inner.fogs.insert(uuid, status);
        }
    }

    /// Another Controller wrote a microservice's status. One that waits here to be written is newer.
    pub fn hear_microservice(&self, uuid: MicroserviceUuid, status: MicroserviceStatus) {
        let mut inner = lock(&self.0);
        if !inner.changed_microservices.contains(&uuid) {
            inner.microservices.insert(uuid, status);
        }
    }

    /// Forgets an agent.
    pub fn drop_fog(&self, uuid: &FogUuid) {
        let mut inner = lock(&self.0);
        inner.fogs.remove(uuid);
        inner.changed_fogs.remove(uuid);
    }

    /// What changed since the last call.
    pub fn take_changed(&self) -> Changed {
        let mut inner = lock(&self.0);
        let fogs = std::mem::take(&mut inner.changed_fogs);
        let microservices = std::mem::take(&mut inner.changed_microservices);
        Changed {
            fogs: fogs
                .into_iter()
                .filter_map(|uuid| inner.fogs.get(&uuid).cloned().map(|status| (uuid, status)))
                .collect(),
            microservices: microservices
                .into_iter()
                .filter_map(|uuid| {
                    inner.microservices.get(&uuid).cloned().map(|status| (uuid, status))
                })
                .collect(),
        }
    }
}
