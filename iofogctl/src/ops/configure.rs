//! Stored settings: the current namespace, SSH details, Kubernetes config files.

use super::Context;
use crate::config::records::Ssh;
use crate::config::{AgentRecord, ControlPlane};
use crate::text::{Error, Result, names};

/// Details to change; empty ones stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SshChange {
    /// Login name.
    pub user: String,
    /// Path of the private key.
    pub key_file: String,
    /// Port; 0 leaves it.
    pub port: u16,
    /// Kubernetes config file.
    pub kube: String,
}

/// Reads a port number; empty is 0.
///
/// # Errors
/// [`Error::Input`] when out of range.
pub fn port(text: &str) -> Result<u16> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| Error::Input(format!("Port {text} is not between 1 and 65535")))
}

/// Changes the settings of a resource word and tells the name of the last one changed.
///
/// # Errors
/// An unknown word or name, or details that do not fit the resource.
pub fn configure(
    context: &mut Context,
    resource: &str,
    name: &str,
    change: &SshChange,
    detached: bool,
) -> Result<String> {
    let mut names = vec![name.to_owned()];
    match resource {
        "current-namespace" | "default-namespace" if name.is_empty() => {
            return Err(Error::input("Must specify Namespace"));
        }
        "current-namespace" | "default-namespace" => context.store.set_default_namespace(name)?,
        "controlplane" => control_plane(context, change)?,
        "controller" => controller(context, name, change)?,
        "controllers" => {
            let plane = context.record()?.control_plane()?;
            names.extend(plane.controllers().iter().map(|controller| controller.name.to_owned()));
            names.iter().skip(1).try_for_each(|name| controller(context, name, change))?;
        }
        "agent" => agent(context, name, change, detached)?,
        "agents" => {
            let record = if detached { context.store.detached()? } else { context.record()? };
            names.extend(record.agents().iter().map(|agent| agent.name().to_owned()));
            names.iter().skip(1).try_for_each(|name| agent(context, name, change, detached))?;
        }
        _ => return Err(Error::Input(format!("Unsupported resource: {resource}"))),
    }
    Ok(names.pop().unwrap_or_default())
}

fn apply(ssh: &mut Ssh, change: &SshChange) -> Result<()> {
    if !change.user.is_empty() {
        change.user.clone_into(&mut ssh.user);
    }
    if !change.key_file.is_empty() {
        ssh.key_file = names::expand_path(&change.key_file)?;
    }
    if change.port != 0 {
        ssh.port = change.port;
    }
    if ssh.port == 0 {
        ssh.port = 22;
    }
    Ok(())
}

fn agent(context: &mut Context, name: &str, change: &SshChange, detached: bool) -> Result<()> {
    let found =
        if detached { context.store.detached()?.agent(name)? } else { context.agent(name)? };
    let AgentRecord::Remote(mut found) = found else {
        return Err(Error::input("Cannot configure Local Agent"));
    };
    apply(&mut found.ssh, change)?;
    let record = if detached { context.store.detached()? } else { context.record()? };
    record.update_agent(AgentRecord::Remote(found));
    context.store.flush()
}

fn controller(context: &mut Context, name: &str, change: &SshChange) -> Result<()> {
    match context.record()?.control_plane()? {
        ControlPlane::Kubernetes(_) => {
            return Err(Error::input(
                "Cannot configure Kubernetes Control Plane as if it is a Remote Control Plane",
            ));
        }
        ControlPlane::Local(_) => {
            return Err(Error::input("Cannot configure a Local ControlPlane"));
        }
        ControlPlane::Remote(_) => {}
    }
    let plane = context.record()?.remote_control_plane.as_mut();
    let found = plane
        .and_then(|plane| plane.controllers.iter_mut().find(|controller| controller.name == name));
    let found = found.ok_or_else(|| Error::Plain(format!("Could not find Controller {name}")))?;
    apply(&mut found.ssh, change)?;
    context.store.flush()
}

fn control_plane(context: &mut Context, change: &SshChange) -> Result<()> {
    match context.record()?.control_plane()? {
        ControlPlane::Remote(_) => {
            return Err(Error::input(
                "Cannot configure Remote Control Plane as if it is a Kubernetes Control Plane",
            ));
        }
        ControlPlane::Local(_) => {
            return Err(Error::input("Cannot configure a Local Control Plane"));
        }
        ControlPlane::Kubernetes(_) => {}
    }
    if !change.user.is_empty() || !change.key_file.is_empty() || change.port != 0 {
        return Err(Error::input("Cannot edit remote config of a Kubernetes Control Plane"));
    }
    if let Some(plane) = &mut context.record()?.kubernetes_control_plane
        && !change.kube.is_empty()
    {
        plane.config = names::expand_path(&change.kube)?;
    }
    context.store.flush()
}
