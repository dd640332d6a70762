//! Runs the reconciler against an engine: looks, does the planned steps side by side, looks again.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use iofog_sorted::SortedMap;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::context::AgentContext;
use crate::domain::explain::{Clocks, Insight};
use crate::domain::{
    Action, Container, ContainerId, ContainerState, Desired, Done, EpochMillis, Failure, Mono,
    NodeFacts, Observation, Reconciler, Report, Step,
};
use crate::engine::Engine;
use crate::fault;
use crate::ids::{FogUuid, MicroserviceUuid};
use crate::usage::{CgroupSampler, ContainerUsage};

/// A look without any event: catches what the engine's event stream missed.
const SAFETY_LOOK: Duration = Duration::from_secs(30);
/// Next look after the engine did not answer.
const ENGINE_DOWN_LOOK: Duration = Duration::from_secs(5);
/// Steps waiting to report; far above what runs side by side.
const RESULTS: usize = 64;

/// Handle on the process manager, shared by all parts of the Agent.
#[derive(Clone)]
pub struct ProcessManager {
    shared: Rc<Shared>,
}

struct Shared {
    reconciler: RefCell<Reconciler>,
    desired: RefCell<Desired>,
    wake: Notify,
    reports: watch::Sender<u32>,
    engine_error: RefCell<String>,
    /// When the engine last answered.
    answered: Cell<Option<Mono>>,
    running: RefCell<Vec<ContainerId>>,
    cgroups: CgroupSampler,
    pulled: RefCell<Vec<String>>,
    prunes: RefCell<Vec<PruneRequest>>,
    saves: RefCell<Vec<SaveRequest>>,
}

/// An image to write: whose, where, how much at most, and where the answer goes.
type SaveRequest = (ContainerId, PathBuf, u64, oneshot::Sender<Result<(), Failure>>);

/// Images to remove and where the answer goes.
type PruneRequest = (Vec<String>, oneshot::Sender<Result<u64, Failure>>);
type StepResult = (Action, Result<Done, Failure>);

// === impl ProcessManager ===

impl ProcessManager {
    /// A process manager that wants nothing yet.
    pub fn new(node: NodeFacts, former: impl IntoIterator<Item = FogUuid>) -> Self {
        let shared = Shared {
            reconciler: RefCell::new(Reconciler::new(node, former.into_iter().collect())),
            desired: RefCell::default(),
            wake: Notify::new(),
            reports: watch::channel(0).0,
            engine_error: RefCell::default(),
            answered: Cell::default(),
            running: RefCell::default(),
            cgroups: CgroupSampler::default(),
            pulled: RefCell::default(),
            prunes: RefCell::default(),
            saves: RefCell::default(),
        };
        Self { shared: Rc::new(shared) }
    }

    /// Takes a new desired state. It must be on disk already: steps begin at once.
    pub fn set_desired(&self, desired: Desired) {
        if *self.shared.desired.borrow() != desired {
            *self.shared.desired.borrow_mut() = desired;
            self.shared.wake.notify_one();
        }
    }

    /// Takes changed facts about the node.
    pub fn set_node(&self, node: NodeFacts, former: impl IntoIterator<Item = FogUuid>) {
        self.shared.reconciler.borrow_mut().set_node(node, former.into_iter().collect());
        self.shared.wake.notify_one();
    }

    /// Tries everything that waits after a failure at once.
    pub fn forgive(&self) {
        self.shared.reconciler.borrow_mut().forgive();
        self.shared.wake.notify_one();
    }

    /// What to report of each microservice in a container.
    pub fn reports(&self) -> Vec<Report> {
        self.shared.reconciler.borrow().reports()
    }

    /// Call when the reports reached the Controller.
    pub fn reported(&self) {
        self.shared.reconciler.borrow_mut().forget_reported();
    }

    /// Wakes when a report may have changed.
    pub fn watch_reports(&self) -> watch::Receiver<u32> {
        self.shared.reports.subscribe()
    }

