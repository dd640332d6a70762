//! The Controller's process, and its user.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::Layout;
use super::rest::{Rest, User};
use super::state::{EcnState, Processes};
use crate::tools::cargo::Programs;
use crate::tools::process::{Daemon, ProcessId};
use crate::tools::{files, interrupt};

/// TCP port of the REST API.
pub const PORT: u16 = 51121;

/// The Controller of an ECN as a REST client, not logged in.
pub fn client(state: &EcnState) -> Rest {
    Rest::at(format!("{}:{PORT}", state.loopback))
}

/// Starts the Controller and waits until it answers.
///
/// # Errors
/// When it ends or does not answer within a minute; the end of its log is in the message.
pub fn start(layout: &Layout, state: &EcnState, programs: &Programs) -> Result<ProcessId> {
    let id = launch(layout, state, programs, &[])?;
    wait_ready(layout, &client(state), &id)?;
    Ok(id)
}

/// Starts the Controller with a certificate of its own and gives a client that believes this one only.
///
/// # Errors
/// As [`start`].
pub fn start_over_tls(
    layout: &Layout,
    state: &EcnState,
    programs: &Programs,
) -> Result<(ProcessId, Rest)> {
    let names = state.loopback.to_string();
    let secure = [("Server_DevMode", "false"), ("Server_SslNames", names.as_str())];
    let id = launch(layout, state, programs, &secure)?;
    let rest = client(state).over_tls(layout.controller().join("controller-cert.pem"));
    wait_ready(layout, &rest, &id)?;
    Ok((id, rest))
}

fn launch(
    layout: &Layout,
    state: &EcnState,
    programs: &Programs,
    settings: &[(&str, &str)],
) -> Result<ProcessId> {
    let data = layout.controller();
    std::fs::create_dir_all(&data)?;
    let daemon = Daemon {
        program: &programs.controller,
        arguments: vec!["start".into(), "--data-dir".into(), data.display().to_string()],
        environment: [
            ("Server_Host", &*state.loopback.to_string()),
            ("Server_Port", &PORT.to_string()),
        ]
        .iter()
        .chain(settings)
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect(),
        log: layout.log(Processes::CONTROLLER),
    };
    daemon.start()
}

/// Waits until the Controller answers.
///
/// # Errors
/// As [`start`].
pub fn wait_ready(layout: &Layout, rest: &Rest, id: &ProcessId) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline && id.is_running() {
        if rest.version().is_some() {
            return Ok(());
        }
        interrupt::sleep(Duration::from_millis(20))?;
    }
    let log = files::tail(&layout.log(Processes::CONTROLLER), 15);
    bail!("the Controller does not start; end of its log:\n{log}")
}

/// The user of this ECN: made once, kept in a file of its owner's only.
///
/// # Errors
/// When the file cannot be read or written.
pub fn user(layout: &Layout) -> Result<User> {
    if let Some(user) = files::read_json(&layout.user())? {
        return Ok(user);
    }
    let user = User { email: "operator@ecn.local".into(), password: random_text(24)? };
    files::write_json(&layout.user(), &user)?;
    Ok(user)
}

/// Random lower-case letters and digits.
///
/// # Errors
/// When the system has no randomness.
pub fn random_text(length: usize) -> Result<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = vec![0_u8; length];
    getrandom::fill(&mut bytes).map_err(|e| anyhow::anyhow!("no randomness: {e}"))?;
    Ok(bytes.iter().map(|b| char::from(ALPHABET[usize::from(b % 32)])).collect())
}
