//! Gathers what the parts of the Agent know of one microservice, for [`crate::domain::explain`].

use super::{FieldAgent, Link};
use crate::config::Setting;
use crate::domain::explain::{
    Clocks, Contact, ContactState, EngineFacts, Explanation, Facts, Flow, Insight, Wanted, explain,
};
use crate::domain::{Kind, Report};
use crate::ids::MicroserviceUuid;

/// Characters of a uuid that are enough to name it, when they fit one only.
const SHORTEST: usize = 4;

impl FieldAgent {
    /// Why the microservice called `name` (its uuid, the beginning of it, or its container's name) does not
    /// run or receive; `flow` tells what the bus knows of it.
    ///
    /// # Errors
    /// The text to show: several fit, or none is known here.
    pub fn explain(
        &self,
        name: &str,
        flow: impl FnOnce(&MicroserviceUuid) -> Flow,
    ) -> Result<Explanation, String> {
        let uuid = self.microservice_called(name)?;
        let flow = flow(&uuid);
        Ok(explain(&self.facts_of(uuid, flow)))
    }

    fn microservice_called(&self, name: &str) -> Result<MicroserviceUuid, String> {
        let name = name.strip_prefix("iofog_").unwrap_or(name);
        let known = self.known_microservices();
        if let Some(uuid) = known.iter().find(|uuid| uuid.as_str() == name) {
            return Ok(uuid.clone());
        }
        let begins =
            |uuid: &&MicroserviceUuid| name.len() >= SHORTEST && uuid.as_str().starts_with(name);
        let fitting: Vec<_> = known.iter().filter(begins).collect();
        let listed = |list: &[&MicroserviceUuid]| {
            list.iter().map(|uuid| format!("\n  {uuid}")).collect::<String>()
        };
        match fitting.as_slice() {
            [uuid] => Ok((*uuid).clone()),
            [] if known.is_empty() => {
                let link = self.link().as_str();
                Err(format!("no microservice is ordered on this node (Controller: {link})"))
            }
            [] => {
                let all: Vec<_> = known.iter().collect();
                Err(format!("no microservice {name} on this node; there are:{}", listed(&all)))
            }
            several => Err(format!("{name} fits several microservices:{}", listed(several))),
        }
    }

    fn facts_of(&self, uuid: MicroserviceUuid, flow: Flow) -> Facts {
        let core = &self.core;
        let clocks = core.clock.both();
        let wanted = self.wanted(&uuid);
        let insight = match &wanted {
            Some(wanted) if wanted.kind != Kind::Container => self.module_insight(&uuid),
            _ => core.processes.insight(&uuid, clocks),
        };
        self.sample();
        let usage = core.usage.get();
        Facts {
            now: clocks.epoch,
            contact: self.contact(clocks),
            listed: core.listed.get().map(|at| clocks.wall(at)),
            wanted,
            engine: EngineFacts {
                url: core.config.borrow().get(Setting::DockerUrl).to_owned(),
                error: core.processes.engine_error(),
                answered: core.processes.engine_answered(clocks),
            },
            insight,
            disk: (usage.disk_free, usage.disk_total),
            flow,
            uuid,
        }
    }

    fn contact(&self, clocks: Clocks) -> Contact {
        let state = match self.link() {
            Link::NotConnected => ContactState::Lost,
            Link::BrokenCertificate => ContactState::BrokenCertificate,
            Link::NotProvisioned => ContactState::NotProvisioned,
            Link::Ok => ContactState::Connected,
        };
        let since = clocks.wall(self.core.link_since.get());
        Contact { state, since, error: self.link_error() }
    }

    fn wanted(&self, uuid: &MicroserviceUuid) -> Option<Wanted> {
        let state = self.core.state.borrow();
        let desired = &state.desired;
        let workload = desired.workloads.iter().find(|one| one.uuid == *uuid)?;
        let here = |uuid: &MicroserviceUuid| desired.workloads.iter().any(|one| one.uuid == *uuid);
        // Before the registries came nothing can be said of them.
        let known = desired.registries.is_empty()
            || desired.registries.iter().any(|one| one.id == workload.registry);
        Some(Wanted {
            kind: workload.kind(),
            image: workload.image.clone(),
            unknown_registry: (!known).then_some(workload.registry),
            delete: workload.delete,
            routes: workload.routes.iter().map(|to| (to.clone(), here(to))).collect(),
            is_consumer: workload.is_consumer,
            publishers: self.core.context.publishers_to(uuid),
        })
    }

    /// A module reports state, start and error; it knows no other times.
    fn module_insight(&self, uuid: &MicroserviceUuid) -> Option<Insight> {
        let Report { state, percentage, started, error, .. } =
            self.core.modules.reports().into_iter().find(|report| report.uuid == *uuid)?;
        let since = started.unwrap_or(self.core.started);
        Some(Insight { state, since, percentage, started, error, ..Insight::default() })
    }
}
