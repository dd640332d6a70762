//! Newest statuses of agents and microservices; changed ones are written behind in batches: soon when more changed than
//! times and measurements, else within a round ([`Behind`]).

use std::collections::HashMap;
use std::sync::Mutex;

use iofog_api::{FogUuid, MicroserviceUuid};

use super::behind::Behind;
use super::lock;
use crate::domain::status::{FogStatus, MicroserviceStatus};

/// Newest statuses.
#[derive(Debug, Default)]
pub struct Statuses(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    fogs: HashMap<FogUuid, FogStatus>,
    microservices: HashMap<MicroserviceUuid, MicroserviceStatus>,
    changed_fogs: Behind<FogUuid>,
    changed_microservices: Behind<MicroserviceUuid>,
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
        self.with_fog(uuid, FogStatus::clone)
    }

    /// Looks at the status of an agent in its place; `look` must not ask for another.
    pub fn with_fog<T>(&self, uuid: &FogUuid, look: impl FnOnce(&FogStatus) -> T) -> T {
        match lock(&self.0).fogs.get(uuid) {
            Some(status) => look(status),
            None => look(&FogStatus::default()),
        }
    }

    /// Status of a microservice; queued when it was never reported.
    pub fn microservice(&self, uuid: &MicroserviceUuid) -> MicroserviceStatus {
        lock(&self.0).microservices.get(uuid).cloned().unwrap_or_default()
    }

    /// An agent was heard of.
    pub fn touch(&self, uuid: &FogUuid, now: i64) {
        let mut inner = lock(&self.0);
        match inner.fogs.get_mut(uuid) {
            Some(status) => {
                status.last_active = now;
                inner.changed_fogs.later(uuid);
            }
            None => {
                let status = FogStatus { last_active: now, ..FogStatus::default() };
                inner.fogs.insert(uuid.clone(), status);
                inner.changed_fogs.soon(uuid);
            }
        }
    }

    /// Changes an agent's status in place.
    pub fn update_fog(&self, uuid: &FogUuid, change: impl FnOnce(&mut FogStatus)) {
        let mut status = self.fog(uuid);
        change(&mut status);
        self.set_fog(uuid, status);
    }

    /// Changes a microservice's status in place, if it has one.
    pub fn update_microservice(
        &self,
        uuid: &MicroserviceUuid,
        change: impl FnOnce(&mut MicroserviceStatus),
    ) {
        let mut inner = lock(&self.0);
        if let Some(status) = inner.microservices.get_mut(uuid) {
            let before = status.clone();
            change(status);
            if before.differs_in_kind(status) {
                inner.changed_microservices.soon(uuid);
            } else {
                inner.changed_microservices.later(uuid);
            }
        }
    }

    /// Sets an agent's status.
    pub fn set_fog(&self, uuid: &FogUuid, status: FogStatus) {
        let mut inner = lock(&self.0);
        let before = inner.fogs.get(uuid);
        if before.is_none_or(|before| before.differs_in_kind(&status)) {
            inner.changed_fogs.soon(uuid);
        } else {
            inner.changed_fogs.later(uuid);
        }
        match inner.fogs.get_mut(uuid) {
            Some(stored) => *stored = status,
            None => drop(inner.fogs.insert(uuid.clone(), status)),
        }
    }

    /// Sets or forgets a microservice's status.
    pub fn set_microservice(&self, uuid: MicroserviceUuid, status: Option<MicroserviceStatus>) {
        let mut inner = lock(&self.0);
        match status {
            Some(status) => {
                inner.changed_microservices.soon(&uuid);
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

    /// What is to be written at this turn; `all` takes everything that changed.
    pub fn take_changed(&self, all: bool) -> Changed {
        let mut inner = lock(&self.0);
        let fogs = inner.changed_fogs.take(all);
        let microservices = inner.changed_microservices.take(all);
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
