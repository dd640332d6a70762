//! Agent configurations: reading them from the Controller, checking and ordering documents,
//! creating and changing Agents.

use super::{Context, Target};
use crate::config::records::{AgentConfig, RouterConfig, agent_type_name};
use crate::output::notice;
use crate::rest::{Agent, AgentChange, endpoint_host};
use crate::text::{Error, Result};

/// Name of the Controller's own router, which always exists.
pub const DEFAULT_ROUTER: &str = "default-router";

/// An Agent to create or change.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Name with the Controller.
    pub name: String,
    /// Wanted configuration, routers by Agent name.
    pub config: AgentConfig,
    /// Wanted tags; absent leaves them.
    pub tags: Option<Vec<String>>,
    /// The Agent of a Controller host.
    pub system: bool,
}

// === impl Plan ===

impl Plan {
    /// The Agent of a Controller's host with the interior Router that Agents use unless told otherwise.
    pub fn default_router(host: &str) -> Self {
        let config = AgentConfig {
            name: DEFAULT_ROUTER.to_owned(),
            host: Some(host.to_owned()),
            upstream_routers: Some(Vec::new()),
            router_config: RouterConfig {
                router_mode: Some("interior".to_owned()),
                messaging_port: Some(5672),
                edge_router_port: Some(56721),
                inter_router_port: Some(56722),
            },
            ..AgentConfig::default()
        };
        Self { name: DEFAULT_ROUTER.to_owned(), config, tags: None, system: true }
    }
}

/// Checks the rules between router fields.
///
/// # Errors
/// [`Error::Input`] naming the document and the rule.
pub fn check(config: &AgentConfig) -> Result<()> {
    let router = &config.router_config;
    let mode = router.router_mode.as_deref().unwrap_or("edge");
    let failed = |text: &str| {
        Err(Error::Input(format!("agent config {} validation failed. {text}", config.name)))
    };
    if !matches!(mode, "edge" | "interior" | "none") {
        return failed("RouterMode has to be one of edge, interior, none. Default is: edge");
    }
    if mode != "none" && config.network_router.is_some() {
        return failed(&format!(
            "Cannot have a network if routerMode is different from none. Current router mode is: {mode}"
        ));
    }
    if mode == "none" && config.upstream_routers.as_ref().is_some_and(|routers| !routers.is_empty())
    {
        return failed("Cannot have a upstreamRouters if routerMode is none");
    }
    if mode != "interior"
        && (router.edge_router_port.is_some() || router.inter_router_port.is_some())
    {
        return failed(&format!(
            "Cannot have an edgeRouterPort or interRouterPort if routerMode is different from interior. Current router mode is: {mode}"
        ));
    }
    Ok(())
}

/// Configuration of an Agent on this machine when its file gives none: a network of its own.
pub fn local_default(host: &str) -> AgentConfig {
    AgentConfig {
        host: Some(host.to_owned()),
        upstream_routers: Some(Vec::new()),
        router_config: RouterConfig {
            router_mode: Some("interior".to_owned()),
            messaging_port: None,
            edge_router_port: Some(56721),
            inter_router_port: Some(56722),
        },
        ..AgentConfig::default()
    }
}

/// Reads a configuration and the tags; routers are named, unknown ones marked.
///
/// # Errors
/// There is no such Agent, or the Controller does not know it.
pub fn fetch(context: &mut Context, name: &str) -> Result<(AgentConfig, Option<Vec<String>>)> {
    let uuid = context.record()?.agent(name)?.uuid().to_owned();
    let client = context.client()?;
    let agent = client.agent(&uuid).map_err(|error| {
        if error.to_string().contains("NotFoundError") {
            let namespace = &context.namespace;
            Error::Input(format!("Cannot describe an Agent that is not provisioned with the Controller in Namespace {namespace}"))
        } else {
            error
        }
    })?;
    let agents = client.agents(false)?;
    let tags = agent.tags.clone();
    Ok((from_agent(agent, &agents), tags))
}

