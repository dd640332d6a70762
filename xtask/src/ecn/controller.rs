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
    let data = layout.controller();
    std::fs::create_dir_all(&data)?;
    let daemon = Daemon {
        program: &programs.controller,
        arguments: vec!["start".into(), "--data-dir".into(), data.display().to_string()],
        environment: vec![
            ("Server_Host".into(), state.loopback.to_string()),
            ("Server_Port".into(), PORT.to_string()),
        ],
        log: layout.log(Processes::CONTROLLER),
    };
    let id = daemon.start()?;
    wait_ready(layout, state, &id)?;
    Ok(id)
}

/// Waits until the Controller answers.
///
/// # Errors
/// As [`start`].
pub fn wait_ready(layout: &Layout, state: &EcnState, id: &ProcessId) -> Result<()> {
    let rest = client(state);
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
