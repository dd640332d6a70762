//! A container engine in memory, for tests: strict about names and states, and it keeps count.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tokio::sync::Notify;

use super::Engine;
use crate::domain::{
    Container, ContainerId, ContainerSpec, ContainerState, Done, EpochMillis, Failure,
    LABEL_FINGERPRINT, LABEL_FOG, LABEL_REBUILD, PullPolicy, Step,
};
use crate::ids::{FogUuid, MicroserviceUuid};

/// What a container was ordered as: a second creation of the same order is a defect.
pub type OrderKey = (MicroserviceUuid, String, u64);

/// State of the engine, without any time.
#[derive(Clone, Debug, Default)]
pub struct Core {
    pub containers: BTreeMap<ContainerId, Container>,
    pub images: BTreeSet<String>,
    /// How often each order was made into a container.
    pub creations: BTreeMap<OrderKey, u32>,
    next_id: u32,
}

// === impl Core ===

impl Core {
    /// Does a step as the real engine would.
    pub fn perform(&mut self, step: &Step) -> Result<Done, Failure> {
        match step {
            Step::EnsureImage { image, policy, .. } => {
                match (self.images.contains(image), policy) {
                    (true, _) => Ok(Done::Ok),
                    (false, PullPolicy::Never) => {
                        Err(Failure::ImageMissing { image: image.clone(), detail: String::new() })
                    }
                    (false, _) => {
                        self.images.insert(image.clone());
                        Ok(Done::Pulled)
                    }
                }
            }
            Step::Create(spec) => self.create(spec),
            Step::Start(id) => self.change(id, |one| one.state = ContainerState::Running),
            Step::Stop(id) => self.change(id, |one| {
                if one.state == ContainerState::Running {
                    one.state = ContainerState::Exited;
                }
            }),
            Step::Remove { container, .. } => match self.containers.remove(container) {
                Some(_) => Ok(Done::Ok),
                None => Err(Failure::Gone(container.to_string())),
            },
            Step::RemoveImage(image) => {
                self.images.remove(image);
                Ok(Done::Ok)
            }
        }
    }

    /// Adds a container that nobody here made.
    pub fn plant(&mut self, name: &str, fog: &str, microservice: &str) {
        let id = self.new_id();
        let container = Container {
            id: id.clone(),
            name: name.to_owned(),
            fog: Some(fog.into()),
            microservice: microservice.into(),
            state: ContainerState::Running,
            fingerprint: None,
            rebuild: 0,
            address: None,
            started: Some(EpochMillis(1)),
            health: None,
            out_of_memory: false,
        };
        self.containers.insert(id, container);
    }

    fn create(&mut self, spec: &ContainerSpec) -> Result<Done, Failure> {
        if !self.images.contains(&spec.image) {
            return Err(Failure::ImageMissing {
                image: spec.image.clone(),
                detail: "no such image".into(),
            });
        }
        if self.containers.values().any(|one| one.name == spec.name) {
            return Err(Failure::NameTaken(spec.name.clone()));
        }
        let label = |key: &str| {
            spec.labels.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
        };
        let id = self.new_id();
        let container = Container {
            id: id.clone(),
            name: spec.name.clone(),
            fog: label(LABEL_FOG).map(FogUuid::from),
            microservice: spec.microservice.clone(),
            state: ContainerState::Created,
            fingerprint: label(LABEL_FINGERPRINT),
            rebuild: label(LABEL_REBUILD).and_then(|text| text.parse().ok()).unwrap_or_default(),
            address: None,
            started: None,
            health: None,
            out_of_memory: false,
        };
        let order = (
            spec.microservice.clone(),
            container.fingerprint.clone().unwrap_or_default(),
            container.rebuild,
        );
        *self.creations.entry(order).or_default() += 1;
        self.containers.insert(id.clone(), container);
        Ok(Done::Created(id))
    }

    fn change(
        &mut self,
        id: &ContainerId,
        change: impl FnOnce(&mut Container),
    ) -> Result<Done, Failure> {
        let container = self.containers.get_mut(id).ok_or_else(|| Failure::Gone(id.to_string()))?;
        change(container);
        Ok(Done::Ok)
    }

    fn new_id(&mut self) -> ContainerId {
        self.next_id += 1;
        ContainerId::new(format!("c{:04}", self.next_id))
    }
}

/// The engine behind the trait: every step takes effect at once.
#[derive(Default)]
pub struct SimulatedEngine {
    pub core: RefCell<Core>,
    pub changed: Notify,
}

impl Engine for SimulatedEngine {
    async fn list(&self) -> Result<Vec<Container>, Failure> {
        tokio::task::yield_now().await;
        Ok(self.core.borrow().containers.values().cloned().collect())
    }

    async fn perform(&self, step: &Step, progress: &dyn Fn(u8)) -> Result<Done, Failure> {
        if matches!(step, Step::EnsureImage { .. }) {
            progress(50);
        }
        tokio::task::yield_now().await;
        self.core.borrow_mut().perform(step)
    }

    async fn changed(&self) {
        self.changed.notified().await;
    }

    async fn save(&self, container: &ContainerId, to: &Path, _: u64) -> Result<(), Failure> {
        std::fs::write(to, container.as_str()).map_err(|error| Failure::Refused(error.to_string()))
    }

    async fn prune(&self, images: &[String]) -> Result<u64, Failure> {
        let mut core = self.core.borrow_mut();
        Ok(images.iter().filter(|image| core.images.remove(*image)).map(|_| 1000).sum())
    }
}
