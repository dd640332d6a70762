//! `top`: what is used right now.

use std::time::Duration;

use crate::cli::{Args, Command, Flag, Invocation, Value, flag, short_option};
use crate::ops::{Context, top};
use crate::output::Format;
use crate::text::{Error, Result};

/// Agents report no more often than once a second.
const USUAL_PAUSE: u64 = 2;

pub(super) const COMMAND: Command = Command {
    name: "top",
    usage: "top",
    short: "Show what Agents and microservices use",
    long: "Shows processor, memory and disk of Agents and microservices, the busiest first, anew every two seconds on a terminal.",
    example: "iofogctl top\niofogctl top --once -o json",
    args: Args::Exactly(0),
    flags: &[
        Flag {
            long: "every",
            short: None,
            value: Value::Int,
            help: "Seconds between two looks (default 2)",
        },
        flag("once", "Look once"),
        short_option("output", 'o', "Form of one look: json or yaml"),
    ],
    run: Some(run),
    ..Command::EMPTY
};

fn run(invocation: &Invocation) -> Result<()> {
    let seconds = match invocation.text("every") {
        "" => USUAL_PAUSE,
        given => given
            .parse()
            .ok()
            .filter(|seconds| (1..=3600).contains(seconds))
            .ok_or_else(|| Error::Input(format!("--every must be 1 to 3600, not {given}")))?,
    };
    let pause = (!invocation.is_on("once")).then(|| Duration::from_secs(seconds));
    let format = Format::parse(invocation.text("output"))?;
    top::watch(&mut Context::open(invocation)?, pause, format)
}
