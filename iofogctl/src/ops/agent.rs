//! Agents: listing, describing, renaming, deleting, commands through the Controller.

use super::{Context, Target, agent_config, device, local, remote_control_plane};
use crate::config::{AgentRecord, Store};
use crate::output::{Column, Listing, info, notice, progress};
use crate::rest::{Agent, AgentChange};
use crate::text::time::{Moment, age, duration};
use crate::text::{Error, Result, names};

const COLUMNS: &[Column] = &[
    Column { heading: "AGENT", field: "name", wide: false },
    Column { heading: "STATUS", field: "status", wide: false },
    Column { heading: "AGE", field: "age", wide: false },
    Column { heading: "UPTIME", field: "uptime", wide: false },
    Column { heading: "VERSION", field: "version", wide: false },
    Column { heading: "ADDR", field: "address", wide: false },
    Column { heading: "UUID", field: "uuid", wide: true },
    Column { heading: "ROUTER", field: "routerMode", wide: true },
    Column { heading: "EXTERNAL IP", field: "externalAddress", wide: true },
    Column { heading: "TAGS", field: "tags", wide: true },
];

/// The table of some Agents.
pub fn listing(agents: &[Agent]) -> Listing {
    let now = Moment::now();
    let rows = agents.iter().map(|agent| row(agent, now)).collect();
    Listing { field: "agents", columns: COLUMNS, rows }
}

fn row(agent: &Agent, now: Moment) -> Vec<String> {
    let tags = agent.tags.as_deref().unwrap_or_default().join(", ");
    let tail =
        [agent.uuid.clone(), agent.router_mode.clone(), agent.ip_address_external.clone(), tags];
    let unknown = || "-".to_owned();
    let head = if agent.uuid.is_empty() {
        let address = agent.ip_address_external.clone();
        [agent.name.clone(), "not provisioned".to_owned(), unknown(), unknown(), unknown(), address]
    } else {
        let created = Moment::parse_rfc3339(&agent.created_at);
        let uptime = agent.daemon_operating_duration.saturating_add(500) / 1000;
        [
            agent.name.clone(),
            agent.daemon_status.clone(),
            created.map_or_else(unknown, |created| age(created, now)),
            duration(uptime),
            agent.version.clone(),
            agent.host.clone(),
        ]
    };
    head.into_iter().chain(tail).collect()
}

/// All Agents of the Controller; none without a control plane.
///
/// # Errors
/// As the Controller answers.
pub fn list(context: &mut Context) -> Result<Listing> {
    match context.client() {
        Ok(client) => {
            let agents = client.agents(false)?;
            context.sync_agents_with(&agents)?;
            Ok(listing(&agents))
        }
        Err(error) if error.is_no_control_plane() => Ok(listing(&[])),
        Err(error) => Err(error),
    }
}

/// Agents that belong to no Controller.
///
/// # Errors
/// The config files cannot be read.
pub fn list_detached(context: &mut Context) -> Result<Listing> {
    let agents: Vec<Agent> = context
        .store
        .detached()?
        .agents()
        .iter()
        .map(|agent| Agent {
            name: agent.name().to_owned(),
            ip_address_external: agent.host().to_owned(),
            ..Agent::default()
        })
        .collect();
    Ok(listing(&agents))
}

/// Prints one Agent, its configuration filled in from the Controller.
///
/// # Errors
/// There is none of that name.
pub fn describe(context: &mut Context, name: &str, detached: bool, target: &Target) -> Result<()> {
    let mut agent =
        if detached { context.store.detached()?.agent(name)? } else { context.agent(name)? };
    let mut tags = None;
    if !agent.uuid().is_empty() {
        let (config, found) = agent_config::fetch(context, name)?;
        agent.set_config(config);
        tags = found;
    }
    match agent {
        AgentRecord::Local(agent) => context.print("LocalAgent", name, tags, agent, target),
        AgentRecord::Remote(agent) => context.print("Agent", name, tags, agent, target),
    }
}

