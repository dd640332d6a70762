//! `start`, `stop`, `upgrade`, `rollback`: one-word commands to applications and Agents.

use crate::cli::{Args, Command, Invocation};
use crate::ops::{Context, agent, application};
use crate::output::success;
use crate::text::Result;

pub(super) const START: Command = Command {
    name: "start",
    short: "Starts a resource",
    children: &[Command {
        name: "application",
        usage: "application NAME",
        short: "Starts an application",
        example: "iofogctl start application NAME",
        args: Args::Exactly(1),
        run: Some(|call| {
            application::activate(&mut Context::open(call)?, call.arg(0), true)?;
            success(&format!("Successfully started Application {}", call.arg(0)));
            Ok(())
        }),
        ..Command::EMPTY
    }],
    ..Command::EMPTY
};

pub(super) const STOP: Command = Command {
    name: "stop",
    short: "Stops a resource",
    children: &[Command {
        name: "application",
        usage: "application NAME",
        short: "Stop an application",
        example: "iofogctl stop application NAME",
        args: Args::Exactly(1),
        run: Some(|call| {
            application::activate(&mut Context::open(call)?, call.arg(0), false)?;
            success(&format!("Successfully stopped Application {}", call.arg(0)));
            Ok(())
        }),
        ..Command::EMPTY
    }],
    ..Command::EMPTY
};

pub(super) const UPGRADE: Command = Command {
    name: "upgrade",
    usage: "upgrade RESOURCE NAME",
    short: "Upgrade ioFog resources",
    long: "Asks an Agent to upgrade itself, or puts this version's program in the place of a Controller's over SSH; one that does not come up gives its place back.",
    example: "iofogctl upgrade agent      NAME\n                 controller NAME",
    args: Args::Exactly(2),
    run: Some(|call| schedule(call, "upgrade")),
    ..Command::EMPTY
};

pub(super) const ROLLBACK: Command = Command {
    name: "rollback",
    usage: "rollback RESOURCE NAME",
    short: "Rollback ioFog resources",
    long: "Asks an Agent to return to the version before the last upgrade, or starts the program a Controller had before over SSH.",
    example: "iofogctl rollback agent      NAME\n                  controller NAME",
    args: Args::Exactly(2),
    run: Some(|call| schedule(call, "rollback")),
    ..Command::EMPTY
};

fn schedule(call: &Invocation, command: &str) -> Result<()> {
    agent::change_version(&mut Context::open(call)?, call.arg(0), call.arg(1), command)?;
    if call.arg(0) == "controller" {
        let done = if command == "upgrade" { "upgraded" } else { "rolled back" };
        success(&format!("Successfully {done} Controller {}", call.arg(1)));
        return Ok(());
    }
    success(&format!("Succesfully scheduled {command} for Agent {}", call.arg(1)));
    Ok(())
}