/// The configuration in an Agent's representation.
pub(super) fn from_agent(agent: Agent, agents: &[Agent]) -> AgentConfig {
    let name_of = |uuid: &String| {
        if uuid == DEFAULT_ROUTER {
            return uuid.clone();
        }
        agents.iter().find(|agent| &agent.uuid == uuid).map_or_else(
            || {
                notice(&format!("Could not find Router: {uuid}\n"));
                format!("UNKNOWN ROUTER: {uuid}")
            },
            |agent| agent.name.clone(),
        )
    };
    AgentConfig {
        name: agent.name,
        location: agent.location,
        latitude: agent.latitude,
        longitude: agent.longitude,
        description: agent.description,
        agent_type: Some(agent_type_name(agent.fog_type_id).to_owned()),
        docker_url: Some(agent.docker_url),
        disk_limit: Some(agent.disk_limit),
        disk_directory: Some(agent.disk_directory),
        memory_limit: Some(agent.memory_limit),
        cpu_limit: Some(agent.cpu_limit),
        log_limit: Some(agent.log_limit),
        log_directory: Some(agent.log_directory),
        log_file_count: Some(agent.log_file_count),
        status_frequency: Some(agent.status_frequency),
        change_frequency: Some(agent.change_frequency),
        device_scan_frequency: Some(agent.device_scan_frequency),
        bluetooth_enabled: Some(agent.bluetooth_enabled),
        watchdog_enabled: Some(agent.watchdog_enabled),
        abstracted_hardware_enabled: Some(agent.abstracted_hardware_enabled),
        upstream_routers: agent
            .upstream_routers
            .map(|routers| routers.iter().map(name_of).collect()),
        network_router: agent.network_router.as_ref().map(name_of),
        host: None,
        router_config: RouterConfig {
            router_mode: Some(agent.router_mode),
            messaging_port: agent.messaging_port,
            edge_router_port: agent.edge_router_port,
            inter_router_port: agent.inter_router_port,
        },
        log_level: agent.log_level,
        docker_pruning_frequency: agent.docker_pruning_frequency,
        available_disk_threshold: agent.available_disk_threshold,
        time_zone: agent.time_zone,
    }
}

/// Prints a configuration.
///
/// # Errors
/// As [`fetch`].
pub fn describe(context: &mut Context, name: &str, target: &Target) -> Result<()> {
    let (config, tags) = fetch(context, name)?;
    context.print("AgentConfig", name, tags, config, target)
}

/// Creates the Agent, or changes it, and tells its identifier.
///
/// # Errors
/// An unknown router, the Controller's own host, or what the Controller answers.
pub fn deploy(context: &mut Context, plan: &Plan) -> Result<String> {
    let client = context.client()?;
    let endpoint = context.record()?.control_plane()?.endpoint()?.to_owned();
    let host = plan.config.host.as_deref().unwrap_or_default();
    if !plan.system && host == endpoint_host(&endpoint) {
        return Err(Error::Conflict(
            "Cannot deploy an agent on the same host than the Controller\n".to_owned(),
        ));
    }
    let agents = client.agents(false)?;
    let existing = if plan.system { client.agents(true)? } else { agents.clone() };
    let existing = existing.into_iter().find(|agent| agent.name == plan.name);
    let address =
        existing.as_ref().map(|agent| agent.ip_address_external.as_str()).unwrap_or_default();
    let config = resolve(&plan.config, address, &agents)?;
    let mut change = AgentChange::from_config(&config, plan.tags.as_deref());
    if plan.system {
        change = change.system();
    }
    match existing {
        Some(agent) => client.update_agent(&agent.uuid, &change).map(|()| agent.uuid),
        None => client.create_agent(&change.for_creation(&plan.name)),
    }
}

