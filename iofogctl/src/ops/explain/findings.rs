//! From facts to findings, in the order in which things have to be true.

use super::hints::hint;
use super::{Facts, Finding, Level};
use crate::config::records::agent_type_name;
use crate::ops::agent_config::DEFAULT_ROUTER;
use crate::rest::{Agent, Microservice};
use crate::text::time::{Moment, age};

const MEBIBYTE: f64 = 1_048_576.0;

fn good(subject: &'static str, text: impl Into<String>) -> Finding {
    Finding { level: Level::Good, subject, text: text.into(), next: None }
}

fn pending(subject: &'static str, text: impl Into<String>, next: Option<String>) -> Finding {
    Finding { level: Level::Pending, subject, text: text.into(), next }
}

fn problem(subject: &'static str, text: impl Into<String>, next: impl Into<String>) -> Finding {
    Finding { level: Level::Problem, subject, text: text.into(), next: Some(next.into()) }
}

/// Everything that can be said.
pub(super) fn of(facts: &Facts, now: Moment) -> Vec<Finding> {
    let mut found = vec![controller(facts), application(facts), agent(facts, now)];
    if let Some(agent) = &facts.agent {
        found.push(image(facts, agent));
        found.extend(memory(agent));
    }
    found.push(state(facts));
    found.extend(router(facts));
    found.extend(routes(facts));
    found.extend(ports(&facts.microservice));
    found
}

fn controller(facts: &Facts) -> Finding {
    let status = &facts.controller;
    if status.status == "online" {
        return good("controller", format!("online, version {}", status.versions.controller));
    }
    problem("controller", "does not say that it is online", "iofogctl get controllers")
}

fn application(facts: &Facts) -> Finding {
    let name = &facts.microservice.application;
    match &facts.application {
        Some(application) if application.is_activated => {
            good("application", format!("{name} is started"))
        }
        Some(_) => problem(
            "application",
            format!("{name} is stopped"),
            format!("iofogctl start application {name}"),
        ),
        None => pending("application", format!("{name} could not be looked up"), None),
    }
}

fn agent(facts: &Facts, now: Moment) -> Finding {
    let microservice = &facts.microservice;
    let Some(agent) = &facts.agent else {
        return problem(
            "agent",
            "no Agent is given to it, or the Agent is gone",
            format!(
                "iofogctl move microservice {}/{} AGENT",
                microservice.application, microservice.name
            ),
        );
    };
    let name = &agent.name;
    let seconds = agent.last_active / 1000;
    if agent.daemon_status == "RUNNING" {
        let heard = match seconds {
            0 => String::new(),
            seconds => format!(", heard {} ago", age(Moment(seconds), now)),
        };
        return good("agent", format!("{name} runs version {}{heard}", agent.version));
    }
    if seconds == 0 {
        return problem(
            "agent",
            format!("{name} has never been heard: it is not installed or not provisioned"),
            format!(
                "iofogctl deploy -f FILE with the Agent, or iofog-agent provision KEY on the device of {name}"
            ),
        );
    }
    problem(
        "agent",
        format!("{name} is {}, last heard {} ago", agent.daemon_status, age(Moment(seconds), now)),
        format!("look at the device and its network; iofogctl logs agent {name}"),
    )
}

fn image(facts: &Facts, agent: &Agent) -> Finding {
    let microservice = &facts.microservice;
    let images = match &facts.catalog_item {
        Some(item) => &item.images,
        None => &microservice.images,
    };
    let kind = agent_type_name(agent.fog_type_id);
    let own = images.iter().find(|image| image.fog_type_id == agent.fog_type_id);
    match own.filter(|image| !image.container_image.is_empty()) {
        Some(image) => good("image", format!("{} for {kind}", image.container_image)),
        // The Agent tells its type when it is provisioned.
        None if agent.fog_type_id == 0 => {
            pending("image", "the type of the Agent is not known yet", None)
        }
        None => problem(
            "image",
            format!("there is none for {kind}, which Agent {} needs", agent.name),
            format!("give images.{kind} in the document and deploy it"),
        ),
    }
}

fn memory(agent: &Agent) -> Option<Finding> {
    #[expect(clippy::cast_precision_loss, reason = "megabytes of a device")]
    let limit = agent.memory_limit as f64;
    (limit > 0.0 && agent.memory_usage > limit).then(|| {
        problem(
            "memory",
            format!("Agent {} uses {:.0} of {limit:.0} MB", agent.name, agent.memory_usage),
            "stop what is not needed there, or raise memoryLimit of the Agent",
        )
    })
}

