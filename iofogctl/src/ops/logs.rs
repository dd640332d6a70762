//! Logs of components and microservices, as they are or as they grow, and programs run beside them.

use super::container::{self, Decoder};
use super::{Context, device, local};
use crate::config::records::Ssh;
use crate::config::{AgentRecord, ControlPlane};
use crate::output::{pass_err, pass_out};
use crate::text::names::QualifiedName;
use crate::text::{Error, Result};

const AGENT_LOG: &str = "/var/log/iofog-agent/iofog-agent.0.log";
const CONTROLLER_LOGS: &str = "/var/log/iofog-controller";

/// A machine that a command runs on.
struct Host {
    address: String,
    ssh: Ssh,
    component: &'static str,
}

/// Where something runs.
enum Place {
    /// A container on this machine.
    Here(String),
    /// Another machine.
    There(Host),
}

/// Prints the logs of a resource; follows them until interrupted on request.
///
/// # Errors
/// An unknown word or name, a microservice that does not run, or the host cannot be reached.
pub fn print(context: &mut Context, resource: &str, name: &str, follow: bool) -> Result<()> {
    let tail = |follow: bool, files: &str| match follow {
        true => format!("sudo tail -n +1 -F {files}"),
        false => format!("sudo cat {files}"),
    };
    let (place, command) = match resource {
        "controller" => {
            let files = match follow {
                true => format!("{CONTROLLER_LOGS}/iofog-controller.0.log"),
                false => format!("{CONTROLLER_LOGS}/*"),
            };
            (controller(context, name)?, tail(follow, &files))
        }
        "agent" => (agent(context, name)?, tail(follow, AGENT_LOG)),
        "microservice" => {
            let (uuid, place) = microservice(context, name)?;
            (place, container::logs(&uuid, follow))
        }
        _ => return Err(unknown(resource)),
    };
    let host = match place {
        Place::Here(name) => return local::logs(&name, follow),
        Place::There(host) => host,
    };
    if resource != "microservice" {
        return ended(device::stream_on(
            &host.address,
            &host.ssh,
            host.component,
            &command,
            &mut pass_out,
        )?);
    }
    let mut decoder = Decoder::default();
    let mut show = |piece: &[u8]| pass_out(&decoder.take(piece));
    ended(device::stream_on(&host.address, &host.ssh, host.component, &command, &mut show)?)
}

/// Runs words on the machine of a component, or in the container of a microservice, with this program's
/// terminal on request, and ends with their status.
///
/// # Errors
/// As [`print`]; [`Error::Status`] when the words fail.
pub fn exec(
    context: &mut Context,
    resource: &str,
    name: &str,
    words: &[String],
    tty: bool,
) -> Result<()> {
    let (place, command) = match resource {
        "controller" => (controller(context, name)?, container::quoted(words)),
        "agent" => (agent(context, name)?, container::quoted(words)),
        "microservice" => {
            let (uuid, place) = microservice(context, name)?;
            (place, container::exec(&uuid, words, tty))
        }
        _ => return Err(unknown(resource)),
    };
    match place {
        Place::Here(name) => local::exec(&name, words, tty),
        Place::There(host) if tty => ended(device::terminal_on(
            &host.address,
            &host.ssh,
            host.component,
            &command,
            &mut pass_out,
        )?),
        Place::There(host) => ended(device::stream_on(
            &host.address,
            &host.ssh,
            host.component,
            &command,
            &mut pass_out,
        )?),
    }
}

fn unknown(resource: &str) -> Error {
    Error::Input(format!("Unknown resource: '{resource}'"))
}

/// What a command that told everything itself comes to; its messages are printed already.
fn ended(output: (u32, String)) -> Result<()> {
    let (status, errors) = output;
    pass_err(errors.as_bytes());
    match u8::try_from(status) {
        Ok(0) => Ok(()),
        status => Err(Error::Status(status.unwrap_or(u8::MAX))),
    }
}

fn controller(context: &mut Context, name: &str) -> Result<Place> {
    match context.record()?.control_plane()? {
        ControlPlane::Kubernetes(_) => {
            Err(super::control_plane::needs_operator("read the logs of a pod"))
        }
        ControlPlane::Local(_) => Ok(Place::Here(local::CONTROLLER.to_owned())),
        ControlPlane::Remote(plane) => {
            let found =
                plane.controllers.iter().find(|controller| controller.name == name).cloned();
            let found =
                found.ok_or_else(|| Error::Plain(format!("Could not find Controller {name}")))?;
            Ok(Place::There(Host { address: found.host, ssh: found.ssh, component: "Controller" }))
        }
    }
}

fn place_of(agent: AgentRecord, container: &str) -> Place {
    match agent {
        AgentRecord::Local(_) => Place::Here(container.to_owned()),
        AgentRecord::Remote(agent) => {
            Place::There(Host { address: agent.host, ssh: agent.ssh, component: "Agent" })
        }
    }
}

fn agent(context: &mut Context, name: &str) -> Result<Place> {
    Ok(place_of(context.agent(name)?, local::AGENT))
}

/// A microservice that runs: its identifier and where.
fn microservice(context: &mut Context, name: &str) -> Result<(String, Place)> {
    let client = context.client()?;
    let qualified = QualifiedName::parse("Microservice", name)?;
    let microservice = client.microservice_by_name(&qualified.application, &qualified.name)?;
    if microservice.status.status != "RUNNING" {
        return Err(Error::plain("The microservice is not currently running"));
    }
    context.sync_agents()?;
    let agents = context.record()?.agents();
    let agent = agents.into_iter().find(|agent| agent.uuid() == microservice.iofog_uuid);
    let agent = agent.ok_or_else(|| Error::NotFound(format!("Agent of microservice {name}")))?;
    // The identifier becomes part of a command.
    if !microservice.uuid.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(Error::Internal(format!("{} is no identifier", microservice.uuid)));
    }
    let place = place_of(agent, &format!("iofog_{}", microservice.uuid));
    Ok((microservice.uuid, place))
}
