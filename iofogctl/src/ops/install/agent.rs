//! Installing and removing the Agent's program.

use super::component::AGENT;
use super::program::{as_root, put, remove, wait_for};
use super::{Device, probe, scripts};
use crate::config::records::RemoteAgent;
use crate::output::{notice, progress};
use crate::ssh::Session;
use crate::text::Result;

/// Everything the Agent leaves on a device.
const TRACES: &[&str] = &[
    "/usr/bin/iofog-agent",
    "/usr/bin/iofog-agent.previous",
    "/etc/iofog-agent",
    "/etc/iofog/agent",
    "/var/lib/iofog-agent",
    "/var/log/iofog-agent",
    "/var/run/iofog-agent",
    "/run/iofog-agent",
    "/run/iofog-agent.pid",
];

/// Makes the Agent's program run on its device. What is in place already is left alone.
///
/// # Errors
/// The device cannot be reached or used, or the program does not come up.
pub fn install(session: &Session, agent: &RemoteAgent) -> Result<Device> {
    let step = |text: &str| progress(&format!("Agent {}: {text}", agent.name));
    step("looking at the device");
    let device = probe(session)?;
    if let Some(custom) =
        agent.scripts.as_ref().filter(|custom| !custom.install.entrypoint.is_empty())
    {
        step("running the install scripts");
        scripts::run(session, &device, custom)?;
        return Ok(device);
    }
    put(session, &device, &AGENT, &step)?;
    wait_for(session, &device, &AGENT, "status", "RUNNING")?;
    Ok(device)
}

/// Removes the Agent so that nothing of it stays.
///
/// # Errors
/// The device cannot be reached, or a file cannot be removed.
pub fn uninstall(session: &Session) -> Result<()> {
    let device = probe(session)?;
    if let Err(error) = super::deprovision(session) {
        notice(&format!("Failed to deprovision the Agent. {error}"));
    }
    let custom = "/etc/iofog/agent/uninstall_iofog.sh";
    as_root(session, &device, &format!("if [ -x {custom} ]; then {custom}; fi"))?;
    remove(session, &device, &AGENT, TRACES)
}