fn state(facts: &Facts) -> Finding {
    let status = &facts.microservice.status;
    let agent = facts.agent.as_ref().map_or("AGENT", |agent| agent.name.as_str());
    let qualified = format!("{}/{}", facts.microservice.application, facts.microservice.name);
    let logs = format!("iofogctl logs microservice {qualified}");
    if !status.error_message.is_empty() {
        let text = format!("{}: {}", status.status, status.error_message);
        let next = hint(&status.error_message, agent);
        return problem("state", text, next.unwrap_or(format!("iofogctl logs agent {agent}")));
    }
    let word = status.status.as_str();
    match word {
        "RUNNING" => good(
            "state",
            format!(
                "RUNNING, {:.1} % of the processor, {:.1} MB",
                status.cpu_usage,
                status.memory_usage / MEBIBYTE
            ),
        ),
        "PULLING" => pending("state", format!("PULLING, {:.0} %", status.percentage), None),
        "" | "QUEUED" => pending(
            "state",
            "QUEUED: the Agent has not taken it up yet",
            Some(format!(
                "wait for the next look of Agent {agent}, then iofogctl logs agent {agent}"
            )),
        ),
        "STARTING" | "UPDATING" | "STOPPING" | "DELETING" | "MARKED_FOR_DELETION" => {
            pending("state", format!("{word}: the Agent is at it"), None)
        }
        "RESTARTING" | "STUCK_IN_RESTART" => {
            problem("state", format!("{word}: its program ends again and again"), logs)
        }
        "UNKNOWN" => problem(
            "state",
            "UNKNOWN: its Agent does not report",
            format!("iofogctl logs agent {agent}"),
        ),
        other => problem("state", format!("{other}: its program does not run"), logs),
    }
}

/// Whether messages or public ports need the Agent's router.
fn needs_router(facts: &Facts) -> bool {
    let own = &facts.microservice;
    own_routes(facts).next().is_some() || own.ports.iter().any(|port| port.public.is_some())
}

fn router(facts: &Facts) -> Vec<Finding> {
    let Some(agent) = facts.agent.as_ref().filter(|_| needs_router(facts)) else {
        return Vec::new();
    };
    let upstream: Vec<&String> = match agent.router_mode.as_str() {
        "none" => agent.network_router.iter().collect(),
        _ => agent.upstream_routers.iter().flatten().collect(),
    };
    if upstream.is_empty() && agent.router_mode != "interior" {
        return vec![problem(
            "router",
            format!("Agent {} has no upstream router: messages stay on the device", agent.name),
            "give upstreamRouters or networkRouter in its AgentConfig",
        )];
    }
    upstream
        .into_iter()
        .map(|uuid| {
            let found = facts
                .agents
                .iter()
                .find(|agent| agent.uuid == *uuid || (uuid == DEFAULT_ROUTER && agent.is_system));
            match found {
                Some(found) if found.daemon_status == "RUNNING" => {
                    good("router", format!("upstream {} runs", found.name))
                }
                Some(found) => problem(
                    "router",
                    format!("upstream {} is {}", found.name, found.daemon_status),
                    format!("look at the machine of {}; messages wait on the device", found.name),
                ),
                None => pending(
                    "router",
                    format!("upstream {uuid} is not an Agent that can be seen"),
                    None,
                ),
            }
        })
        .collect()
}

fn own_routes(facts: &Facts) -> impl Iterator<Item = &crate::rest::Route> {
    let own = &facts.microservice;
    facts.routes.iter().filter(move |route| {
        route.application == own.application && (route.from == own.name || route.to == own.name)
    })
}

fn routes(facts: &Facts) -> Vec<Finding> {
    let own = &facts.microservice;
    own_routes(facts)
        .map(|route| {
            let (direction, peer) = match route.from == own.name {
                true => ("to", &route.to),
                false => ("from", &route.from),
            };
            let text = format!("{} {direction} {peer}", route.name);
            let found = facts
                .microservices
                .iter()
                .find(|one| one.application == own.application && one.name == *peer);
            match found.map(|peer| peer.status.status.as_str()) {
                Some("RUNNING") => good("route", format!("{text}, which runs")),
                Some(state) => pending(
                    "route",
                    format!("{text}, which is {}", if state.is_empty() { "QUEUED" } else { state }),
                    Some(format!("iofogctl explain {}/{peer}", own.application)),
                ),
                None => pending("route", format!("{text}, which cannot be seen"), None),
            }
        })
        .collect()
}

