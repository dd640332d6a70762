//! `messages`: what travels on a route.

use crate::cli::{Args, Command, Flag, Invocation, Value, flag, option, short_option};
use crate::ops::Context;
use crate::ops::messages::{self, Filter, Options};
use crate::text::{Error, Result};

pub(super) const COMMAND: Command = Command {
    name: "messages",
    usage: "messages ROUTE",
    short: "Watch the ioMessages on a route",
    long: "Prints the messages of a route as they are published, from the archive of the publishing Agent, which it reads over SSH. \
           The consumer gets all of them as before.",
    example: "iofogctl messages APPLICATION/ROUTE\niofogctl messages APPLICATION/ROUTE --filter infotype=temperature\niofogctl messages APPLICATION/ROUTE --since 60 --once -o json",
    args: Args::Exactly(1),
    flags: &[
        option("filter", "FIELD=TEXT, or a text that the content must hold"),
        Flag {
            long: "since",
            short: None,
            value: Value::Int,
            help: "Begin with the messages of the last seconds (default 0)",
        },
        flag("once", "Look once"),
        short_option("output", 'o', "json for whole messages, one a line"),
    ],
    run: Some(run),
    ..Command::EMPTY
};

fn run(invocation: &Invocation) -> Result<()> {
    let since = match invocation.text("since") {
        "" => 0,
        given => given
            .parse()
            .map_err(|_| Error::Input(format!("--since must not be negative, but is {given}")))?,
    };
    let json = match invocation.text("output") {
        "" => false,
        "json" => true,
        other => return Err(Error::Input(format!("Output format {other} is not known. Use json"))),
    };
    let options = Options {
        since,
        once: invocation.is_on("once"),
        json,
        filter: Filter::parse(invocation.text("filter"))?,
    };
    messages::watch(&mut Context::open(invocation)?, invocation.arg(0), &options)
}
