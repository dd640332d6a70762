//! Giving an Agent to its Controller, and taking it back.

use std::time::Duration;

use super::program::as_root;
use super::{Device, probe};
use crate::rest::{Client, base_url};
use crate::ssh::Session;
use crate::text::{Error, Result};

/// How often the Controller is asked whether the Agent is online, a second apart.
const ONLINE_TRIES: u32 = 120;

/// Makes the Agent on a device the one the Controller knows under an identifier; one that already
/// is stays as it is.
///
/// # Errors
/// The device or the Controller cannot be reached, or one of them refuses.
pub fn provision(
    session: &Session,
    device: &Device,
    client: &Client,
    endpoint: &str,
    uuid: &str,
) -> Result<()> {
    let info = as_root(session, device, "iofog-agent info")?;
    if info.lines().any(|line| line.contains(uuid)) {
        return Ok(());
    }
    let key = client.provisioning_key(uuid)?;
    as_root(session, device, &format!("iofog-agent config -a {}", base_url(endpoint)))?;
    // The key is a secret: it goes over standard input and not into the command line.
    let command = format!("{}sh -c 'read -r key && iofog-agent provision $key'", device.sudo);
    let answer = session.run_with_input(&command, format!("{key}\n").as_bytes())?.checked()?;
    let info = as_root(session, device, "iofog-agent info")?;
    if info.lines().any(|line| line.contains(uuid)) {
        return Ok(());
    }
    Err(Error::Plain(format!("the Agent could not be provisioned: {}", answer.trim())))
}

/// Takes an Agent from its Controller; one without is fine.
///
/// # Errors
/// The device cannot be reached, or the Agent refuses.
pub fn deprovision(session: &Session) -> Result<()> {
    let device = probe(session)?;
    let output = session.run(&format!("{}iofog-agent deprovision", device.sudo))?;
    if format!("{}{}", output.stdout, output.stderr).contains("not provisioned") {
        return Ok(());
    }
    output.checked().map(|_| ())
}

/// Waits until the Controller sees the Agent running.
///
/// # Errors
/// [`Error::Plain`] with the last state seen.
pub fn wait_online(client: &Client, name: &str, uuid: &str) -> Result<()> {
    let mut seen = String::new();
    for _ in 0..ONLINE_TRIES {
        seen = client.agent(uuid)?.daemon_status;
        if seen == "RUNNING" {
            return Ok(());
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    Err(Error::Plain(format!(
        "Agent {name} is not online after {ONLINE_TRIES} s; the Controller shows it as {seen}"
    )))
}