fn ports(microservice: &Microservice) -> Vec<Finding> {
    let public = |port: &crate::rest::Port| {
        let public = port.public.as_ref()?;
        let links = public.links.join(", ");
        Some(match public.enabled {
            true => good("port", format!("{} is public at {links}", port.internal)),
            false => pending("port", format!("{} is to be public at {links}", port.internal), None),
        })
    };
    microservice.ports.iter().filter_map(public).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::{Application, Image, MicroserviceStatus, Route, Status};

    fn running() -> Facts {
        let image = |fog_type_id| Image { container_image: "r:1".into(), fog_type_id };
        let agent = Agent {
            uuid: "A".into(),
            name: "gate-1".into(),
            daemon_status: "RUNNING".into(),
            last_active: 1_000_000,
            fog_type_id: 2,
            router_mode: "edge".into(),
            upstream_routers: Some(vec![DEFAULT_ROUTER.into()]),
            ..Agent::default()
        };
        let hub = Agent {
            name: "hub".into(),
            is_system: true,
            daemon_status: "RUNNING".into(),
            ..Agent::default()
        };
        let microservice = |name: &str| Microservice {
            name: name.into(),
            application: "demo".into(),
            iofog_uuid: "A".into(),
            images: vec![image(1), image(2)],
            status: MicroserviceStatus {
                status: "RUNNING".into(),
                ..MicroserviceStatus::default()
            },
            ..Microservice::default()
        };
        Facts {
            microservice: microservice("reader"),
            application: Some(Application { is_activated: true, ..Application::default() }),
            agent: Some(agent.clone()),
            agents: vec![agent, hub],
            microservices: vec![microservice("reader"), microservice("writer")],
            routes: vec![Route {
                name: "flow".into(),
                application: "demo".into(),
                from: "reader".into(),
                to: "writer".into(),
                ..Route::default()
            }],
            catalog_item: None,
            controller: Status { status: "online".into(), ..Status::default() },
        }
    }

    /// Subjects of the problems, with their next steps.
    fn problems(facts: &Facts) -> Vec<(&'static str, String)> {
        of(facts, Moment(1010))
            .into_iter()
            .filter(|finding| finding.level == Level::Problem)
            .map(|finding| (finding.subject, finding.next.unwrap_or_default()))
            .collect()
    }

    fn changed(change: impl FnOnce(&mut Facts)) -> Vec<(&'static str, String)> {
        let mut facts = running();
        change(&mut facts);
        problems(&facts)
    }

    #[test]
    fn a_healthy_microservice_has_no_problem() {
        let facts = running();
        assert!(of(&facts, Moment(1010)).iter().all(|finding| finding.level == Level::Good));
        assert_eq!(of(&facts, Moment(1010)).len(), 7);
    }

    #[test]
    fn each_cause_is_named_with_its_next_step() {
        let stopped = changed(|facts| facts.application = Some(Application::default()));
        assert_eq!(stopped, [("application", "iofogctl start application demo".to_owned())]);
        let lost = changed(|facts| facts.agent = None);
        assert_eq!(lost[0].1, "iofogctl move microservice demo/reader AGENT");
        let silent = changed(|facts| {
            if let Some(agent) = &mut facts.agent {
                agent.daemon_status = "UNKNOWN".into();
            }
        });
        assert!(silent[0].1.contains("iofogctl logs agent gate-1"), "{silent:?}");
        let image = changed(|facts| facts.microservice.images.truncate(1));
        assert_eq!(image, [("image", "give images.arm in the document and deploy it".to_owned())]);
        let alone = changed(|facts| {
            if let Some(agent) = &mut facts.agent {
                agent.upstream_routers = None;
            }
        });
        assert_eq!(alone[0].0, "router");
        let crashing = changed(|facts| facts.microservice.status.status = "RESTARTING".into());
        assert_eq!(crashing, [("state", "iofogctl logs microservice demo/reader".to_owned())]);
        let failed = changed(|facts| {
            facts.microservice.status.error_message = "manifest unknown".into();
        });
        assert!(failed[0].1.contains("check images"), "{failed:?}");
    }
}
