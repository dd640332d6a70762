//! `prune`: removes unused images from Agents.

use crate::cli::{Args, Command, Resource, flag};
use crate::ops::{Context, agent};
use crate::output::success;

pub(super) const COMMAND: Command = Command {
    name: "prune",
    short: "prune ioFog resources",
    children: &[Command {
        name: "agent",
        usage: "agent NAME",
        short: "Remove all dangling images from Agent",
        example: "iofogctl prune agent NAME",
        args: Args::Exactly(1),
        completes: Resource::Agent,
        flags: &[flag("detached", super::DETACHED_HELP)],
        run: Some(|call| {
            agent::prune(&mut Context::open(call)?, call.arg(0), call.is_on("detached"))?;
            success(&format!("Successfully pruned {}", call.arg(0)));
            Ok(())
        }),
        ..Command::EMPTY
    }],
    ..Command::EMPTY
};
