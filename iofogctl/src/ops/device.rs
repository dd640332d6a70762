//! Programs on devices, over SSH: what commands do beyond the Controller.

use super::{Context, install};
use crate::config::AgentRecord;
use crate::config::records::{RemoteAgent, Ssh, Volume};
use crate::output::progress;
use crate::rest::Client;
use crate::ssh::Session;
use crate::text::time::Moment;
use crate::text::{Error, Result, names};

/// Whether a host can be reached over SSH with what is stored.
pub fn has_ssh(host: &str, ssh: &Ssh) -> bool {
    !(host.is_empty() || ssh.user.is_empty() || ssh.port == 0 || ssh.key_file.is_empty())
}

/// Removes an Agent from its device.
///
/// # Errors
/// The device cannot be reached.
pub fn remove_agent(agent: &RemoteAgent) -> Result<()> {
    install::uninstall(&session(&agent.host, &agent.ssh, "Agent")?)
}

/// Removes unused images on a device.
///
/// # Errors
/// The device cannot be reached.
pub fn prune_agent(agent: &RemoteAgent) -> Result<()> {
    let session = session(&agent.host, &agent.ssh, "Agent")?;
    let device = install::probe(&session)?;
    session.run(&format!("{}iofog-agent prune", device.sudo))?.checked().map(|_| ())
}

/// Takes an Agent from its Controller.
///
/// # Errors
/// The device cannot be reached, or the Agent refuses.
pub fn deprovision_agent(agent: &RemoteAgent) -> Result<()> {
    install::deprovision(&session(&agent.host, &agent.ssh, "Agent")?)
}

/// Gives an Agent to the Controller.
///
/// # Errors
/// The device or the Controller cannot be reached, or one of them refuses.
pub fn provision_agent(context: &mut Context, agent: &RemoteAgent, uuid: &str) -> Result<()> {
    let client = context.client()?;
    let endpoint = endpoint_for(context, agent)?;
    let session = session(&agent.host, &agent.ssh, "Agent")?;
    let device = install::probe(&session)?;
    install::provision(&session, &device, &client, &endpoint, uuid)
}

/// Address an Agent uses for the Controller.
fn endpoint_for(context: &mut Context, agent: &RemoteAgent) -> Result<String> {
    if !agent.controller_endpoint.is_empty() {
        return Ok(agent.controller_endpoint.clone());
    }
    context.record()?.control_plane()?.endpoint().map(str::to_owned)
}

/// A connection to a host.
pub(super) fn session(host: &str, ssh: &Ssh, component: &'static str) -> Result<Session> {
    if has_ssh(host, ssh) { Session::connect(host, ssh) } else { Err(Error::NoSsh(component)) }
}

/// Removes a volume from its Agents and the records.
///
/// # Errors
/// There is none of that name, or an Agent cannot be reached.
pub fn delete_volume(context: &mut Context, name: &str) -> Result<()> {
    let volume = context.record()?.volume(name)?.clone();
    for agent in &volume.agents {
        if let AgentRecord::Remote(agent) = context.record()?.agent(agent)? {
            let session = session(&agent.host, &agent.ssh, "Agent")?;
            let device = install::probe(&session)?;
            let destination = checked_path(&volume.destination)?;
            session.run(&format!("{}sh -c 'rm -rf {destination}/*'", device.sudo))?.checked()?;
        }
    }
    context.record()?.volumes.retain(|volume| volume.name != name);
    context.store.flush()
}

/// A directory that is safe to name in a command: absolute, not the root, plain characters.
fn checked_path(path: &str) -> Result<&str> {
    let path = path.trim_end_matches('/');
    let plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    if path.starts_with('/') && plain && !path.split('/').any(|part| part == "..") {
        return Ok(path);
    }
    Err(Error::Input(format!(
        "Volume destination {path} must be an absolute path of letters, digits, '.', '_', '-' and '/', and not the root"
    )))
}

/// Copies a volume to Agents: every file of the source directory, with the given permissions.
///
/// # Errors
/// The source cannot be read, or an Agent cannot be reached.
pub fn push_volume(agents: &[RemoteAgent], volume: &Volume) -> Result<()> {
    let destination = checked_path(&volume.destination)?;
    let mode = volume.permissions.as_str();
    if !agents.is_empty()
        && (!(3..=4).contains(&mode.len())
            || !mode.bytes().all(|digit| (b'0'..=b'7').contains(&digit)))
    {
        return Err(Error::Input(format!("Invalid file permission specified: {mode}")));
    }
    for agent in agents {
        let session = session(&agent.host, &agent.ssh, "Agent")?;
        let device = install::probe(&session)?;
        let staging = format!("{}/volume-{}", device.staging, volume.name);
        push_directory(&session, std::path::Path::new(&volume.source), &staging, mode)?;
        let move_in = format!(
            "mkdir -p {destination} && cp -pR {staging}/. {destination}/ && rm -rf {staging}"
        );
        session.run(&format!("{}sh -c '{move_in}'", device.sudo))?.checked()?;
    }
    Ok(())
}

