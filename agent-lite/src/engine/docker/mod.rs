//! Docker and Podman through their REST API on a Unix socket or TCP.

mod create;
mod image;
mod list;
mod save;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::rc::{Rc, Weak};
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, EventsOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveImageOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
};
use futures_util::StreamExt as _;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::Engine;
use crate::clock::Clock;
use crate::domain::{Container, ContainerId, Done, Failure, LABEL_FOG, Step};

/// Seconds until a call counts as unanswered; longer than any stop takes.
const CALL_SECONDS: u64 = 120;
/// Seconds a workload gets to end by itself.
const STOP_SECONDS: i32 = 10;
const RECONNECT: Duration = Duration::from_secs(2);
/// When to look once more after an event: Docker tells of an end first, then takes the container's network and file system
/// apart, and only then does its list show the end, of which it tells nothing more.
const LOOK_AGAIN: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5)];

/// A Docker-compatible engine.
pub struct DockerEngine {
    shared: Rc<Shared>,
    events: RefCell<JoinHandle<()>>,
}

struct Shared {
    url: RefCell<String>,
    client: RefCell<Option<Docker>>,
    /// Start times by container, so that a running container is inspected once.
    known: RefCell<HashMap<ContainerId, list::Known>>,
    changed: Notify,
}

// === impl DockerEngine ===

impl DockerEngine {
    /// An engine at `unix://` or `tcp://`; it may come up later. Must be called on the local task set.
    pub fn new(url: &str) -> Self {
        let shared = Rc::new(Shared {
            url: RefCell::new(url.trim_end_matches('/').to_owned()),
            client: RefCell::default(),
            known: RefCell::default(),
            changed: Notify::new(),
        });
        let events = tokio::task::spawn_local(watch_events(Rc::downgrade(&shared)));
        Self { shared, events: RefCell::new(events) }
    }

    /// Goes over to another address; nothing happens when it is the same.
    pub fn set_url(&self, url: &str) {
        let url = url.trim_end_matches('/');
        if *self.shared.url.borrow() == url {
            return;
        }
        *self.shared.url.borrow_mut() = url.to_owned();
        *self.shared.client.borrow_mut() = None;
        let events = tokio::task::spawn_local(watch_events(Rc::downgrade(&self.shared)));
        self.events.replace(events).abort();
        self.shared.changed.notify_one();
    }
}

impl Engine for DockerEngine {
    async fn list(&self) -> Result<Vec<Container>, Failure> {
        let client = self.shared.client().await?;
        self.shared.note(list::microservice_containers(&client, &self.shared.known).await)
    }

    async fn perform(&self, step: &Step, progress: &dyn Fn(u8)) -> Result<Done, Failure> {
        let client = self.shared.client().await?;
        let result = match step {
            Step::EnsureImage { image, registry, policy } => {
                return image::ensure(&client, image, registry.as_ref(), *policy, progress).await;
            }
            Step::Create(spec) => {
                let options = CreateContainerOptionsBuilder::new().name(&spec.name).build();
                let made = client.create_container(Some(options), create::body(spec)).await;
                made.map(|made| Done::Created(ContainerId::new(made.id)))
            }
            Step::Start(id) => {
                self.shared.known.borrow_mut().remove(id);
                client
                    .start_container(id.as_str(), None::<StartContainerOptions>)
                    .await
                    .map(|()| Done::Ok)
            }
            Step::Stop(id) => {
                let options = StopContainerOptionsBuilder::new().t(STOP_SECONDS).build();
                client.stop_container(id.as_str(), Some(options)).await.map(|()| Done::Ok)
            }
            Step::Remove { container, volumes } => {
                let options = RemoveContainerOptionsBuilder::new().force(true).v(*volumes).build();
                client.remove_container(container.as_str(), Some(options)).await.map(|()| Done::Ok)
            }
            Step::RemoveImage(image) => {
                let options = RemoveImageOptionsBuilder::new().force(true).build();
                client.remove_image(image, Some(options), None).await.map(|_| Done::Ok)
            }
        };
        match (step, result) {
            (
                Step::Create(spec),
                Err(Error::DockerResponseServerError { status_code: 404, message }),
            ) => Err(Failure::ImageMissing { image: spec.image.clone(), detail: message }),
            // Already started, already stopped.
            (_, Err(Error::DockerResponseServerError { status_code: 304, .. })) => Ok(Done::Ok),
            (_, result) => self.shared.note(result.map_err(failure)),
        }
    }

