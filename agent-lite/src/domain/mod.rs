//! Rules of the Agent without I/O: what should run, what runs, and the steps from one to the other.

mod backoff;
mod container;
mod desired;
pub mod enrolment;
pub mod explain;
mod list_gate;
mod observed;
mod reconciler;
mod settings;
mod state;
mod time;
mod track;
mod workload;

pub use backoff::RestartLog;
pub use container::{
    ContainerSpec, LABEL_FINGERPRINT, LABEL_FOG, LABEL_MICROSERVICE, LABEL_REBUILD, NetworkMode,
    NodeFacts, PortBinding,
};
pub use desired::Desired;
pub use list_gate::{ListGate, Verdict};
pub use observed::{Container, ContainerId, ContainerState, Health, Observation};
pub use reconciler::{Action, Done, Failure, Plan, PullPolicy, Reconciler, Step};
pub use settings::{Limits, MessageSettings, Settings, SettingsError};
pub use state::{MicroserviceState, Report};
pub use time::{EpochMillis, Mono};
pub use workload::{Kind, Port, Registry, RegistryId, Volume, VolumeKind, Workload};
