//! Logs of components.

use super::{Context, device};
use crate::config::{AgentRecord, ControlPlane};
use crate::output::stdout;
use crate::text::names::QualifiedName;
use crate::text::{Error, Result};

/// Prints the logs of a resource.
///
/// # Errors
/// An unknown word or name, a microservice that does not run, or the host cannot be reached.
pub fn print(context: &mut Context, resource: &str, name: &str) -> Result<()> {
    let text = match resource {
        "controller" => controller(context, name)?,
        "agent" => match context.agent(name)? {
            AgentRecord::Local(_) => device::local_logs("iofog-agent")?,
            AgentRecord::Remote(agent) => device::run_on(
                &agent.host,
                &agent.ssh,
                "Agent",
                "sudo cat /var/log/iofog-agent/iofog-agent.0.log",
            )?,
        },
        "microservice" => microservice(context, name)?,
        _ => return Err(Error::Input(format!("Unknown resource: '{resource}'"))),
    };
    stdout(&text);
    Ok(())
}

fn controller(context: &mut Context, name: &str) -> Result<String> {
    match context.record()?.control_plane()? {
        ControlPlane::Kubernetes(_) => {
            Err(super::control_plane::needs_operator("read the logs of a pod"))
        }
        ControlPlane::Local(_) => device::local_logs("iofog-controller"),
        ControlPlane::Remote(plane) => {
            let found =
                plane.controllers.iter().find(|controller| controller.name == name).cloned();
            let found =
                found.ok_or_else(|| Error::Plain(format!("Could not find Controller {name}")))?;
            device::run_on(
                &found.host,
                &found.ssh,
                "Controller",
                "sudo cat /var/log/iofog-controller/*",
            )
        }
    }
}

fn microservice(context: &mut Context, name: &str) -> Result<String> {
    let client = context.client()?;
    let qualified = QualifiedName::parse("Microservice", name)?;
    let microservice = client.microservice_by_name(&qualified.application, &qualified.name)?;
    if microservice.status.status != "RUNNING" {
        return Err(Error::plain("The microservice is not currently running"));
    }
    context.sync_agents()?;
    let agents = context.record()?.agents();
    let agent = agents.iter().find(|agent| agent.uuid() == microservice.iofog_uuid);
    let container = format!("iofog_{}", microservice.uuid);
    match agent {
        None => Err(Error::NotFound(format!("Agent of microservice {name}"))),
        Some(AgentRecord::Local(_)) => device::local_logs(&container),
        Some(AgentRecord::Remote(agent)) => device::run_on(
            &agent.host,
            &agent.ssh,
            "Agent",
            &format!("docker logs {container} 2>&1 || sudo docker logs {container} 2>&1"),
        ),
    }
}
