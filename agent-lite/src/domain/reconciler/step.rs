//! Steps that an engine is asked for, and what their results mean to the track.

use serde::{Deserialize, Serialize};

use crate::domain::track::Track;
use crate::domain::{ContainerId, ContainerSpec, MicroserviceState, Mono, Registry};
use crate::ids::MicroserviceUuid;

/// One step for one microservice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Whose.
    pub uuid: MicroserviceUuid,
    /// Which.
    pub step: Step,
}

/// A step; doing it twice is harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Makes the image available.
    EnsureImage {
        /// Reference, verbatim.
        image: String,
        /// Where from, when known.
        registry: Option<Registry>,
        /// Whether to ask the registry.
        policy: PullPolicy,
    },
    /// Makes the container.
    Create(Box<ContainerSpec>),
    /// Starts it.
    Start(ContainerId),
    /// Stops it, with time to end by itself.
    Stop(ContainerId),
    /// Removes it.
    Remove {
        /// Which.
        container: ContainerId,
        /// Its anonymous volumes too.
        volumes: bool,
    },
    /// Removes an image.
    RemoveImage(String),
}

/// When a registry is asked for an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PullPolicy {
    /// Never: the image must be there.
    Never,
    /// Only when it is not there.
    IfAbsent,
    /// Always; a local image serves when the registry does not.
    Refresh,
}

/// A step that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// The container has this id.
    Created(ContainerId),
    /// The image was fetched, so pruning may take it later.
    Pulled,
    /// Nothing more to say.
    Ok,
}

/// A step that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The container or image is not there any more.
    #[error("not there any more: {0}")]
    Gone(String),
    /// A container of that name exists.
    #[error("name in use: {0}")]
    NameTaken(String),
    /// The image is not there and may not or could not be pulled.
    #[error("image {image} is not in the local cache{}", reason(.detail))]
    ImageMissing {
        /// Reference.
        image: String,
        /// Why the pull failed; empty when none was tried.
        detail: String,
    },
    /// The engine does not answer.
    #[error("container engine does not answer: {0}")]
    Unavailable(String),
    /// The engine refused.
    #[error("{0}")]
    Refused(String),
}

/// What to do now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Steps to do; their microservices are busy until [`super::Reconciler::finished`].
    pub actions: Vec<Action>,
    /// When to plan again without any event; none = no need.
    pub wake_at: Option<Mono>,
}

fn reason(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(": {detail}") }
}

impl Track {
    /// Takes the result of a step.
    pub(super) fn settle(&mut self, step: &Step, result: Result<Done, Failure>, now: Mono) {
        match (step, result) {
            (Step::EnsureImage { .. }, Ok(_)) => {
                self.image_ready = true;
                self.percentage = 100;
                self.forgive();
            }
            (Step::Create(_), Ok(done)) => {
                if let Done::Created(id) = done {
                    self.container = Some(id);
                }
                self.ran = false;
            }
            (Step::Start(_), Ok(_)) => {
                self.ran = true;
                self.state = MicroserviceState::Running;
                self.running_since = Some(now);
                self.forgive();
            }
            (Step::Stop(_), Ok(_) | Err(Failure::Gone(_))) => self.forgive(),
            (Step::Remove { .. }, Ok(_) | Err(Failure::Gone(_))) => {
                self.container = None;
                self.started = None;
                self.running_since = None;
                self.ran = false;
                self.forgive();
            }
            (Step::RemoveImage(_), _) => self.cleaned = true,
            // Somebody removed it, or a slow earlier call made it after all: the next listing tells.
            (Step::Start(_), Err(Failure::Gone(_))) => {}
            (Step::Create(_), Err(failure @ Failure::ImageMissing { .. })) => {
                self.image_ready = false;
                self.fail(&failure, now);
            }
            (_, Err(failure)) => self.fail(&failure, now),
        }
    }

    fn fail(&mut self, failure: &Failure, now: Mono) {
        self.failed(failure, now);
        self.state = MicroserviceState::Failed;
    }
}
