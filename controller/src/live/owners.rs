//! Which microservice is on which agent, so that a status report touches only the reporter's own.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use iofog_api::{FogUuid, MicroserviceUuid};

use super::lock;

/// The agent of each microservice.
#[derive(Debug, Default)]
pub struct Owners(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    agent_of: HashMap<MicroserviceUuid, FogUuid>,
    /// The same the other way round: many agents may fall silent at once.
    on: HashMap<FogUuid, HashSet<MicroserviceUuid>>,
}

impl Owners {
    /// Notes where a microservice is; none when it is gone or on no agent.
    pub fn set(&self, uuid: MicroserviceUuid, fog: Option<FogUuid>) {
        let mut inner = lock(&self.0);
        if let Some(before) = inner.agent_of.remove(&uuid)
            && let Some(there) = inner.on.get_mut(&before)
        {
            there.remove(&uuid);
            if there.is_empty() {
                inner.on.remove(&before);
            }
        }
        if let Some(fog) = fog {
            inner.on.entry(fog.clone()).or_default().insert(uuid.clone());
            inner.agent_of.insert(uuid, fog);
        }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *lock(&self.0) = Inner::default();
    }

    /// True when the microservice is on the agent.
    pub fn is_on(&self, uuid: &MicroserviceUuid, fog: &FogUuid) -> bool {
        lock(&self.0).agent_of.get(uuid) == Some(fog)
    }

    /// All microservices on an agent.
    pub fn on(&self, fog: &FogUuid) -> Vec<MicroserviceUuid> {
        lock(&self.0).on.get(fog).into_iter().flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_agree() {
        let owners = Owners::default();
        owners.set("m".into(), Some("a".into()));
        owners.set("n".into(), Some("a".into()));
        owners.set("m".into(), Some("b".into()));
        assert!(owners.is_on(&"m".into(), &"b".into()) && !owners.is_on(&"m".into(), &"a".into()));
        assert_eq!(owners.on(&"a".into()), ["n".into()]);
        owners.set("m".into(), None);
        assert!(owners.on(&"b".into()).is_empty() && !owners.is_on(&"m".into(), &"b".into()));
    }
}
