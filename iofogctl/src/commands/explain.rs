//! `explain`: why a microservice does what it does.

use crate::cli::{Args, Command, short_option};
use crate::ops::{Context, explain};
use crate::output::Format;

pub(super) const COMMAND: Command = Command {
    name: "explain",
    usage: "explain MICROSERVICE",
    short: "Tell why a microservice is in its state, and what to do next",
    long: "Looks at everything a microservice needs, in order: Controller, application, Agent, image, memory, state and last error, routers, routes, public ports. \
           Each problem comes with the next step to take.",
    example: "iofogctl explain APPLICATION/NAME\niofogctl explain APPLICATION/NAME -o json",
    args: Args::Exactly(1),
    flags: &[short_option("output", 'o', "Form of the findings: json or yaml")],
    run: Some(|call| {
        let format = Format::parse(call.text("output"))?;
        explain::print(&mut Context::open(call)?, call.arg(0), format)
    }),
    ..Command::EMPTY
};
