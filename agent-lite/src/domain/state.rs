//! Microservice states as the Controller knows them (agent contract 7.3), and what is reported of each.

use super::{ContainerId, EpochMillis};
use crate::ids::MicroserviceUuid;

/// State of one microservice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the contract's own")]
pub enum MicroserviceState {
    #[default]
    Queued,
    Pulling,
    Creating,
    Starting,
    Running,
    Updating,
    Restarting,
    Exiting,
    StuckInRestart,
    Failed,
    MarkedForDeletion,
    Deleting,
    Deleted,
    Stopping,
    Stopped,
    Unknown,
}

/// One entry of `microserviceStatus` as far as the rules know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which.
    pub uuid: MicroserviceUuid,
    /// Its state.
    pub state: MicroserviceState,
    /// Image pull progress, 0 to 100.
    pub percentage: u8,
    /// Its container, once there is one.
    pub container: Option<ContainerId>,
    /// When the container started.
    pub started: Option<EpochMillis>,
    /// Last pull, create or start error; empty after success.
    pub error: String,
}

impl MicroserviceState {
    /// The wire text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Pulling => "PULLING",
            Self::Creating => "CREATING",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Updating => "UPDATING",
            Self::Restarting => "RESTARTING",
            Self::Exiting => "EXITING",
            Self::StuckInRestart => "STUCK_IN_RESTART",
            Self::Failed => "FAILED",
            Self::MarkedForDeletion => "MARKED_FOR_DELETION",
            Self::Deleting => "DELETING",
            Self::Deleted => "DELETED",
            Self::Stopping => "STOPPING",
            Self::Stopped => "STOPPED",
            Self::Unknown => "UNKNOWN",
        }
    }
}
