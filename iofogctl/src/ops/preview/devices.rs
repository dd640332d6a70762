//! Control planes, Agents and their configurations. The machines themselves are not asked: a
//! program that is in place is left alone by deploying, whatever is said here.

use serde::Serialize;
use serde_json::{Value, json};

use super::super::Context;
use super::super::agent_config::{self, Plan};
use super::super::deploy::Work;
use super::compare::Found;
use super::{Action, Change, json};
use crate::config::records::{agent_type_name, agent_type_number};
use crate::rest::{Agent, Client};
use crate::text::Result;

/// Fields of an Agent's record that a document decides.
const AGENT_FIELDS: &[&str] =
    &["host", "ssh", "package", "scripts", "container", "controllerEndpoint"];

/// The control planes, configurations and Agents of a file, in the order of deploying.
pub(super) fn changes(
    context: &mut Context,
    client: Option<&Client>,
    work: &Work,
) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for wanted in &work.remote_control_planes {
        let known = context.record()?.remote_control_plane.clone();
        changes.push(plane("ControlPlane", wanted, known.as_ref())?);
    }
    for wanted in &work.local_control_planes {
        let known = context.record()?.local_control_plane.clone();
        changes.push(plane("LocalControlPlane", wanted, known.as_ref())?);
    }
    for wanted in &work.local_controllers {
        let plane = context.record()?.local_control_plane.clone();
        let known = plane.and_then(|plane| plane.controller);
        changes.push(record(
            "LocalController",
            &wanted.name,
            wanted,
            known.as_ref(),
            &["endpoint", "container"],
        )?);
    }
    let agents = client.map(|client| client.agents(false)).transpose()?.unwrap_or_default();
    for plan in agent_config::order(work.configs.clone(), &agents)? {
        changes.push(config(&plan, &agents)?);
    }
    for wanted in &work.remote_agents {
        let known = context.record()?.remote_agents.clone();
        let known = known.iter().find(|known| known.name == wanted.name);
        let change = record("Agent", &wanted.name, wanted, known, AGENT_FIELDS)?;
        changes.push(installed(change, &agents));
    }
    for wanted in &work.local_agents {
        let known = context.record()?.local_agents.clone();
        let known = known.iter().find(|known| known.name == wanted.name);
        let change = record("LocalAgent", &wanted.name, wanted, known, AGENT_FIELDS)?;
        changes.push(installed(change, &agents));
    }
    Ok(changes)
}

/// A control plane against its record.
fn plane<T: Serialize>(kind: &'static str, wanted: &T, known: Option<&T>) -> Result<Change> {
    let mut change = record(
        kind,
        "controlPlane",
        wanted,
        known,
        &[
            "iofogUser",
            "controllers",
            "controller",
            "database",
            "package",
            "systemAgent",
            "systemMicroservices",
        ],
    )?;
    for field in change.fields.iter_mut().filter(|field| field.path.ends_with("password")) {
        let hide = |value: &mut Option<Value>| {
            if let Some(value) = value {
                *value = json!("(secret)");
            }
        };
        hide(&mut field.from);
        hide(&mut field.to);
    }
    Ok(change)
}

/// Compares some fields of a document with the record in the config files.
fn record<T: Serialize>(
    kind: &'static str,
    name: &str,
    wanted: &T,
    known: Option<&T>,
    fields: &[&str],
) -> Result<Change> {
    let Some(known) = known else { return Ok(Change::new(Action::Install, kind, name)) };
    let (wanted, known) = (json(wanted)?, json(known)?);
    let mut found = Found::default();
    for field in fields {
        if let Some(wanted) = wanted.get(field) {
            found.part(field, wanted, known.get(field));
        }
    }
    Ok(Change::compared(kind, name, found))
}

/// An Agent that the Controller does not see running would be installed.
fn installed(mut change: Change, agents: &[Agent]) -> Change {
    let runs = |agent: &Agent| agent.name == change.name && agent.daemon_status == "RUNNING";
    if change.action == Action::Unchanged && !agents.iter().any(runs) {
        change.action = Action::Install;
    }
    change
}

fn config(plan: &Plan, agents: &[Agent]) -> Result<Change> {
    const KIND: &str = "AgentConfig";
    let Some(agent) = agents.iter().find(|agent| agent.name == plan.name) else {
        return Ok(Change::new(Action::Create, KIND, &plan.name));
    };
    let mut wanted = plan.config.clone();
    if let Some(word) = &mut wanted.agent_type {
        *word = agent_type_name(agent_type_number(word)).to_owned();
    }
    let mut wanted = json(&wanted)?;
    let mut known = json(&agent_config::from_agent(agent.clone(), agents))?;
    known["host"] = json!(agent.host);
    let mut found = Found::default();
    if let Some(fields) = wanted.as_object_mut() {
        // What is empty or zero here is not sent.
        for field in ["name", "location", "description", "timeZone", "latitude", "longitude"] {
            if fields.get(field).is_some_and(|value| *value == json!("") || *value == json!(0.0)) {
                fields.remove(field);
            }
        }
        if let Some(routers) = fields.remove("upstreamRouters") {
            found.part(
                "upstreamRouters",
                &sorted(&routers),
                Some(&sorted(&known["upstreamRouters"])),
            );
        }
    }
    found.part("", &wanted, Some(&known));
    if let Some(tags) = &plan.tags {
        found.part("metadata.tags", &sorted(&json!(tags)), Some(&sorted(&json!(agent.tags))));
    }
    Ok(Change::compared(KIND, &plan.name, found))
}

/// A list whose order means nothing, ordered.
fn sorted(list: &Value) -> Value {
    let mut items = list.as_array().cloned().unwrap_or_default();
    items.sort_by_key(Value::to_string);
    Value::Array(items)
}