/// Turns router names into identifiers and fills in the host.
fn resolve(config: &AgentConfig, address: &str, agents: &[Agent]) -> Result<AgentConfig> {
    let uuid_of = |name: &String| {
        if name == DEFAULT_ROUTER {
            return Ok(name.clone());
        }
        let found = agents.iter().find(|agent| &agent.name == name);
        found
            .map(|agent| agent.uuid.clone())
            .ok_or_else(|| Error::NotFound(format!("Could not find router: {name}\n")))
    };
    let mut config = config.clone();
    if let Some(routers) = &config.upstream_routers {
        config.upstream_routers = Some(routers.iter().map(uuid_of).collect::<Result<_>>()?);
    }
    if let Some(router) = &config.network_router {
        config.network_router = Some(uuid_of(router)?);
    }
    if config.router_config.router_mode.as_deref() != Some("none") {
        config.host.get_or_insert_with(|| address.to_owned());
    }
    Ok(config)
}

/// Orders plans so that routers come before the Agents that use them.
///
/// # Errors
/// A router that is neither in the file nor with the Controller, or a cycle.
pub fn order(plans: Vec<Plan>, known: &[Agent]) -> Result<Vec<Plan>> {
    for router in plans.iter().flat_map(routers_of) {
        let exists = router == DEFAULT_ROUTER
            || plans.iter().any(|plan| &plan.name == router)
            || known.iter().any(|agent| &agent.name == router);
        if !exists {
            return Err(Error::NotFound(format!(
                "Could not find Agent {router} while establishing agent dependency graph\n"
            )));
        }
    }
    let mut waiting = plans;
    let mut ordered: Vec<Plan> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let names: Vec<String> = waiting.iter().map(|plan| plan.name.clone()).collect();
        let is_ready = |plan: &Plan| {
            routers_of(plan).all(|router| *router == plan.name || !names.contains(router))
        };
        let (ready, rest): (Vec<Plan>, Vec<Plan>) = waiting.into_iter().partition(is_ready);
        if ready.is_empty() {
            return Err(Error::Input(format!(
                "Cyclic dependencies between agent configurations: [{}]\n",
                names.join(" ")
            )));
        }
        ordered.extend(ready);
        waiting = rest;
    }
    Ok(ordered)
}

fn routers_of(plan: &Plan) -> impl Iterator<Item = &String> {
    plan.config.upstream_routers.iter().flatten().chain(&plan.config.network_router)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(name: &str, routers: &[&str]) -> Plan {
        let upstream_routers = Some(routers.iter().map(|&router| router.to_owned()).collect());
        let config = AgentConfig { upstream_routers, ..AgentConfig::default() };
        Plan { name: name.into(), config, tags: None, system: false }
    }

    #[test]
    fn order_puts_routers_first() {
        let plans =
            vec![plan("c", &["b"]), plan("b", &["a", "default-router"]), plan("a", &["far"])];
        let known = [Agent { name: "far".into(), ..Agent::default() }];
        let names: Vec<String> =
            order(plans, &known).unwrap().into_iter().map(|plan| plan.name).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn order_refuses_cycles_and_unknown_routers() {
        let cycle = order(vec![plan("a", &["b"]), plan("b", &["a"])], &[]).unwrap_err();
        assert_eq!(
            cycle.to_string(),
            "User input error\nCyclic dependencies between agent configurations: [a b]\n"
        );
        assert!(order(vec![plan("a", &["x"])], &[]).unwrap_err().is_not_found());
    }

    #[test]
    fn check_router_rules() {
        let with = |mode: &str| {
            let router_config =
                RouterConfig { router_mode: Some(mode.into()), ..RouterConfig::default() };
            AgentConfig { name: "gate".into(), router_config, ..AgentConfig::default() }
        };
        assert!(check(&with("interior")).is_ok());
        assert!(
            check(&with("middle")).unwrap_err().to_string().contains("RouterMode has to be one of")
        );
        let mut config = with("edge");
        config.network_router = Some("x".into());
        assert!(check(&config).is_err());
        config = with("none");
        config.upstream_routers = Some(vec!["x".into()]);
        assert!(check(&config).is_err());
        config = with("edge");
        config.router_config.edge_router_port = Some(1);
        assert!(check(&config).is_err());
    }
}