    /// Number of running microservice containers of this node.
    pub fn running(&self) -> usize {
        self.shared.running.borrow().len()
    }

    /// CPU and memory of this node's running containers, by container.
    pub fn container_usage(&self) -> SortedMap<ContainerId, ContainerUsage> {
        self.shared.cgroups.sample(&self.shared.running.borrow())
    }

    /// Why the engine could not be asked last time; empty when it could.
    pub fn engine_error(&self) -> String {
        self.shared.engine_error.borrow().clone()
    }

    /// When the engine last answered.
    pub fn engine_answered(&self, clocks: Clocks) -> Option<EpochMillis> {
        self.shared.answered.get().map(|at| clocks.wall(at))
    }

    /// What is known of one microservice in a container.
    pub fn insight(&self, uuid: &MicroserviceUuid, clocks: Clocks) -> Option<Insight> {
        self.shared.reconciler.borrow().insight(uuid, clocks)
    }

    /// Removes images that nothing uses; says how many bytes that freed.
    pub async fn prune(&self, images: Vec<String>) -> Result<u64, Failure> {
        let (answer, freed) = oneshot::channel();
        self.shared.prunes.borrow_mut().push((images, answer));
        self.shared.wake.notify_one();
        freed.await.unwrap_or_else(|_| {
            Err(Failure::Unavailable("the process manager does not run".to_owned()))
        })
    }

    /// Writes the image of a container to a file.
    pub async fn save_image(
        &self,
        container: ContainerId,
        to: PathBuf,
        most: u64,
    ) -> Result<(), Failure> {
        let (answer, saved) = oneshot::channel();
        self.shared.saves.borrow_mut().push((container, to, most, answer));
        self.shared.wake.notify_one();
        saved.await.unwrap_or_else(|_| {
            Err(Failure::Unavailable("the process manager does not run".to_owned()))
        })
    }

    /// No image was pulled since [`Self::take_pulled`].
    pub fn pulled_is_empty(&self) -> bool {
        self.shared.pulled.borrow().is_empty()
    }

