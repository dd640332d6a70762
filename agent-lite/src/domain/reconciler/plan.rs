//! One look at desired and observed state: the next step of each microservice.

use super::{Action, Plan, PullPolicy, Reconciler, Step};
use crate::domain::container::fingerprint;
use crate::domain::track::{Order, Track};
use crate::domain::{
    Container, ContainerSpec, ContainerState, Desired, Kind, MicroserviceState, Mono, NodeFacts,
    Observation, Settings, Workload,
};
use crate::ids::MicroserviceUuid;

/// What to do for one microservice at this look.
enum Next {
    Do(Step),
    Wait,
}

impl Reconciler {
    /// The next steps. Every returned action must come back through [`Self::finished`].
    pub fn plan(&mut self, desired: &Desired, observed: &Observation, now: Mono) -> Plan {
        let mut plan = Plan::default();
        for workload in desired.workloads.iter().filter(|one| one.kind() == Kind::Container) {
            let step = self.plan_workload(desired, workload, observed, now);
            plan.take(&workload.uuid, step);
        }
        self.plan_strangers(desired, observed, &mut plan);
        self.tracks.values_mut().for_each(|track| track.stamp(now));
        let wakes = self.tracks.values().filter(|track| !track.busy).filter_map(Track::wake_at);
        plan.wake_at = wakes.filter(|at| *at > now).min();
        plan
    }

    fn plan_workload(
        &mut self,
        desired: &Desired,
        workload: &Workload,
        observed: &Observation,
        now: Mono,
    ) -> Next {
        let mut track = self.tracks.remove(&workload.uuid).unwrap_or_default();
        track.take_order(Order {
            fingerprint: fingerprint(workload, &self.node),
            rebuild: workload.rebuild,
            delete: workload.delete,
        });
        let fresh = !track.busy && observed.ticket >= track.valid_from;
        let next = match fresh {
            true => self.next_step(&mut track, desired, workload, observed, now),
            false => Next::Wait,
        };
        track.busy |= matches!(next, Next::Do(_));
        self.tracks.insert(workload.uuid.clone(), track);
        next
    }

    fn next_step(
        &self,
        track: &mut Track,
        desired: &Desired,
        workload: &Workload,
        observed: &Observation,
        now: Mono,
    ) -> Next {
        let name = workload.container_name();
        let mut own: Vec<&Container> = observed
            .containers
            .iter()
            .filter(|one| one.microservice == workload.uuid && self.owns(one))
            .collect();
        // Of several, the one that bears the name and runs is kept.
        own.sort_by_key(|one| (one.name != name, one.state != ContainerState::Running));
        if let [_, surplus, ..] = own.as_slice() {
            return clear_away(surplus, false);
        }
        let container = own.first().copied();
        track.observe(container, now);
        if workload.delete {
            return track.deletion(container, workload, desired);
        }
        if track.waits(now) {
            if container.is_some_and(|one| one.state == ContainerState::Running) {
                track.state = MicroserviceState::Running;
            }
            return Next::Wait;
        }
        if track.has_bad_settings(workload) {
            // What runs goes on as it was ordered before.
            return match container {
                Some(container) => track.upkeep(container, now),
                None => {
                    track.state = MicroserviceState::Failed;
                    Next::Wait
                }
            };
        }
        let Some(container) = container else {
            let taken = observed.containers.iter().find(|one| one.name == name);
            if let Some(foreign) = taken {
                let holder = foreign.fog.as_ref().map_or("nobody", |fog| fog.as_str());
                track.error = format!(
                    "container name {name} is in use by another node's container ({holder})"
                );
                track.state = MicroserviceState::Failed;
                return Next::Wait;
            }
            return track.creation(desired, workload, &self.node);
        };
        if container.is_outdated(workload, &track.order.fingerprint) {
            return track.replacement(container, desired, workload);
        }
        track.upkeep(container, now)
    }

