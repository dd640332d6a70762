//! The Agent in a container of this machine.

use super::super::{Context, install};
use super::part::{AGENT, CONTROLLER};
use crate::config::AgentRecord;
use crate::config::records::LocalAgent;
use crate::docker::{Container, Engine, VOLUME_LABEL};
use crate::output::progress;
use crate::rest::{base_url, endpoint_host};
use crate::text::time::Moment;
use crate::text::{Error, Result, names};

/// What containers of microservices are called, and the label with the identifier of their Agent.
const MICROSERVICE: &str = "iofog_";
const OWNER: &str = "iofog-uuid";

/// Checks a LocalAgent document; the metadata name wins.
///
/// # Errors
/// [`Error::Input`] for an invalid name.
pub fn check(name: &str, agent: &mut LocalAgent) -> Result<()> {
    if !name.is_empty() {
        name.clone_into(&mut agent.name);
    }
    if agent.name.is_empty() {
        "local".clone_into(&mut agent.name);
    }
    names::check("Agent", &agent.name)
}

/// Starts the Agent, gives it to the Controller, waits until it is online and records it.
///
/// # Errors
/// There is another local Agent, the container does not come up, or the Controller refuses.
pub fn deploy(context: &mut Context, wanted: &LocalAgent) -> Result<()> {
    require_no_other(context, &wanted.name)?;
    let client = context.client()?;
    let uuid = client.agent_by_name(&wanted.name, false)?.uuid;
    let engine = Engine::open()?;
    let image = AGENT.image(&engine, &wanted.container)?;
    AGENT.ensure(&engine, &image)?;
    provision(context, wanted, &uuid)?;
    progress(&format!("Agent {}: waiting until it is online", wanted.name));
    install::wait_online(&client, &wanted.name, &uuid)?;
    let known = context.record()?.local_agents.clone();
    let known = known.into_iter().find(|known| known.name == wanted.name);
    let created = known.map(|known| known.created).filter(|created| !created.is_empty());
    let record = LocalAgent {
        uuid,
        host: "localhost".to_owned(),
        created: created.unwrap_or_else(|| Moment::now().unix_date()),
        ..wanted.clone()
    };
    context.record()?.update_agent(AgentRecord::Local(record));
    context.store.flush()
}

/// There is one container of that name: no other record may have its Agent in it.
fn require_no_other(context: &mut Context, name: &str) -> Result<()> {
    let own = context.namespace.clone();
    let taken = |place: String| {
        Err(Error::Conflict(format!(
            "This machine has room for one local Agent, and it is {place}. Delete that one first"
        )))
    };
    for namespace in context.store.namespace_names()? {
        let agents = &context.store.namespace(&namespace)?.local_agents;
        if let Some(other) = agents.iter().find(|agent| namespace != own || agent.name != name) {
            return taken(format!("{namespace}/{}", other.name));
        }
    }
    match context.store.detached()?.local_agents.first() {
        Some(other) => taken(format!("{}, which is detached", other.name)),
        None => Ok(()),
    }
}

/// Gives the Agent to the Controller; one that is already stays as it is.
///
/// # Errors
/// The Agent does not run, or one of the two refuses.
pub fn provision(context: &mut Context, agent: &LocalAgent, uuid: &str) -> Result<()> {
    let engine = Engine::open()?;
    let ask = |words: &[&str], shown: usize| engine.run_checked(AGENT.name, words, shown);
    let is_provisioned = || -> Result<bool> {
        let info = ask(&["iofog-agent", "info"], 2)?;
        Ok(info.lines().any(|line| line.contains(uuid)))
    };
    if is_provisioned()? {
        return Ok(());
    }
    progress(&format!("Agent {}: provisioning", agent.name));
    let base = base_url(&endpoint(context, agent)?);
    let key = context.client()?.provisioning_key(uuid)?;
    // It may act for a Controller that is gone by now.
    let _ = engine.run(AGENT.name, &["iofog-agent", "deprovision"])?;
    ask(&["iofog-agent", "config", "-idc", "off"], 4)?;
    ask(&["iofog-agent", "config", "-a", &base], 4)?;
    let answer = ask(&["iofog-agent", "provision", &key], 2)?;
    ask(&["iofog-agent", "config", "-sf", "10", "-cf", "10"], 6)?;
    if is_provisioned()? {
        return Ok(());
    }
    Err(Error::Plain(format!("The Agent could not be provisioned: {}", answer.trim())))
}

