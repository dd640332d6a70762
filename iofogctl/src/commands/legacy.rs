//! `legacy`: runs a command of the component's own command line.

use crate::cli::{Args, Command, flag};
use crate::ops::{Context, legacy};

pub(super) const COMMAND: Command = Command {
    name: "legacy",
    usage: "legacy resource NAME COMMAND ARGS...",
    short: "Execute commands using legacy CLI",
    example: "iofogctl legacy controller NAME COMMAND\niofogctl legacy agent      NAME COMMAND",
    args: Args::AtLeast(3),
    flags: &[flag("detached", super::DETACHED_HELP)],
    run: Some(|call| {
        let words = call.args.get(2..).unwrap_or_default();
        legacy::run(
            &mut Context::open(call)?,
            call.arg(0),
            call.arg(1),
            words,
            call.is_on("detached"),
        )
    }),
    ..Command::EMPTY
};