    /// Images pulled since the last call.
    pub fn take_pulled(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.pulled.borrow_mut())
    }

    /// Runs until dropped. Must be on the local task set.
    pub async fn run<E: Engine + 'static>(
        self,
        engine: Rc<E>,
        context: AgentContext,
        clock: Clock,
    ) {
        let (results, mut finished) = mpsc::channel::<StepResult>(RESULTS);
        let mut before = Vec::new();
        loop {
            for (images, answer) in self.shared.prunes.take() {
                // Whoever asked may be gone.
                let _ = answer.send(engine.prune(&images).await);
            }
            for (container, to, most, answer) in self.shared.saves.take() {
                let engine = engine.clone();
                iofog_task::spawn(async move {
                    let _ = answer.send(engine.save(&container, &to, most).await);
                });
            }
            let wake_at = self.look(&engine, &context, clock, &results).await;
            let now_reported = self.reports();
            if now_reported != before {
                before = now_reported;
                self.shared.reports.send_modify(|count| *count = count.wrapping_add(1));
            }
            tokio::select! {
                biased;
                Some(done) = finished.recv() => self.finish(done, &mut finished, clock),
                () = self.shared.wake.notified() => {}
                () = engine.changed() => {}
                () = tokio::time::sleep(wake_at.since(clock.mono())) => {}
            }
        }
    }

    /// One look: lists, plans, starts the steps; says when to look again at the latest.
    async fn look<E: Engine + 'static>(
        &self,
        engine: &Rc<E>,
        context: &AgentContext,
        clock: Clock,
        results: &mpsc::Sender<StepResult>,
    ) -> Mono {
        let ticket = self.shared.reconciler.borrow().ticket();
        fault::before("engine.list");
        let listed = engine.list().await;
        fault::after("engine.list");
        let containers = match listed {
            Ok(containers) => containers,
            Err(error) => {
                if *self.shared.engine_error.borrow() != error.to_string() {
                    log::warn!(target: "process-manager", "{error}");
                    *self.shared.engine_error.borrow_mut() = error.to_string();
                }
                return clock.mono().after(ENGINE_DOWN_LOOK);
            }
        };
        self.shared.engine_error.borrow_mut().clear();
        self.shared.answered.set(Some(clock.mono()));
        self.publish_addresses(context, &containers);
        let now = clock.mono();
        let plan = {
            let desired = self.shared.desired.borrow();
            self.shared.reconciler.borrow_mut().plan(
                &desired,
                &Observation { containers, ticket },
                now,
            )
        };
        for action in plan.actions {
            log::info!(target: "process-manager", "{}: {}", action.uuid, describe(&action.step));
            iofog_task::spawn(perform(self.clone(), engine.clone(), action, results.clone()));
        }
        let latest = now.after(SAFETY_LOOK);
        plan.wake_at.map_or(latest, |at| at.min(latest))
    }

    /// Takes one result and all others that are there.
    fn finish(&self, first: StepResult, finished: &mut mpsc::Receiver<StepResult>, clock: Clock) {
        let mut reconciler = self.shared.reconciler.borrow_mut();
        let mut next = Some(first);
        while let Some((action, result)) = next {
            if let Err(error) = &result {
                log::warn!(target: "process-manager", "{}: {} failed: {error}", action.uuid, describe(&action.step));
            }
            if let (Step::EnsureImage { image, .. }, Ok(Done::Pulled)) = (&action.step, &result) {
                self.shared.pulled.borrow_mut().push(image.clone());
            }
            reconciler.finished(&action, result, clock.mono());
            next = finished.try_recv().ok();
        }
    }

    /// Tells the Local API which address belongs to whom. Containers of other nodes on this engine are left
    /// out: their callers are strangers here.
    fn publish_addresses(&self, context: &AgentContext, containers: &[Container]) {
        let fog = context.fog_uuid();
        let own = |one: &&Container| {
            one.fog.as_ref() == Some(&fog) && one.state == ContainerState::Running
        };
        let running: Vec<&Container> = containers.iter().filter(own).collect();
        *self.shared.running.borrow_mut() = running.iter().map(|one| one.id.clone()).collect();
        let addresses: SortedMap<_, _> = running
            .iter()
            .filter_map(|one| Some((one.address?, one.microservice.clone())))
            .collect();
        context.set_addresses(addresses);
    }
}

async fn perform<E: Engine>(
    manager: ProcessManager,
    engine: Rc<E>,
    action: Action,
    results: mpsc::Sender<StepResult>,
) {
    let shared = manager.shared.clone();
    let uuid = action.uuid.clone();
    let progress = move |percentage| {
        shared.reconciler.borrow_mut().progress(&uuid, percentage);
        shared.reports.send_modify(|count| *count = count.wrapping_add(1));
    };
    let place = place(&action.step);
    fault::before(place);
    let result = engine.perform(&action.step, &progress).await;
    fault::after(place);
    // The receiver lives as long as `run`; after that nobody needs the result.
    let _ = results.send((action, result)).await;
}

/// The name of a step among the places at which the process may end.
fn place(step: &Step) -> &'static str {
    match step {
        Step::EnsureImage { .. } => "engine.image",
        Step::Create(_) => "engine.create",
        Step::Start(_) => "engine.start",
        Step::Stop(_) => "engine.stop",
        Step::Remove { .. } => "engine.remove",
        Step::RemoveImage(_) => "engine.remove_image",
    }
}

/// The step in words, without secrets.
fn describe(step: &Step) -> String {
    match step {
        Step::EnsureImage { image, .. } => format!("image {image}"),
        Step::Create(spec) => format!("create {}", spec.name),
        Step::Start(id) => format!("start {id:.12}", id = id.as_str()),
        Step::Stop(id) => format!("stop {id:.12}", id = id.as_str()),
        Step::Remove { container, .. } => format!("remove {id:.12}", id = container.as_str()),
        Step::RemoveImage(image) => format!("remove image {image}"),
    }
}

#[cfg(test)]
mod tests;