/// Where the Agent finds the Controller. Its container has the network of this machine, so that a Controller beside it
/// keeps its address when its own container gets another one.
fn endpoint(context: &mut Context, agent: &LocalAgent) -> Result<String> {
    let given = agent.controller_endpoint.as_str();
    let endpoint = match given {
        "" => context.record()?.control_plane()?.endpoint()?.to_owned(),
        given => given.to_owned(),
    };
    if !names::is_local_host(&endpoint) {
        return Ok(endpoint);
    }
    let host = endpoint_host(&endpoint);
    Ok(endpoint.replacen(host, "127.0.0.1", 1))
}

/// Removes the Agent's container with what it kept, and the containers of its microservices.
///
/// # Errors
/// The engine refuses.
pub fn remove(uuid: &str) -> Result<()> {
    let engine = Engine::open()?;
    let agent = AGENT.remove(&engine)?;
    discard_microservices(&engine, uuid, agent.as_ref())
}

/// Stops the Agent, the microservices of some identifiers, then the Controller; gives the names of those that ran.
///
/// # Errors
/// The engine refuses.
pub fn stop(uuids: &[String]) -> Result<Vec<String>> {
    let engine = Engine::open()?;
    let agent = engine.container(AGENT.name)?;
    let mut stopped = Vec::new();
    let mut stop = |found: Vec<Container>| -> Result<()> {
        let running: Vec<String> =
            found.into_iter().filter(|one| one.running).map(|one| one.name).collect();
        engine.stop_all(&running)?;
        stopped.extend(running);
        Ok(())
    };
    // The Agent first: it would start its microservices again.
    stop(agent.clone().into_iter().collect())?;
    for uuid in uuids {
        stop(microservices(&engine, uuid, agent.as_ref())?)?;
    }
    stop(engine.container(CONTROLLER.name)?.into_iter().collect())?;
    Ok(stopped)
}

fn discard_microservices(engine: &Engine, uuid: &str, agent: Option<&Container>) -> Result<()> {
    microservices(engine, uuid, agent)?.iter().try_for_each(|one| engine.discard(&one.id))
}

/// Containers of an Agent's microservices. Agents of ours label them; whatever has such a name and no label belongs to an
/// Agent of another make.
fn microservices(engine: &Engine, uuid: &str, agent: Option<&Container>) -> Result<Vec<Container>> {
    let foreign = agent.is_some_and(|agent| !agent.labels.contains_key(VOLUME_LABEL));
    let mut found = engine.containers(MICROSERVICE)?;
    found.retain(|one| match one.labels.get(OWNER) {
        Some(owner) => owner == uuid,
        None => foreign,
    });
    Ok(found)
}

/// Takes the Agent from its Controller, with its microservices; one without is fine.
///
/// # Errors
/// The Agent does not run, or refuses.
pub fn deprovision(uuid: &str) -> Result<()> {
    let engine = Engine::open()?;
    let output = engine.run(AGENT.name, &["iofog-agent", "deprovision"])?;
    if output.status != 0 && !output.text.contains("not provisioned") {
        return Err(Error::Plain(output.text.trim().to_owned()));
    }
    // The Agent stops them one after another and would lose sight of the rest if its own container went meanwhile.
    discard_microservices(&engine, uuid, engine.container(AGENT.name)?.as_ref())
}

/// Removes unused images.
///
/// # Errors
/// The Agent does not run, or refuses.
pub fn prune() -> Result<()> {
    Engine::open()?.run_checked(AGENT.name, &["iofog-agent", "prune"], 2).map(|_| ())
}
