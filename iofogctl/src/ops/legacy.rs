//! Commands of the components' own command lines.

use super::{Context, device, local};
use crate::config::records::Ssh;
use crate::config::{AgentRecord, ControlPlane};
use crate::output::{info, stdout};
use crate::text::{Error, Result};

/// Runs words on a controller or Agent and prints what comes back.
///
/// # Errors
/// An unknown word or name, missing SSH details, or the command failed.
pub fn run(
    context: &mut Context,
    resource: &str,
    name: &str,
    words: &[String],
    detached: bool,
) -> Result<()> {
    let command = words.join(" ");
    match resource {
        "controller" => controller(context, name, words),
        "agent" => {
            let agent = if detached {
                context.store.detached()?.agent(name)?
            } else {
                context.agent(name)?
            };
            match agent {
                AgentRecord::Local(_) => {
                    local::exec(local::AGENT, &with(local::AGENT, words), false)
                }
                AgentRecord::Remote(agent) => remote(
                    &format!("Agent {name}"),
                    &agent.host,
                    &agent.ssh,
                    &format!("sudo iofog-agent {command}"),
                ),
            }
        }
        _ => Err(Error::Input(format!("Unknown legacy CLI {resource}"))),
    }
}

/// A program and its words; the contract joins them by spaces, and so do the programs.
fn with(program: &str, words: &[String]) -> Vec<String> {
    std::iter::once(program.to_owned()).chain(words.iter().cloned()).collect()
}

fn controller(context: &mut Context, name: &str, words: &[String]) -> Result<()> {
    let command = words.join(" ");
    let namespace = context.namespace.clone();
    match context.record()?.control_plane()? {
        ControlPlane::Kubernetes(plane) => {
            let pod = plane.controller_pods.first().map_or(name, |pod| pod.pod_name.as_str());
            info("Run the following command to use the legacy CLI of a Kubernetes Controller:");
            print(format!("kubectl exec {pod} -n {namespace} -- iofog-controller {command}\n"))
        }
        ControlPlane::Local(_) => {
            local::exec(local::CONTROLLER, &with(local::CONTROLLER, words), false)
        }
        ControlPlane::Remote(plane) => {
            let found =
                plane.controllers.iter().find(|controller| controller.name == name).cloned();
            let found =
                found.ok_or_else(|| Error::Plain(format!("Could not find Controller {name}")))?;
            remote(
                &format!("Controller {name}"),
                &found.host,
                &found.ssh,
                &format!("sudo iofog-controller {command}"),
            )
        }
    }
}

fn remote(what: &str, host: &str, ssh: &Ssh, command: &str) -> Result<()> {
    if !device::has_ssh(host, ssh) {
        return Err(Error::Plain(format!(
            "legacy commands requires SSH access.\n{what} SSH details are not available.\nUse `iofogctl configure --help` to find out how to add SSH details"
        )));
    }
    print(device::run_on(host, ssh, "Agent", command)?)
}

fn print(text: String) -> Result<()> {
    stdout(&text);
    Ok(())
}