    /// Containers of this node that nothing asks for. They go only after an accepted list; without identity
    /// (deprovisioned) they are stopped and kept.
    fn plan_strangers(&mut self, desired: &Desired, observed: &Observation, plan: &mut Plan) {
        for container in &observed.containers {
            let wanted = |one: &Workload| {
                one.uuid == container.microservice && one.kind() == Kind::Container
            };
            if !self.owns(container) || desired.workloads.iter().any(wanted) {
                continue;
            }
            let next = if self.node.fog.as_str().is_empty() {
                match container.state {
                    ContainerState::Running | ContainerState::Paused => {
                        Next::Do(Step::Stop(container.id.clone()))
                    }
                    _ => continue,
                }
            } else if desired.accepted {
                clear_away(container, false)
            } else {
                continue;
            };
            let track = self.tracks.entry(container.microservice.clone()).or_default();
            if track.busy || observed.ticket < track.valid_from {
                continue;
            }
            track.container = Some(container.id.clone());
            if let Next::Do(step) = &next {
                track.busy = true;
                track.state = match step {
                    Step::Stop(_) => MicroserviceState::Stopping,
                    _ => MicroserviceState::Deleting,
                };
            }
            plan.take(&container.microservice, next);
        }
        self.note_gone(desired, observed);
    }

    /// Microservices that are neither wanted nor there any more are reported once as deleted.
    fn note_gone(&mut self, desired: &Desired, observed: &Observation) {
        for (uuid, track) in &mut self.tracks {
            let wanted = desired
                .workloads
                .iter()
                .any(|one| one.uuid == *uuid && one.kind() == Kind::Container);
            let there = observed.containers.iter().any(|one| one.microservice == *uuid);
            if !wanted && !there && !track.busy && observed.ticket >= track.valid_from {
                track.state = MicroserviceState::Deleted;
                track.container = None;
            }
        }
    }
}

impl Plan {
    fn take(&mut self, uuid: &MicroserviceUuid, next: Next) {
        if let Next::Do(step) = next {
            self.actions.push(Action { uuid: uuid.clone(), step });
        }
    }
}

impl Track {
    /// Takes what the engine shows.
    fn observe(&mut self, container: Option<&Container>, now: Mono) {
        self.container = container.map(|one| one.id.clone());
        self.started = container.and_then(|one| one.started);
        self.health = container.and_then(|one| one.health);
        if container.is_some_and(|one| one.out_of_memory) {
            // Seen at each look until it runs again: the first is when it happened.
            let seen_before = self.running_since.is_none() && self.out_of_memory.is_some();
            self.out_of_memory = self.out_of_memory.filter(|_| seen_before).or(Some(now));
        } else if container.is_some_and(|one| one.state == ContainerState::Exited) {
            self.out_of_memory = None;
        }
        if container.is_some_and(|one| one.state == ContainerState::Running) {
            let since = *self.running_since.get_or_insert(now);
            self.restarts.ran_for(now.since(since));
            self.ran = true;
        } else {
            self.running_since = None;
        }
    }

    /// The settings in its configuration are wrong, which becomes its error.
    fn has_bad_settings(&mut self, workload: &Workload) -> bool {
        match Settings::parse(&workload.config) {
            Ok(_) if self.bad_settings => {
                self.bad_settings = false;
                self.error.clear();
            }
            Ok(_) => {}
            Err(error) => {
                self.bad_settings = true;
                self.error = error.to_string();
            }
        }
        self.bad_settings
    }

    fn deletion(
        &mut self,
        container: Option<&Container>,
        workload: &Workload,
        desired: &Desired,
    ) -> Next {
        self.state = MicroserviceState::Deleting;
        if let Some(container) = container {
            return clear_away(container, workload.delete_with_cleanup);
        }
        let shared = desired.workloads.iter().any(|one| !one.delete && one.image == workload.image);
        if workload.delete_with_cleanup && !self.cleaned && !shared {
            return Next::Do(Step::RemoveImage(workload.image.clone()));
        }
        Next::Wait
    }

