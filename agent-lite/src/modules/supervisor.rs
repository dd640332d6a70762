//! Keeps one module in the wanted state: started, changed while running, restarted on rebuild, ended.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::domain::{EpochMillis, MicroserviceState, Report};
use crate::ids::MicroserviceUuid;

const RETRY: Duration = Duration::from_secs(5);

/// The system microservice that a module realises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its uuid, for the report.
    pub uuid: MicroserviceUuid,
    /// Its configuration text.
    pub config: String,
    /// Grows with each rebuild order.
    pub rebuild: u64,
}

/// What a configuration change needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Done while running.
    Live,
    /// Only a new start can do it.
    NeedsRestart,
}

/// A module that can run inside the process. Errors are texts for `errorMessage`.
pub trait Module {
    /// A running instance.
    type Running;

    /// Starts it from a configuration text.
    fn start(&self, config: &str) -> impl Future<Output = Result<Self::Running, String>>;

    /// Changes it while it runs.
    fn apply(
        &self,
        running: &Self::Running,
        config: &str,
    ) -> impl Future<Output = Result<Applied, String>>;

    /// Ends it.
    fn stop(&self, running: Self::Running) -> impl Future<Output = ()>;
}

/// Handle on the task that keeps one module.
#[derive(Clone)]
pub struct Supervisor {
    wanted: Rc<watch::Sender<Option<Wanted>>>,
    report: Rc<RefCell<Option<Report>>>,
    changed: Rc<watch::Sender<u32>>,
}

// === impl Supervisor ===

impl Supervisor {
    /// Starts the task; `changed` is raised with each new report.
    pub(super) fn start(module: impl Module + 'static, changed: Rc<watch::Sender<u32>>) -> Self {
        let wanted = Rc::new(watch::channel(None).0);
        let supervisor = Self { wanted, report: Rc::default(), changed };
        iofog_task::spawn(supervisor.clone().run(module));
        supervisor
    }

    /// Sets what should run; nothing happens when it is the same as before.
    pub(super) fn want(&self, wanted: Option<Wanted>) {
        self.wanted.send_if_modified(|present| {
            let differs = *present != wanted;
            *present = wanted;
            differs
        });
    }

    pub(super) fn report(&self) -> Option<Report> {
        self.report.borrow().clone()
    }

    /// Wants nothing and waits until nothing runs.
    pub(super) async fn end(&self) {
        self.want(None);
        let mut changed = self.changed.subscribe();
        while self.report.borrow().is_some() {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    async fn run<M: Module>(self, module: M) {
        let mut wanted = self.wanted.subscribe();
        let mut running: Option<(Wanted, M::Running)> = None;
        loop {
            let target = wanted.borrow_and_update().clone();
            let settled = self.step(&module, &mut running, target).await;
            let change = wanted.changed();
            if settled {
                if change.await.is_err() {
                    return;
                }
            } else {
                // A module that could not start is tried again, or at once when its configuration changes.
                let _ = tokio::time::timeout(RETRY, change).await;
            }
        }
    }

    /// Goes from what runs to what is wanted; false when it must be tried again.
    async fn step<M: Module>(
        &self,
        module: &M,
        running: &mut Option<(Wanted, M::Running)>,
        target: Option<Wanted>,
    ) -> bool {
        let Some(target) = target else {
            if let Some((_, instance)) = running.take() {
                module.stop(instance).await;
            }
            self.set_report(None);
            return true;
        };
        if let Some((present, instance)) = running.take() {
            match self.change(module, &present, &instance, &target).await {
                Ok(Applied::Live) => {
                    self.set_report(Some(self.running_report(&target)));
                    *running = Some((target, instance));
                    return true;
                }
                Ok(Applied::NeedsRestart) => module.stop(instance).await,
                Err(error) => {
                    self.set_report(Some(failed_report(&target, error)));
                    *running = Some((present, instance));
                    return false;
                }
            }
        }
        match module.start(&target.config).await {
            Ok(instance) => {
                self.set_report(Some(self.running_report(&target)));
                *running = Some((target, instance));
                true
            }
            Err(error) => {
                log::warn!(target: "modules", "{}: {error}", target.uuid);
                self.set_report(Some(failed_report(&target, error)));
                false
            }
        }
    }

    async fn change<M: Module>(
        &self,
        module: &M,
        present: &Wanted,
        instance: &M::Running,
        target: &Wanted,
    ) -> Result<Applied, String> {
        if present.config == target.config {
            // A rebuild order without a changed configuration has nothing to renew here: there is no image.
            return Ok(Applied::Live);
        }
        module.apply(instance, &target.config).await
    }

    fn running_report(&self, wanted: &Wanted) -> Report {
        let before = self.report.borrow().as_ref().and_then(|report| report.started);
        Report {
            uuid: wanted.uuid.clone(),
            state: MicroserviceState::Running,
            percentage: 100,
            container: None,
            started: Some(before.unwrap_or_else(epoch_now)),
            error: String::new(),
        }
    }

    fn set_report(&self, report: Option<Report>) {
        if *self.report.borrow() != report {
            *self.report.borrow_mut() = report;
            self.changed.send_modify(|count| *count = count.wrapping_add(1));
        }
    }
}

fn failed_report(wanted: &Wanted, error: String) -> Report {
    Report {
        uuid: wanted.uuid.clone(),
        state: MicroserviceState::Failed,
        percentage: 0,
        container: None,
        started: None,
        error,
    }
}

fn epoch_now() -> EpochMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    EpochMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
