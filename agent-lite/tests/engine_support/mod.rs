//! Places and images for the behaviour suite of the engines.

pub(crate) mod image;
mod keeping;
mod registry;
mod saving;
mod scenarios;
pub(crate) mod site;

use std::future::Future;
use std::time::{Duration, Instant};

use iofog_agent::domain::{Container, ContainerId, ContainerState, Done, PullPolicy, Step};
use iofog_agent::engine::Engine;

/// A name that no other run of the tests uses.
pub(crate) fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// Runs a scenario on one thread, as the Agent does.
pub(crate) fn on_one_thread(scenario: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, scenario);
}

/// Waits for a value; the guard only ends a hanging test.
pub(crate) async fn eventually<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let guard = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(Instant::now() < guard, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The container of this name.
pub(crate) async fn find(engine: &impl Engine, name: &str) -> Option<Container> {
    engine.list().await.unwrap().into_iter().find(|one| one.name == name)
}

/// Waits until the container is in this state.
pub(crate) async fn until(engine: &impl Engine, name: &str, state: ContainerState) -> Container {
    eventually(&format!("{name} is {state:?}"), async || {
        find(engine, name).await.filter(|one| one.state == state)
    })
    .await
}

/// Makes the image ready, the container, and starts it.
pub(crate) async fn run(
    engine: &impl Engine,
    spec: &iofog_agent::domain::ContainerSpec,
) -> ContainerId {
    ensure(engine, &spec.image).await;
    let id = create(engine, spec).await;
    engine.perform(&Step::Start(id.clone()), &|_| {}).await.unwrap();
    id
}

pub(crate) async fn ensure(engine: &impl Engine, image: &str) -> Done {
    let step =
        Step::EnsureImage { image: image.to_owned(), registry: None, policy: PullPolicy::IfAbsent };
    engine.perform(&step, &|_| {}).await.unwrap()
}

pub(crate) async fn create(
    engine: &impl Engine,
    spec: &iofog_agent::domain::ContainerSpec,
) -> ContainerId {
    match engine.perform(&Step::Create(Box::new(spec.clone())), &|_| {}).await.unwrap() {
        Done::Created(id) => id,
        other => unreachable!("{other:?}"),
    }
}

pub(crate) async fn remove(engine: &impl Engine, id: &ContainerId) {
    let step = Step::Remove { container: id.clone(), volumes: true };
    engine.perform(&step, &|_| {}).await.unwrap();
}
