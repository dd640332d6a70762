//! What runs where, as a table for people.

use anyhow::Result;

use super::rest::Microservice;
use super::state::Processes;
use super::up::agent_names;
use super::{EcnState, Layout, agent, controller};
use crate::tools::docker::Docker;
use crate::tools::table;

/// The table of everything that belongs to this ECN, looked up now.
///
/// # Errors
/// When the state folder is damaged or the engine fails while it is asked.
pub fn overview(
    layout: &Layout,
    docker: &Docker,
    state: &EcnState,
    microservices: &[Microservice],
) -> Result<String> {
    let processes = Processes::load(layout)?;
    let pid = |name: &str| {
        processes.running(name).map_or_else(|| "not running".into(), |id| format!("pid {}", id.pid))
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    let engine = match processes.running(Processes::ENGINE) {
        Some(id) => format!("pid {} (started by up)", id.pid),
        None if docker.answers() => "already there".into(),
        None => "not running".into(),
    };
    rows.push(vec!["container engine".into(), engine, docker.url()]);
    rows.push(vec![
        "Controller".into(),
        pid(Processes::CONTROLLER),
        controller::client(state).base_url(),
    ]);
    for name in agent_names() {
        let address = state.agent_address(name).map(|a| a.to_string()).unwrap_or_default();
        let inside = if name == super::state::SYSTEM_AGENT {
            format!(
                "{address}: interior Router {}, {}; Proxy; Local API 54321",
                agent::EDGE_ROUTER_PORT,
                agent::INTER_ROUTER_PORT
            )
        } else {
            format!("{address}: edge Router 5672; Proxy; Local API 54321")
        };
        rows.push(vec![format!("Agent {name}"), pid(name), inside]);
        let Some(uuid) = state.agents.get(name) else { continue };
        if !docker.answers() {
            continue;
        }
        for container in docker.containers(&format!("iofog-uuid={uuid}"))? {
            let of = microservices.iter().find(|m| container.name().ends_with(&m.uuid));
            let what = of.map_or("microservice", |m| m.name.as_str());
            rows.push(vec![
                format!("  {what}"),
                format!("container {}", container.id.get(..12).unwrap_or(&container.id)),
                format!("{}, {}", container.image, container.state),
            ]);
        }
    }
    Ok(table::layout(&["what", "runs as", "where"], &rows))
}
