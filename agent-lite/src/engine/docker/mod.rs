//! Docker and Podman through their REST API on a Unix socket or TCP.

mod client;
mod create;
mod image;
mod list;
mod podman;
mod save;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::rc::{Rc, Weak};
use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use client::{ApiError, Call, Client, Documents, part};

use super::Engine;
use crate::clock::Clock;
use crate::domain::{Container, ContainerId, Done, Failure, LABEL_FOG, Step};

/// Seconds a workload gets to end by itself.
const STOP_SECONDS: u32 = 10;
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
    client: RefCell<Option<Client>>,
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
        let events = iofog_task::spawn(watch_events(Rc::downgrade(&shared)));
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
        let events = iofog_task::spawn(watch_events(Rc::downgrade(&self.shared)));
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
                let path = format!("/containers/create?name={}", part(&spec.name));
                let body = Some(podman::adapt(&client, spec, create::body(spec)).await?);
                let made = client.ask(Call { body, ..Call::new(Method::POST, path) }).await;
                made.and_then(|made| match made["Id"].as_str() {
                    Some(id) => Ok(Done::Created(ContainerId::new(id))),
                    None => Err(ApiError::Lost("engine made a container without an id".to_owned())),
                })
            }
            Step::Start(id) => {
                self.shared.known.borrow_mut().remove(id);
                act(&client, Method::POST, id, "/start").await
            }
            Step::Stop(id) => {
                act(&client, Method::POST, id, &format!("/stop?t={STOP_SECONDS}")).await
            }
            Step::Remove { container, volumes } => {
                let query = format!("?force=true&v={volumes}");
                act(&client, Method::DELETE, container, &query).await
            }
            Step::RemoveImage(image) => {
                image::remove(&client, image, true).await.map(|()| Done::Ok)
            }
        };
        match (step, result) {
            (Step::Create(spec), Err(ApiError::Status(StatusCode::NOT_FOUND, detail))) => {
                Err(Failure::ImageMissing { image: spec.image.clone(), detail })
            }
            // Podman has no number of its own for it.
            (
                Step::Create(spec),
                Err(ApiError::Status(StatusCode::INTERNAL_SERVER_ERROR, detail)),
            ) if detail.contains("already in use") => Err(Failure::NameTaken(spec.name.clone())),
            (_, result) => self.shared.note(result.map_err(Failure::from)),
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
    async fn client(&self) -> Result<Client, Failure> {
        if let Some(client) = self.client.borrow().clone() {
            return Ok(client);
        }
        let url = self.url.borrow().clone();
        let client = Client::open(&url).await?;
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

async fn follow(client: &Client, shared: &Weak<Shared>) {
    // Whatever happened before this moment is found by looking; what happens until the engine has taken the
    // request is told because the request asks for the past seconds too.
    if let Some(strong) = shared.upgrade() {
        strong.changed.notify_one();
    }
    let since = (Clock::new().epoch().0 / 1000).saturating_sub(2).to_string();
    let mut filters = json!({"type": ["container"]});
    if !client.is_podman() {
        // Podman wants the value, too, and tells nothing without.
        filters["label"] = json!([LABEL_FOG]);
    }
    let path = format!("/events?since={since}&filters={}", part(&filters.to_string()));
    if let Ok(mut events) = client.documents(Call::new(Method::GET, path)).await {
        hear(&mut events, shared).await;
    }
    if let Some(strong) = shared.upgrade() {
        *strong.client.borrow_mut() = None;
        strong.changed.notify_one();
    }
}

async fn hear(events: &mut Documents, shared: &Weak<Shared>) {
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
        let Ok(Some(event)) = event else { return };
        let Some(strong) = shared.upgrade() else { return };
        let action = event["Action"].as_str().unwrap_or_default();
        if matches!(
            action,
            "start" | "die" | "destroy" | "remove" | "pause" | "unpause" | "rename" | "oom"
        ) || action.starts_with("health_status")
        {
            if let Some(id) = event["Actor"]["ID"].as_str() {
                strong.known.borrow_mut().remove(&ContainerId::new(id));
            }
            strong.changed.notify_one();
            again = LOOK_AGAIN.iter();
        }
    }
}

/// Does something to a container.
async fn act(
    client: &Client,
    method: Method,
    id: &ContainerId,
    what: &str,
) -> Result<Done, ApiError> {
    let path = format!("/containers/{}{what}", part(id.as_str()));
    client.call(Call::new(method, path)).await.map(|_| Done::Ok)
}

#[cfg(test)]
mod tests;

/// Reads an engine's answer every way that an order does, and forgets it: for fuzzing.
pub(crate) fn read_any_answer(bytes: &[u8]) {
    list::read_any_list(bytes);
    image::read_any_progress(&client::read_any_documents(bytes));
}
