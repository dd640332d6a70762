//! `get`: lists resources.

use crate::cli::{Args, Command, Invocation, flag, short_option};
use crate::ops::{Context, listings};
use crate::output::{self, Format};
use crate::text::{Error, Result};

pub(super) const COMMAND: Command = Command {
    name: "get",
    usage: "get RESOURCE",
    short: "Get information of existing resources",
    long: "Lists resources of a namespace. Most lists ask the Controller; without one they are empty.",
    example: "iofogctl get all\n             namespaces\n             controllers\n             agents\n             edge-resources\n             application-templates\n             applications\n             microservices\n             catalog\n             registries\n             volumes\n             routes",
    args: Args::OneOf(listings::RESOURCES),
    flags: &[
        flag("detached", super::DETACHED_HELP),
        short_option("output", 'o', "Form of the list: json, yaml or wide"),
    ],
    run: Some(run),
    ..Command::EMPTY
};

fn run(invocation: &Invocation) -> Result<()> {
    let resource = invocation.arg(0);
    let detached = invocation.is_on("detached");
    if detached && resource != "agents" {
        return Err(Error::plain("can only use --detached flag with Agents"));
    }
    let format = Format::parse(invocation.text("output"))?;
    let mut context = Context::open(invocation)?;
    if detached && context.namespace != context.store.default_namespace() {
        output::notice("You are requesting detached resources, Namespace will be ignored.");
    }
    listings::print(&mut context, resource, detached, format)
}