fn push_directory(
    session: &Session,
    source: &std::path::Path,
    target: &str,
    mode: &str,
) -> Result<()> {
    let failed = |cause: &std::io::Error| Error::io("open", source, cause);
    session.run(&format!("mkdir -p {target}"))?.checked()?;
    for entry in std::fs::read_dir(source).map_err(|cause| failed(&cause))? {
        let entry = entry.map_err(|cause| failed(&cause))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{target}/{name}");
        checked_path(&path)?;
        if entry.path().is_dir() {
            push_directory(session, &entry.path(), &path, mode)?;
        } else {
            let content = std::fs::read(entry.path()).map_err(|cause| failed(&cause))?;
            session.upload(&content, &path, mode)?;
        }
    }
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

/// Devices worked on at once.
const PARALLEL: usize = 16;

/// Installs Agents on their devices, gives them to the Controller and waits until they are online.
/// Those that succeed are recorded also when others fail.
///
/// # Errors
/// The failures, each with the name of its Agent.
pub fn deploy_agents(context: &mut Context, agents: &[RemoteAgent]) -> Result<()> {
    let client = context.client()?;
    let known = client.agents(false)?;
    let mut jobs = Vec::new();
    for agent in agents {
        let uuid =
            known.iter().find(|known| known.name == agent.name).map(|known| known.uuid.clone());
        let uuid =
            uuid.ok_or_else(|| Error::NotFound(format!("Could not find agent: {}", agent.name)))?;
        jobs.push((agent, endpoint_for(context, agent)?, uuid));
    }
    let mut failures = Vec::new();
    for batch in jobs.chunks(PARALLEL) {
        let results: Vec<Result<()>> = std::thread::scope(|scope| {
            let workers: Vec<_> = batch
                .iter()
                .map(|(agent, endpoint, uuid)| {
                    scope.spawn(|| deploy_agent(&client, agent, endpoint, uuid))
                })
                .collect();
            let lost = || Err(Error::internal("a worker ended unexpectedly"));
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| lost())).collect()
        });
        for ((agent, _, uuid), result) in batch.iter().zip(results) {
            match result {
                Err(error) => failures.push(Error::Plain(format!("Agent {}: {error}", agent.name))),
                Ok(()) => {
                    let created = Moment::now().unix_date();
                    let record = RemoteAgent { uuid: uuid.clone(), created, ..(*agent).clone() };
                    context.record()?.update_agent(AgentRecord::Remote(record));
                }
            }
        }
        context.store.flush()?;
    }
    Error::join(failures).map_or(Ok(()), Err)
}

pub(super) fn deploy_agent(
    client: &Client,
    agent: &RemoteAgent,
    endpoint: &str,
    uuid: &str,
) -> Result<()> {
    let session = session(&agent.host, &agent.ssh, "Agent")?;
    let device = install::install(&session, agent)?;
    progress(&format!("Agent {}: provisioning", agent.name));
    install::provision(&session, &device, client, endpoint, uuid)?;
    progress(&format!("Agent {}: waiting until it is online", agent.name));
    install::wait_online(client, &agent.name, uuid)
}

/// Runs a command on a host and gives its output.
///
/// # Errors
/// [`Error::NoSsh`] naming the kind of component when details are missing; SSH failures.
pub fn run_on(host: &str, ssh: &Ssh, component: &'static str, command: &str) -> Result<String> {
    run_in(&session(host, ssh, component)?, command)
}

/// Runs a command over a connection and gives its output.
///
/// # Errors
/// The command failed, or the connection broke.
pub(super) fn run_in(session: &Session, command: &str) -> Result<String> {
    session.run(&with_sudo(command))?.checked()
}

/// Small devices log in as root and have no sudo.
fn with_sudo(command: &str) -> String {
    format!("command -v sudo >/dev/null 2>&1 || sudo() {{ \"$@\"; }}; {command}")
}

/// Runs a command on a host with this program's terminal; gives its status, and no messages.
///
/// # Errors
/// As [`stream_on`], or one side has no terminal.
pub fn terminal_on(
    host: &str,
    ssh: &Ssh,
    component: &'static str,
    command: &str,
    sink: &mut dyn FnMut(&[u8]),
) -> Result<(u32, String)> {
    let status = session(host, ssh, component)?.terminal(&with_sudo(command), sink)?;
    Ok((status, String::new()))
}

/// Runs a command on a host and hands its output over as it comes; gives its status and messages.
///
/// # Errors
/// As [`run_on`], but a command that fails is none.
pub fn stream_on(
    host: &str,
    ssh: &Ssh,
    component: &'static str,
    command: &str,
    sink: &mut dyn FnMut(&[u8]),
) -> Result<(u32, String)> {
    let output = session(host, ssh, component)?.stream(&with_sudo(command), sink)?;
    Ok((output.status, output.stderr))
}
