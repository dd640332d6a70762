//! Putting a program and its service file on a machine; what is in place already stays.

use super::Device;
use super::binary::program_for;
use super::component::Component;
use crate::ssh::Session;
use crate::text::{Error, Result};

/// Runs a script as root; single quotes must not occur in it.
pub(super) fn as_root(session: &Session, device: &Device, script: &str) -> Result<String> {
    session.run(&format!("{}sh -c '{script}'", device.sudo))?.checked()
}

/// Puts program and service in place and starts them; tells whether the program is another one now.
///
/// # Errors
/// There is no program for the machine, or it cannot be put there.
pub(super) fn put(
    session: &Session,
    device: &Device,
    component: &Component,
    step: &dyn Fn(&str),
) -> Result<bool> {
    let content = program_for(component, &device.machine)?;
    let changed = put_program(session, device, component, &content, step)?;
    let service_changed = put_service(session, device, component)?;
    step("starting");
    let command = if changed || service_changed {
        device.init.restart(component)
    } else {
        device.init.start(component)
    };
    as_root(session, device, &command)?;
    Ok(changed)
}

/// Copies the program unless the same one is there; the one before is kept for a return.
fn put_program(
    session: &Session,
    device: &Device,
    component: &Component,
    content: &[u8],
    step: &dyn Fn(&str),
) -> Result<bool> {
    let program = component.program();
    if session.holds(&program, content)? {
        return Ok(false);
    }
    step("copying the program");
    let staged = format!("{}/{}", device.staging, component.name);
    session.upload(content, &staged, "0755")?;
    // Tried before it replaces anything: a binary for another processor must not take the place.
    session.run(&format!("{staged} version"))?.checked().map_err(|error| {
        Error::Plain(format!(
            "the {} binary for {} does not run on the device: {error}",
            component.word, device.machine
        ))
    })?;
    let move_in = format!(
        "if [ -f {program} ]; then cp -f {program} {program}.previous; fi; \
         cp -f {staged} {program}.new && chmod 0755 {program}.new && mv -f {program}.new {program} && rm -f {staged}"
    );
    as_root(session, device, &move_in)?;
    Ok(true)
}

fn put_service(session: &Session, device: &Device, component: &Component) -> Result<bool> {
    let file = device.init.file(component);
    put_file(session, device, file.content.as_bytes(), &file.path, file.mode).and_then(|changed| {
        if changed {
            as_root(session, device, &device.init.enable(component))?;
        }
        Ok(changed)
    })
}

/// Puts a file at its place, whole or not at all, unless the same one is there.
pub(super) fn put_file(
    session: &Session,
    device: &Device,
    content: &[u8],
    path: &str,
    mode: &str,
) -> Result<bool> {
    let staged = format!("{}/file", device.staging);
    session.upload(content, &staged, mode)?;
    let compare = format!("cmp -s {staged} {path} && echo same || echo different");
    let same = as_root(session, device, &compare)?.trim() == "same";
    if !same {
        let directory = path.rsplit_once('/').map_or("/", |(directory, _)| directory);
        let move_in = format!(
            "mkdir -p {directory} && cp -f {staged} {path}.new && chmod {mode} {path}.new && mv -f {path}.new {path}"
        );
        as_root(session, device, &move_in)?;
    }
    session.run(&format!("rm -f {staged}"))?.checked()?;
    Ok(!same)
}

/// Exchanges the program and the one before, and starts it anew.
///
/// # Errors
/// There is none before, or the machine refuses.
pub(super) fn take_back(session: &Session, device: &Device, component: &Component) -> Result<()> {
    let program = component.program();
    let exchange = format!(
        "if [ ! -f {program}.previous ]; then echo there is no program of before >&2; exit 1; fi; \
         cp -f {program} {program}.next && mv -f {program}.previous {program} && mv -f {program}.next {program}.previous"
    );
    as_root(session, device, &exchange)?;
    as_root(session, device, &device.init.restart(component)).map(|_| ())
}

/// Seconds after which a service that does not run is given up.
const GRACE: u32 = 5;

/// Waits a minute until a command of the program prints a text.
///
/// # Errors
/// [`Error::Plain`] with what it printed last.
pub(super) fn wait_for(
    session: &Session,
    device: &Device,
    component: &Component,
    command: &str,
    text: &str,
) -> Result<()> {
    let command = format!("{} {command}", component.program());
    let runs = device.init.is_running(component);
    let wait = format!(
        "tries=0; while [ $tries -lt 60 ]; do {command} 2>/dev/null | grep -q \"{text}\" && exit 0; \
         tries=$((tries + 1)); if [ $tries -gt {GRACE} ] && ! {{ {runs}; }}; then break; fi; \
         sleep 1; done; {command}; exit 1"
    );
    as_root(session, device, &wait).map(|_| ()).map_err(|error| {
        Error::Plain(format!("the {} does not come up on the device: {error}", component.word))
    })
}

/// Stops a component and removes all of its files; never fails for what is not there.
///
/// # Errors
/// The machine cannot be reached, or a file cannot be removed.
pub(super) fn remove(
    session: &Session,
    device: &Device,
    component: &Component,
    traces: &[&str],
) -> Result<()> {
    let script = format!(
        "{{ {}; }} >/dev/null 2>&1; rm -rf {} {}",
        device.init.remove(component),
        traces.join(" "),
        device.staging
    );
    as_root(session, device, &script).map(|_| ())
}
