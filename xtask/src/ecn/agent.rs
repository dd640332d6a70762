//! Agents: their local settings, their process, their provisioning.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::Layout;
use super::controller;
use super::rest::Rest;
use super::state::{EcnState, SYSTEM_AGENT};
use crate::tools::cargo::Programs;
use crate::tools::docker::Docker;
use crate::tools::process::{Daemon, ProcessId};
use crate::tools::{files, interrupt};

/// Port for edge Routers, sent explicitly: upstream's defaults disagree with each other.
pub const EDGE_ROUTER_PORT: u16 = 56721;
/// Port for interior Routers.
pub const INTER_ROUTER_PORT: u16 = 56722;

/// Makes sure that the Controller knows the Agent. Returns its uuid.
///
/// # Errors
/// When the Controller refuses.
pub fn register(rest: &Rest, state: &EcnState, name: &str) -> Result<String> {
    let system = name == SYSTEM_AGENT;
    if let Some(fog) = rest.find_agent(name, system)? {
        return Ok(fog.uuid);
    }
    let host = state.agent_address(name).context("an Agent without address")?;
    rest.create_agent(&description(name, &host.to_string(), system))
        .with_context(|| format!("cannot create Agent {name}"))
}

fn description(name: &str, host: &str, system: bool) -> Value {
    let fog_type = if cfg!(target_arch = "x86_64") { 1 } else { 2 };
    let mut body = json!({
        "name": name,
        "fogType": fog_type,
        "host": host,
        "routerMode": "edge",
        "messagingPort": 5672,
    });
    if system {
        body["isSystem"] = json!(true);
        body["routerMode"] = json!("interior");
        body["edgeRouterPort"] = json!(EDGE_ROUTER_PORT);
        body["interRouterPort"] = json!(INTER_ROUTER_PORT);
    }
    body
}

/// Writes the Agent's settings before its first start; later starts keep what is there.
///
/// # Errors
/// When the folder cannot be written.
pub fn write_config(layout: &Layout, state: &EcnState, docker: &Docker, name: &str) -> Result<()> {
    let folder = layout.agent(name);
    let path = folder.join("config.xml");
    if path.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let address = state.agent_address(name).context("an Agent without address")?;
    let network =
        state.gateways.iter().find(|g| g.agent == name).map_or("", |g| g.network.as_str());
    let text = format!(
        "<config>\n\
         \x20 <controller_url>{url}</controller_url>\n\
         \x20 <docker_url>{docker}</docker_url>\n\
         \x20 <bind_address>{address}</bind_address>\n\
         \x20 <container_network>{network}</container_network>\n\
         </config>\n",
        url = controller::client(state).base_url(),
        docker = docker.url(),
    );
    files::write_private(&path, text.as_bytes())
}

/// Starts the Agent's daemon and waits until its command line answers.
///
/// # Errors
/// When it ends or does not answer within a minute.
pub fn start(layout: &Layout, programs: &Programs, name: &str) -> Result<ProcessId> {
    let daemon = Daemon {
        program: &programs.agent,
        arguments: vec![
            "--state-dir".into(),
            layout.agent(name).display().to_string(),
            "daemon".into(),
        ],
        environment: Vec::new(),
        log: layout.log(name),
    };
    let id = daemon.start()?;
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline && id.is_running() {
        if answers(layout, programs, name) {
            return Ok(id);
        }
        interrupt::sleep(Duration::from_millis(20))?;
    }
    bail!("Agent {name} does not start; end of its log:\n{}", files::tail(&layout.log(name), 15))
}

fn answers(layout: &Layout, programs: &Programs, name: &str) -> bool {
    command(layout, programs, name, &["status"])
        .is_ok_and(|text| text.lines().next().is_some_and(|line| line.contains("RUNNING")))
}

/// Makes sure that the Agent acts for the given uuid. Returns true when it had to be provisioned.
///
/// # Errors
/// When the Controller gives no key or the Agent refuses it.
pub fn provision(
    layout: &Layout,
    programs: &Programs,
    rest: &Rest,
    name: &str,
    uuid: &str,
) -> Result<bool> {
    if command(layout, programs, name, &["info"])?.contains(uuid) {
        return Ok(false);
    }
    let key = rest.provisioning_key(uuid)?;
    let answer = command(layout, programs, name, &["provision", &key])?;
    ensure!(answer.contains(uuid), "Agent {name} is not provisioned: {}", answer.trim());
    Ok(true)
}

/// Runs a command of the Agent's command line and returns what it prints.
///
/// # Errors
/// When the command fails; its output is in the message.
pub fn command(layout: &Layout, programs: &Programs, name: &str, words: &[&str]) -> Result<String> {
    let output = Command::new(&programs.agent)
        .arg("--state-dir")
        .arg(layout.agent(name))
        .args(words)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", programs.agent.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "iofog-agent {} for {name}: {} {}",
        // A provisioning key is a secret for as long as it is valid.
        words.first().unwrap_or(&""),
        text.trim(),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(text)
}
