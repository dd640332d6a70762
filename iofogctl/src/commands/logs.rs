//! `logs` and `exec`: what components and microservices say, and programs run beside them.

use crate::cli::{Args, Command, short_flag};
use crate::ops::{Context, logs};

pub(super) const COMMAND: Command = Command {
    name: "logs",
    usage: "logs RESOURCE NAME",
    short: "Get log contents of deployed resource",
    example: "iofogctl logs controller   NAME\n              agent        NAME\n              microservice NAME\niofogctl logs microservice NAME --follow",
    args: Args::Exactly(2),
    flags: &[short_flag("follow", 'f', "Go on printing what is added, until interrupted")],
    run: Some(|call| {
        logs::print(&mut Context::open(call)?, call.arg(0), call.arg(1), call.is_on("follow"))
    }),
    ..Command::EMPTY
};

pub(super) const EXEC: Command = Command {
    name: "exec",
    usage: "exec RESOURCE NAME -- COMMAND ARGS...",
    short: "Run a command on the machine of a component or inside a microservice",
    long: "Runs a command over SSH, or in a container here: for a controller or Agent on its machine as the login, for a microservice in its container. \
           Prints what the command prints and ends with its status. With --tty it has this terminal: keys, ctrl-c and the size pass through; \
           without, there is no terminal and no input.",
    flags: &[short_flag("tty", 't', "Give the command this terminal")],
    example: "iofogctl exec agent        NAME -- uptime\niofogctl exec microservice APPLICATION/NAME -- cat /etc/hosts\niofogctl exec microservice APPLICATION/NAME --tty -- sh",
    args: Args::AtLeast(3),
    run: Some(|call| {
        let words = call.args.get(2..).unwrap_or_default();
        logs::exec(&mut Context::open(call)?, call.arg(0), call.arg(1), words, call.is_on("tty"))
    }),
    ..Command::EMPTY
};