    async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    async fn save(&self, container: &ContainerId, to: &Path, most: u64) -> Result<(), Failure> {
        let client = self.shared.client().await?;
        save::image_of(&client, container, to, most).await
    }

    async fn prune(&self, images: &[String]) -> Result<u64, Failure> {
        let client = self.shared.client().await?;
        let mut freed = 0;
        for name in images {
            freed += image::remove_unused(&client, name).await?;
        }
        Ok(freed)
    }
}

// === impl Shared ===

impl Shared {
    /// The client, connected and with a negotiated API version.
    async fn client(&self) -> Result<Docker, Failure> {
        if let Some(client) = self.client.borrow().clone() {
            return Ok(client);
        }
        let version = bollard::API_DEFAULT_VERSION;
        let url = self.url.borrow().clone();
        let opened = match url.strip_prefix("unix://") {
            Some(path) => Docker::connect_with_unix(path, CALL_SECONDS, version),
            None => Docker::connect_with_http(&url, CALL_SECONDS, version),
        };
        let client = opened.map_err(failure)?.negotiate_version().await.map_err(failure)?;
        *self.client.borrow_mut() = Some(client.clone());
        Ok(client)
    }

    /// After a lost connection the version is negotiated anew: the engine may have been upgraded.
    fn note<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        if matches!(result, Err(Failure::Unavailable(_))) {
            *self.client.borrow_mut() = None;
        }
        result
    }
}

/// Follows the engine's events for as long as the engine object lives.
async fn watch_events(shared: Weak<Shared>) {
    loop {
        let Some(strong) = shared.upgrade() else { return };
        let client = strong.client().await;
        drop(strong);
        if let Ok(client) = client {
            follow(&client, &shared).await;
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

async fn follow(client: &Docker, shared: &Weak<Shared>) {
    // Whatever happened before this moment is found by looking; what happens until the engine has taken the
    // request is told because the request asks for the past seconds too.
    if let Some(strong) = shared.upgrade() {
        strong.changed.notify_one();
    }
    let since = (Clock::new().epoch().0 / 1000).saturating_sub(2).to_string();
    let filters = HashMap::from([("type", vec!["container"]), ("label", vec![LABEL_FOG])]);
    let options = EventsOptionsBuilder::new().since(&since).filters(&filters).build();
    let mut events = std::pin::pin!(client.events(Some(options)));
    let mut again = [].iter();
    loop {
        let event = match again.as_slice() {
            [] => events.next().await,
            [next, ..] => match tokio::time::timeout(*next, events.next()).await {
                Ok(event) => event,
                Err(_) => {
                    again.next();
                    let Some(strong) = shared.upgrade() else { return };
                    strong.changed.notify_one();
                    continue;
                }
            },
        };
        let Some(Ok(event)) = event else { break };
        let Some(strong) = shared.upgrade() else { return };
        let action = event.action.unwrap_or_default();
        if matches!(
            action.as_str(),
            "start" | "die" | "destroy" | "pause" | "unpause" | "rename" | "oom"
        ) || action.starts_with("health_status")
        {
            if let Some(id) = event.actor.and_then(|actor| actor.id) {
                strong.known.borrow_mut().remove(&ContainerId::new(id));
            }
            strong.changed.notify_one();
            again = LOOK_AGAIN.iter();
        }
    }
    if let Some(strong) = shared.upgrade() {
        *strong.client.borrow_mut() = None;
        strong.changed.notify_one();
    }
}

/// What an API error means to the reconciler.
fn failure(error: Error) -> Failure {
    match error {
        Error::DockerResponseServerError { status_code: 404, message } => Failure::Gone(message),
        Error::DockerResponseServerError { status_code: 409, message } => {
            Failure::NameTaken(message)
        }
        Error::DockerResponseServerError { message, .. } => Failure::Refused(message),
        Error::DockerStreamError { error } => Failure::Refused(error),
        other => Failure::Unavailable(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
