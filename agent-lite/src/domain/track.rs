//! What the reconciler remembers of one microservice between two looks at the engine.

use std::time::Duration;

use super::explain::{Clocks, Insight};
use super::{ContainerId, EpochMillis, Failure, Health, MicroserviceState, Mono, RestartLog};

const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(300);

const OUT_OF_MEMORY: &str = "killed: it took more memory than it may have";

/// The order a track works on; when it changes, failures and restarts start anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) fingerprint: String,
    pub(super) rebuild: u64,
    pub(super) delete: bool,
}

/// Memory of one microservice. Losing it (a crash) costs nothing but back-off times.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    pub(super) order: Order,
    pub(super) state: MicroserviceState,
    pub(super) percentage: u8,
    pub(super) container: Option<ContainerId>,
    pub(super) started: Option<EpochMillis>,
    pub(super) error: String,
    /// The settings in its configuration are wrong; `error` has why.
    pub(super) bad_settings: bool,
    pub(super) health: Option<Health>,
    /// When its container was last found to have ended for lack of memory.
    pub(super) out_of_memory: Option<Mono>,
    /// A step of this microservice is being done.
    pub(super) busy: bool,
    /// Observations older than this say nothing about this microservice.
    pub(super) valid_from: u64,
    /// The image was made ready for this order.
    pub(super) image_ready: bool,
    /// The image was removed as part of a clean-up.
    pub(super) cleaned: bool,
    /// It ran, or was started, since this process began: the next exit is a crash.
    pub(super) ran: bool,
    pub(super) running_since: Option<Mono>,
    pub(super) restarts: RestartLog,
    pub(super) restart_at: Option<Mono>,
    failures: u32,
    failed_at: Option<Mono>,
    /// The state last shown, and since when.
    shown: (MicroserviceState, Mono),
    pub(super) retry_at: Option<Mono>,
}

impl Track {
    /// Adopts the order; a changed one ends waits and forgets failures.
    pub(super) fn take_order(&mut self, order: Order) {
        if self.order == order {
            return;
        }
        self.order = order;
        self.image_ready = false;
        self.cleaned = false;
        self.restarts.reset();
        self.out_of_memory = None;
        self.restart_at = None;
        self.forgive();
    }

    /// The present failures no longer delay anything.
    pub(super) fn forgive(&mut self) {
        self.failures = 0;
        self.retry_at = None;
        self.error.clear();
    }

    /// Notes a failed step; the next try waits 1, 2, 4 s and so on up to 5 minutes.
    pub(super) fn failed(&mut self, failure: &Failure, now: Mono) {
        let delay = (FIRST_RETRY * 2u32.saturating_pow(self.failures.min(12))).min(LONGEST_RETRY);
        self.failures = self.failures.saturating_add(1);
        self.failed_at = Some(now);
        self.retry_at = Some(now.after(delay));
        self.error = failure.to_string();
    }

    /// Notes when the state changed; call after everything that may have changed it.
    pub(super) fn stamp(&mut self, now: Mono) {
        if self.shown.0 != self.state || self.shown.1 == Mono::default() {
            self.shown = (self.state, now);
        }
    }

    /// All that is known, with times of the wall clock.
    pub(super) fn insight(&self, clocks: Clocks) -> Insight {
        let ahead = |at: Option<Mono>| at.filter(|at| *at > clocks.mono).map(|at| clocks.wall(at));
        Insight {
            state: self.state,
            since: clocks.wall(self.shown.1),
            percentage: self.percentage,
            container: self.container.clone(),
            started: self.started,
            health: self.health,
            out_of_memory: self.out_of_memory.map(|at| clocks.wall(at)),
            error: self.error.clone(),
            failed_at: self.failed_at.filter(|_| self.failures > 0).map(|at| clocks.wall(at)),
            failures: self.failures,
            retry_at: ahead(self.retry_at),
            restart_at: ahead(self.restart_at),
            restarts: self.restarts.recent(clocks.mono),
        }
    }

    /// What to report as its error: the last failed step, else why it is down.
    pub(super) fn reason(&self) -> String {
        use MicroserviceState::{Exiting, Restarting, StuckInRestart};
        let is_down = matches!(self.state, Exiting | Restarting | StuckInRestart);
        if self.error.is_empty() && is_down && self.out_of_memory.is_some() {
            return OUT_OF_MEMORY.to_owned();
        }
        self.error.clone()
    }

    /// True while a failed step may not be tried again.
    pub(super) fn waits(&self, now: Mono) -> bool {
        self.retry_at.is_some_and(|at| now < at)
    }

    /// The earliest time at which waiting ends.
    pub(super) fn wake_at(&self) -> Option<Mono> {
        match (self.retry_at, self.restart_at) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        }
    }
}
