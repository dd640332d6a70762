//! The reconciler: compares desired and observed state and says the next step of each microservice.
//!
//! One step at a time per microservice, each safe to repeat; everything is derived from what the engine shows,
//! so a crash between any two steps converges after a restart.

mod plan;
mod step;

pub use step::{Action, Done, Failure, Plan, PullPolicy, Step};

use iofog_sorted::{SortedMap, SortedSet};

use super::explain::{Clocks, Insight};
use super::track::Track;
use super::{Container, Mono, NodeFacts, Report};
use crate::ids::{FogUuid, MicroserviceUuid};

/// Memory between plans.
#[derive(Clone, Debug, Default)]
pub struct Reconciler {
    node: NodeFacts,
    /// Identities this node had before: their containers are still its own.
    former: SortedSet<FogUuid>,
    tracks: SortedMap<MicroserviceUuid, Track>,
    ticket: u64,
}

// === impl Reconciler ===

impl Reconciler {
    /// A reconciler for the node described by `node`; `former` are its earlier identities.
    pub fn new(node: NodeFacts, former: SortedSet<FogUuid>) -> Self {
        Self { node, former, ..Self::default() }
    }

    /// Takes changed facts; containers are compared with them at the next plan.
    pub fn set_node(&mut self, node: NodeFacts, former: SortedSet<FogUuid>) {
        self.node = node;
        self.former = former;
    }

    /// Read this before listing the engine and put it into the observation: what finished meanwhile makes
    /// the listing stale for that microservice.
    pub fn ticket(&self) -> u64 {
        self.ticket
    }

    /// Takes the result of a planned step.
    pub fn finished(&mut self, action: &Action, result: Result<Done, Failure>, now: Mono) {
        self.ticket += 1;
        let Some(track) = self.tracks.get_mut(&action.uuid) else { return };
        track.busy = false;
        track.valid_from = self.ticket;
        track.settle(&action.step, result, now);
        track.stamp(now);
    }

    /// Takes image pull progress, 0 to 100.
    pub fn progress(&mut self, uuid: &MicroserviceUuid, percentage: u8) {
        if let Some(track) = self.tracks.get_mut(uuid) {
            track.percentage = percentage.min(100);
        }
    }

    /// Lets everything that waits be tried at once (registries or the engine changed).
    pub fn forgive(&mut self) {
        self.tracks.values_mut().for_each(Track::forgive);
    }

    /// What to report of each microservice that has or had a container here.
    pub fn reports(&self) -> Vec<Report> {
        let report = |(uuid, track): (&MicroserviceUuid, &Track)| Report {
            uuid: uuid.clone(),
            state: track.state,
            percentage: track.percentage,
            container: track.container.clone(),
            started: track.started,
            error: track.reason(),
        };
        self.tracks.iter().map(report).collect()
    }

    /// What is known of one microservice, for [`super::explain`].
    pub fn insight(&self, uuid: &MicroserviceUuid, clocks: Clocks) -> Option<Insight> {
        self.tracks.get(uuid).map(|track| track.insight(clocks))
    }

    /// Forgets what is gone, once it was reported.
    pub fn forget_reported(&mut self) {
        use super::MicroserviceState::{Deleted, Unknown};
        self.tracks.retain(|_, track| {
            track.busy || !matches!(track.state, Deleted | Unknown) || track.container.is_some()
        });
    }

    /// True for containers that this node made, under its present or an earlier identity.
    fn owns(&self, container: &Container) -> bool {
        container.fog.as_ref().is_some_and(|fog| {
            (!fog.as_str().is_empty() && *fog == self.node.fog) || self.former.contains(fog)
        })
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
