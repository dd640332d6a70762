//! `logs`: prints the logs of a controller, Agent or microservice.

use crate::cli::{Args, Command};
use crate::ops::{Context, logs};

pub(super) const COMMAND: Command = Command {
    name: "logs",
    usage: "logs RESOURCE NAME",
    short: "Get log contents of deployed resource",
    example: "iofogctl logs controller   NAME\n              agent        NAME\n              microservice NAME",
    args: Args::Exactly(2),
    run: Some(|call| logs::print(&mut Context::open(call)?, call.arg(0), call.arg(1))),
    ..Command::EMPTY
};