    fn creation(&mut self, desired: &Desired, workload: &Workload, node: &NodeFacts) -> Next {
        if !self.image_ready {
            let policy = if is_mutable(&workload.image) {
                PullPolicy::Refresh
            } else {
                PullPolicy::IfAbsent
            };
            return self.ensure_image(desired, workload, policy);
        }
        self.state = MicroserviceState::Creating;
        Next::Do(Step::Create(Box::new(ContainerSpec::new(workload, node))))
    }

    /// The image comes first, so that the old container runs while it is being pulled.
    fn replacement(
        &mut self,
        container: &Container,
        desired: &Desired,
        workload: &Workload,
    ) -> Next {
        if !self.image_ready {
            let ordered = container.rebuild < workload.rebuild || is_mutable(&workload.image);
            let policy = if ordered { PullPolicy::Refresh } else { PullPolicy::IfAbsent };
            return self.ensure_image(desired, workload, policy);
        }
        self.state = MicroserviceState::Updating;
        clear_away(container, false)
    }

    fn ensure_image(&mut self, desired: &Desired, workload: &Workload, policy: PullPolicy) -> Next {
        let registry = desired.registries.iter().find(|one| one.id == workload.registry).cloned();
        let cached = registry.as_ref().is_some_and(|one| one.is_cache());
        self.state = MicroserviceState::Pulling;
        self.percentage = 0;
        let policy = if cached { PullPolicy::Never } else { policy };
        Next::Do(Step::EnsureImage { image: workload.image.clone(), registry, policy })
    }

    /// A container made to order: keep it running.
    fn upkeep(&mut self, container: &Container, now: Mono) -> Next {
        self.image_ready = true;
        match container.state {
            ContainerState::Running => {
                self.state = MicroserviceState::Running;
                self.restart_at = None;
                Next::Wait
            }
            ContainerState::Created => {
                self.state = MicroserviceState::Starting;
                Next::Do(Step::Start(container.id.clone()))
            }
            ContainerState::Exited => self.restart(container, now),
            ContainerState::Dead => clear_away(container, false),
            ContainerState::Paused | ContainerState::Changing => {
                self.state = MicroserviceState::Unknown;
                Next::Wait
            }
        }
    }

    fn restart(&mut self, container: &Container, now: Mono) -> Next {
        if self.restarts.is_stuck() {
            self.state = MicroserviceState::StuckInRestart;
            return Next::Wait;
        }
        // What ended while this process was not looking (a reboot, a restarted daemon) is no crash loop.
        if self.ran {
            let delay = self.restarts.delay();
            if now < *self.restart_at.get_or_insert(now.after(delay)) {
                self.state = MicroserviceState::Exiting;
                return Next::Wait;
            }
            self.restarts.note(now);
        }
        self.restart_at = None;
        self.state = MicroserviceState::Restarting;
        Next::Do(Step::Start(container.id.clone()))
    }
}

impl Container {
    /// Made from another specification or before a rebuild order. A container of another Agent's making
    /// carries no fingerprint and is kept until a rebuild is ordered.
    fn is_outdated(&self, workload: &Workload, fingerprint: &str) -> bool {
        self.fingerprint.as_ref().is_some_and(|made_from| made_from != fingerprint)
            || self.rebuild < workload.rebuild
    }
}

/// Stop what runs, remove what does not.
fn clear_away(container: &Container, volumes: bool) -> Next {
    Next::Do(match container.state {
        ContainerState::Running | ContainerState::Paused => Step::Stop(container.id.clone()),
        _ => Step::Remove { container: container.id.clone(), volumes },
    })
}

/// The reference names a moving target: `latest`, or no tag and no digest.
fn is_mutable(image: &str) -> bool {
    if image.contains('@') {
        return false;
    }
    let last = image.rsplit('/').next().unwrap_or_default();
    last.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}
