//! Installing and removing the Agent's program.

use super::binary::agent_for;
use super::{Device, probe, scripts};
use crate::config::records::RemoteAgent;
use crate::output::{notice, progress};
use crate::ssh::Session;
use crate::text::{Error, Result};

const PROGRAM: &str = "/usr/bin/iofog-agent";
/// Everything the Agent leaves on a device.
const TRACES: &str = "/usr/bin/iofog-agent /usr/bin/iofog-agent.previous /etc/iofog-agent /etc/iofog/agent /var/lib/iofog-agent /var/log/iofog-agent /var/run/iofog-agent /run/iofog-agent /run/iofog-agent.pid";

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
    let content = agent_for(&device.machine)?;
    let changed = put_program(session, &device, &content, &step)?;
    let service_changed = put_service(session, &device)?;
    step("starting");
    let command =
        if changed || service_changed { device.init.restart() } else { device.init.start() };
    as_root(session, &device, command)?;
    wait_running(session, &device)?;
    Ok(device)
}

/// Copies the program unless the same one is there; the one before is kept for a return.
fn put_program(
    session: &Session,
    device: &Device,
    content: &[u8],
    step: &dyn Fn(&str),
) -> Result<bool> {
    if session.holds(PROGRAM, content)? {
        return Ok(false);
    }
    step("copying the program");
    let staged = format!("{}/iofog-agent", device.staging);
    session.upload(content, &staged, "0755")?;
    // Tried before it replaces anything: a binary for another processor must not take the place.
    session.run(&format!("{staged} version"))?.checked().map_err(|error| {
        Error::Plain(format!(
            "the Agent binary for {} does not run on the device: {error}",
            device.machine
        ))
    })?;
    let move_in = format!(
        "if [ -f {PROGRAM} ]; then cp -f {PROGRAM} {PROGRAM}.previous; fi; \
         cp -f {staged} {PROGRAM}.new && chmod 0755 {PROGRAM}.new && mv -f {PROGRAM}.new {PROGRAM} && rm -f {staged}"
    );
    as_root(session, device, &move_in)?;
    Ok(true)
}

fn put_service(session: &Session, device: &Device) -> Result<bool> {
    let file = device.init.file();
    let staged = format!("{}/service", device.staging);
    session.upload(file.content.as_bytes(), &staged, file.mode)?;
    let compare = format!("cmp -s {staged} {} && echo same || echo different", file.path);
    let same = as_root(session, device, &compare)?.trim() == "same";
    if !same {
        let (path, mode) = (file.path, file.mode);
        let directory = path.rsplit_once('/').map_or("/", |(directory, _)| directory);
        as_root(
            session,
            device,
            &format!(
                "mkdir -p {directory} && cp -f {staged} {path}.new && chmod {mode} {path}.new && mv -f {path}.new {path}"
            ),
        )?;
        as_root(session, device, device.init.enable())?;
    }
    session.run(&format!("rm -f {staged}"))?.checked()?;
    Ok(!same)
}

fn wait_running(session: &Session, device: &Device) -> Result<()> {
    let wait = format!(
        "tries=0; while [ $tries -lt 60 ]; do {PROGRAM} status 2>/dev/null | head -n 1 | grep RUNNING && exit 0; \
         tries=$((tries + 1)); sleep 1; done; {PROGRAM} status; exit 1"
    );
    as_root(session, device, &wait)
        .map(|_| ())
        .map_err(|error| Error::Plain(format!("the Agent does not come up on the device: {error}")))
}

/// Runs a script as root; single quotes must not occur in it.
pub(super) fn as_root(session: &Session, device: &Device, script: &str) -> Result<String> {
    session.run(&format!("{}sh -c '{script}'", device.sudo))?.checked()
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
    as_root(
        session,
        &device,
        &format!(
            "if [ -x /etc/iofog/agent/uninstall_iofog.sh ]; then /etc/iofog/agent/uninstall_iofog.sh; fi; {{ {}; }} >/dev/null 2>&1; rm -rf {TRACES} {}",
            device.init.remove(),
            device.staging
        ),
    )?;
    Ok(())
}