/// Renames an Agent with the Controller and in the records.
///
/// # Errors
/// There is none of that name, or the new one is invalid or taken.
pub fn rename(context: &mut Context, name: &str, new_name: &str, detached: bool) -> Result<()> {
    names::check("Agent", new_name)?;
    progress(&format!("Renaming Agent {name}"));
    if detached {
        let record = context.store.detached()?;
        let mut agent = record.remove_agent(name)?;
        agent.set_name(new_name);
        record.add_agent(agent)?;
        return context.store.flush();
    }
    let mut agent = context.agent(name)?;
    context.client()?.update_agent(agent.uuid(), &AgentChange::rename(new_name))?;
    let record = context.record()?;
    record.remove_agent(name)?;
    agent.set_name(new_name);
    record.add_agent(agent)?;
    context.store.flush()
}

/// Fails while microservices are on an Agent.
pub(super) fn require_idle(context: &mut Context, agent: &AgentRecord, verb: &str) -> Result<()> {
    let microservices = context.client()?.microservices()?;
    if microservices.iter().any(|microservice| microservice.iofog_uuid == agent.uuid()) {
        return Err(Error::Input(format!(
            "Could not {verb} Agent {} because it still has microservices running. Remove the microservices first, or use the --force option.",
            agent.name()
        )));
    }
    Ok(())
}

/// Deletes an Agent: from its device, from the Controller and from the records.
///
/// # Errors
/// There is none of that name, it has microservices and `force` is off, or the Controller refuses.
pub fn delete(context: &mut Context, name: &str, detached: bool, force: bool) -> Result<()> {
    progress("Deleting Agent");
    context.record()?;
    if detached {
        context.store.detached()?.remove_agent(name)?;
        return context.store.flush();
    }
    let agent = context.agent(name)?;
    if !force {
        require_idle(context, &agent, "delete")?;
    }
    remove_from_device(&agent);
    context.client()?.delete_agent(agent.uuid())?;
    let record = context.record()?;
    record.remove_agent(name)?;
    record.forget_agent_in_volumes(name);
    context.store.flush()
}

/// Removes the Agent's program. A failure is told, but must not keep the Agent in the Controller.
fn remove_from_device(agent: &AgentRecord) {
    match agent {
        AgentRecord::Local(agent) => {
            if let Err(error) = local::remove_agent(&agent.uuid) {
                info(&format!("Could not remove Agent container {}. Error: {error}\n", agent.host));
            }
        }
        AgentRecord::Remote(agent) if !device::has_ssh(&agent.host, &agent.ssh) => {
            notice(&format!(
                "Could not stop daemon for Agent {}. SSH details missing from local cofiguration. Use configure command to add SSH details.",
                agent.name
            ))
        }
        AgentRecord::Remote(agent) => {
            if let Err(error) = device::remove_agent(agent) {
                notice(&format!("Failed to stop daemon on Agent {}. {error}", agent.name));
            }
        }
    }
}

/// Asks an Agent to `upgrade` or `rollback`, or does it to a Controller over SSH.
///
/// # Errors
/// There is none of that name, or the Controller refuses.
pub fn change_version(
    context: &mut Context,
    resource: &str,
    name: &str,
    command: &str,
) -> Result<()> {
    if resource == "controller" {
        return remote_control_plane::change_version(context, name, command);
    }
    if resource != "agent" {
        return Err(Error::Input(format!("Unsupported resource: {resource}")));
    }
    let agent = context.agent(name)?;
    let client = context.client()?;
    let agent = client.agent_by_name(agent.name(), false)?;
    client.change_agent_version(&agent.uuid, command)
}

/// Asks an Agent to remove unused images.
///
/// # Errors
/// There is none of that name, or it cannot be reached.
pub fn prune(context: &mut Context, name: &str, detached: bool) -> Result<()> {
    progress("Pruning Agent");
    context.record()?;
    if detached {
        let agent = context.store.detached()?.agent(name)?;
        let AgentRecord::Remote(agent) = agent else { return local::prune_agent() };
        return device::prune_agent(&agent).map_err(|error| {
            Error::Internal(format!("Failed to Prune Iofog resource {name}. {error}"))
        });
    }
    match context.agent(name)? {
        AgentRecord::Local(_) => local::prune_agent(),
        AgentRecord::Remote(agent) => match context.client()?.prune_agent(&agent.uuid) {
            Err(error) if error.to_string().contains("NotFoundError") => Ok(()),
            other => other,
        },
    }
}

