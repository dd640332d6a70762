//! Programs on devices and in local containers: what commands do beyond the Controller.

use super::Context;
use crate::config::records::{
    LocalAgent, LocalControlPlane, LocalController, RemoteAgent, RemoteControlPlane,
    RemoteController, Ssh, Volume,
};
use crate::text::{Error, Result, names};

/// Whether a host can be reached over SSH with what is stored.
pub fn has_ssh(host: &str, ssh: &Ssh) -> bool {
    !(host.is_empty() || ssh.user.is_empty() || ssh.port == 0 || ssh.key_file.is_empty())
}

fn local_unsupported() -> Error {
    Error::plain("This version does not manage containers on this machine")
}

/// Removes the local Agent's container and those of its microservices.
pub fn remove_local_agent() -> Result<()> {
    Err(local_unsupported())
}

/// Removes the local Controller's container.
pub fn remove_local_controller() -> Result<()> {
    Err(local_unsupported())
}

/// Removes unused images through the local Agent.
pub fn prune_local_agent() -> Result<()> {
    Err(local_unsupported())
}

/// Takes the local Agent from its Controller.
pub fn deprovision_local_agent() -> Result<()> {
    Err(local_unsupported())
}

/// Gives the local Agent to the Controller.
pub fn provision_local_agent(_: &mut Context, _: &LocalAgent, _: &str) -> Result<()> {
    Err(local_unsupported())
}

/// Removes an Agent from its device.
pub fn remove_agent(_: &RemoteAgent) -> Result<()> {
    Err(local_unsupported())
}

/// Removes a Controller from its host.
pub fn remove_controller(_: &RemoteController) -> Result<()> {
    Err(local_unsupported())
}

/// Removes unused images on a device.
pub fn prune_agent(_: &RemoteAgent) -> Result<()> {
    Err(local_unsupported())
}

/// Takes an Agent from its Controller.
pub fn deprovision_agent(_: &RemoteAgent) -> Result<()> {
    Err(local_unsupported())
}

/// Gives an Agent to the Controller.
pub fn provision_agent(_: &mut Context, _: &RemoteAgent, _: &str) -> Result<()> {
    Err(local_unsupported())
}

/// Removes a volume from its Agents and the records.
pub fn delete_volume(context: &mut Context, name: &str) -> Result<()> {
    context.record()?.volume(name)?;
    context.record()?.volumes.retain(|volume| volume.name != name);
    context.store.flush()
}

/// Copies a volume to Agents.
pub fn push_volume(_: &[RemoteAgent], _: &Volume) -> Result<()> {
    Ok(())
}

/// Checks an Agent document; the metadata name wins.
///
/// # Errors
/// [`Error::Input`] for a reserved or invalid name.
pub fn check_agent(name: &str, agent: &mut RemoteAgent) -> Result<()> {
    if !name.is_empty() {
        name.clone_into(&mut agent.name);
    }
    if agent.name == super::agent_config::DEFAULT_ROUTER {
        return Err(Error::Input(format!(
            "{} is a reserved name and cannot be used for an Agent",
            agent.name
        )));
    }
    names::check("Agent", &agent.name)?;
    if agent.ssh.port == 0 {
        agent.ssh.port = 22;
    }
    agent.ssh.key_file = names::expand_path(&agent.ssh.key_file)?;
    if !names::is_local_host(&agent.host) && !has_ssh(&agent.host, &agent.ssh) {
        return Err(Error::input(
            "For Agents you must specify non-empty values for host, user, and keyfile",
        ));
    }
    Ok(())
}

/// Checks a LocalAgent document; the metadata name wins.
///
/// # Errors
/// [`Error::Input`] for an invalid name.
pub fn check_local_agent(name: &str, agent: &mut LocalAgent) -> Result<()> {
    if !name.is_empty() {
        name.clone_into(&mut agent.name);
    }
    if agent.name.is_empty() {
        "local".clone_into(&mut agent.name);
    }
    names::check("Agent", &agent.name)
}

/// Checks a ControlPlane document.
pub fn check_remote_control_plane(mut plane: RemoteControlPlane) -> Result<RemoteControlPlane> {
    plane.iofog_user.encode_password();
    Ok(plane)
}

/// Checks a LocalControlPlane document.
pub fn check_local_control_plane(mut plane: LocalControlPlane) -> Result<LocalControlPlane> {
    plane.iofog_user.encode_password();
    Ok(plane)
}

/// Installs a control plane on its hosts.
pub fn deploy_remote_control_plane(_: &mut Context, _: &RemoteControlPlane) -> Result<()> {
    Err(local_unsupported())
}

/// Starts a control plane in a container here.
pub fn deploy_local_control_plane(_: &mut Context, _: &LocalControlPlane) -> Result<()> {
    Err(local_unsupported())
}

/// Starts a controller in a container here.
pub fn deploy_local_controller(_: &mut Context, _: &LocalController) -> Result<()> {
    Err(local_unsupported())
}

/// Installs Agents on their devices.
pub fn deploy_agents(_: &mut Context, _: &[RemoteAgent]) -> Result<()> {
    Err(local_unsupported())
}

/// Starts an Agent in a container here.
pub fn deploy_local_agent(_: &mut Context, _: &LocalAgent) -> Result<()> {
    Err(local_unsupported())
}

/// Runs a command on a host and gives its output.
///
/// # Errors
/// [`Error::NoSsh`] naming the kind of component when details are missing; SSH failures.
pub fn run_on(host: &str, ssh: &Ssh, component: &'static str, _: &str) -> Result<String> {
    if !has_ssh(host, ssh) {
        return Err(Error::NoSsh(component));
    }
    Err(local_unsupported())
}

/// Logs of a local container.
pub fn local_logs(_: &str) -> Result<String> {
    Err(local_unsupported())
}

/// Runs a command in a local container.
pub fn exec_local(_: &str, _: &str) -> Result<String> {
    Err(local_unsupported())
}
