//! `up` and `down`: the whole network on this machine.

use serde::Serialize;

use crate::cli::{Args, Command, Flag, Invocation, flag, short_option};
use crate::ops::{Context, ecn};
use crate::output::{Format, line, print_document, success};
use crate::text::Result;

const OUTPUT: Flag = short_option("output", 'o', "Form of what is told at the end: json or yaml");

pub(super) const COMMAND: Command = Command {
    name: "up",
    usage: "up",
    short: "Bring up an Edge Compute Network on this machine",
    long: "Brings up a Controller and an Agent with its router in containers of this machine and records them in the namespace. \
           The images are made of the programs of this machine; nothing is pulled. What runs already stays as it is.",
    example: "iofogctl up\niofogctl up -o json",
    args: Args::Exactly(0),
    flags: &[OUTPUT],
    run: Some(up),
    ..Command::EMPTY
};

pub(super) const DOWN: Command = Command {
    name: "down",
    usage: "down",
    short: "Stop the Edge Compute Network of this machine",
    long: "Stops the Controller, the Agent and its microservices in containers of this machine. Data and records stay, so that \
           `up` goes on from there; with --purge they are removed.",
    example: "iofogctl down\niofogctl down --purge",
    args: Args::Exactly(0),
    flags: &[flag("purge", "Remove containers, data, images and records too"), OUTPUT],
    run: Some(down),
    ..Command::EMPTY
};

fn up(call: &Invocation) -> Result<()> {
    let format = Format::parse(call.text("output"))?;
    let up = ecn::up(&mut Context::open(call)?)?;
    tell(&up, format, || {
        success(&format!("The Edge Compute Network of namespace {} is up", up.namespace));
        line(&format!("Controller  {}  {}", up.controller.status, up.controller.endpoint));
        line(&format!(
            "Agent       {}  {} (router: {})",
            up.agent.status, up.agent.name, up.agent.router_mode
        ));
    })
}

fn down(call: &Invocation) -> Result<()> {
    let format = Format::parse(call.text("output"))?;
    let down = ecn::down(&mut Context::open(call)?, call.is_on("purge"))?;
    tell(&down, format, || {
        let word = if down.purged { "gone" } else { "down" };
        success(&format!("The Edge Compute Network of namespace {} is {word}", down.namespace))
    })
}

fn tell<T: Serialize>(what: &T, format: Format, usual: impl FnOnce()) -> Result<()> {
    match format {
        Format::Json | Format::Yaml => print_document(what, "", format),
        Format::Usual | Format::Wide => {
            usual();
            Ok(())
        }
    }
}