/// Takes an Agent from its Controller; its record and configuration stay for `attach`.
///
/// # Errors
/// One of that name is detached already, it has microservices and `force` is off, or a step fails.
pub fn detach(context: &mut Context, name: &str, force: bool) -> Result<()> {
    progress("Detaching Agent");
    if context.store.detached()?.agent(name).is_ok() {
        let namespace = &context.namespace;
        return Err(Error::Conflict(format!(
            "An Agent with the name '{name}' is already detached. Rename one of the Agents and try to detach again:\n\
             iofogctl rename agent {name} {name}-2 -n {namespace}\n\
             iofogctl rename agent {name} {name}-2 -n {namespace} --detached"
        )));
    }
    context.record()?;
    let agent = context.agent(name)?;
    if !force {
        require_idle(context, &agent, "detach")?;
    }
    match &agent {
        AgentRecord::Local(agent) => {
            if let Err(error) = local::deprovision_agent(&agent.uuid) {
                notice(&format!("Could not deprovision local Agent. {error}"));
            }
        }
        AgentRecord::Remote(agent) if !device::has_ssh(&agent.host, &agent.ssh) => {
            notice(&format!(
                "Could not deprovision daemon for Agent {}. SSH details missing from local configuration. Use configure command to add SSH details.",
                agent.name
            ))
        }
        AgentRecord::Remote(agent) => {
            if let Err(error) = device::deprovision_agent(agent) {
                notice(&format!("Failed to deprovision daemon on Agent {}. {error}", agent.name));
            }
        }
    }
    let (config, _) = agent_config::fetch(context, name)?;
    let client = context.client()?;
    let uuid = client.agent_by_name(name, false)?.uuid;
    client.delete_agent(&uuid)?;
    let mut agent = context.record()?.remove_agent(name)?;
    agent.set_uuid("");
    agent.set_config(config);
    context.store.detached()?.add_agent(agent)?;
    context.store.flush()
}

/// Gives a detached Agent to the Controller of this namespace.
///
/// # Errors
/// There is no such detached Agent, or a step fails; a new Agent is then deleted from the Controller.
pub fn attach(context: &mut Context, name: &str) -> Result<()> {
    progress("Attaching Agent");
    context.sync_agents()?;
    let agent = context.store.detached()?.agent(name).map_err(|error| {
        Error::Plain(format!(
            "{error}\nIs Agent {name} detached? Use `iofogctl get agents --detached` to check."
        ))
    })?;
    let mut config = agent.config().cloned().unwrap_or_default();
    config.host = Some(agent.host().to_owned());
    let plan = agent_config::Plan { name: name.to_owned(), config, tags: None, system: false };
    let client = context.client()?;
    let uuid = agent_config::deploy(context, &plan)?;
    let provisioned = match &agent {
        AgentRecord::Local(agent) => local::provision_agent(context, agent, &uuid),
        AgentRecord::Remote(remote) => device::provision_agent(context, remote, &uuid),
    };
    if let Err(error) = provisioned {
        return Err(match client.delete_agent(&uuid) {
            Ok(()) => error,
            Err(second) => {
                Error::Plain(format!("{error}\nFailed to delete newly created Agent: {second}"))
            }
        });
    }
    // Provisioning made the Agent report its own values; the wanted ones are set once more.
    agent_config::deploy(context, &plan)?;
    move_record(&mut context.store, &context.namespace, name, &uuid)
}

fn move_record(store: &mut Store, namespace: &str, name: &str, uuid: &str) -> Result<()> {
    let mut agent = store.detached()?.remove_agent(name)?;
    agent.set_uuid(uuid);
    if let AgentRecord::Remote(agent) = &mut agent
        && agent.created.is_empty()
    {
        agent.created = Moment::now().unix_date();
    }
    let record = store.namespace(namespace)?;
    let _ = record.remove_agent(name);
    record.add_agent(agent)?;
    store.flush()
}
