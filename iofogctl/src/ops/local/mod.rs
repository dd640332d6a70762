//! Components in containers of this machine (iofogctl contract, section 6.1; decision 0096).

mod agent;
mod controller;
mod part;

pub use agent::{
    check as check_agent, deploy as deploy_agent, deprovision as deprovision_agent,
    provision as provision_agent, prune as prune_agent, remove as remove_agent, stop,
};
pub use controller::{
    check as check_control_plane, complete as complete_controller, deploy as deploy_control_plane,
    deploy_one as deploy_controller, fill_in as complete_control_plane,
    remove as remove_controller, require_no_other as require_no_other_control_plane,
};

use crate::docker::Engine;
use crate::output::{pass_err, pass_out};
use crate::text::{Error, Result};

/// Name of the Controller's container.
pub(super) const CONTROLLER: &str = part::CONTROLLER.name;
/// Name of the Agent's container.
pub(super) const AGENT: &str = part::AGENT.name;

/// Whether there is an engine.
///
/// # Errors
/// None answers.
pub fn require_engine() -> Result<()> {
    Engine::open().map(|_| ())
}

/// Prints what a container has said, and on request what it goes on to say.
///
/// # Errors
/// There is no such container, or no engine.
pub fn logs(container: &str, follow: bool) -> Result<()> {
    Engine::open()?.logs(container, follow, &mut pass)
}

/// Runs words in a container, with this program's terminal on request, passes on what they print, and ends with their status.
///
/// # Errors
/// The container does not run; [`Error::Status`] when the words fail.
pub fn exec(container: &str, words: &[String], tty: bool) -> Result<()> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let engine = Engine::open()?;
    let status = match tty {
        true => engine.terminal(container, &words, &mut pass)?,
        false => engine.stream(container, &words, &mut pass)?,
    };
    match status {
        0 => Ok(()),
        status => Err(Error::Status(u8::try_from(status).unwrap_or(u8::MAX))),
    }
}

fn pass(error: bool, piece: &[u8]) {
    if error { pass_err(piece) } else { pass_out(piece) }
}
