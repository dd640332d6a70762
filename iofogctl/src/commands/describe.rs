//! `describe`: prints one resource as a document.

use crate::cli::{Args, Command, Flag, Invocation, Resource, flag, option, short_option};
use crate::ops::{
    Context, Target, agent, agent_config, application, control_plane, controller, edge_resource,
    microservice, namespace, registry, route, template, volume,
};
use crate::output::Format;
use crate::text::Result;

const OUTPUT: Flag = short_option("output-file", 'o', "Write the document to a file");
const FORMAT: Flag = option("format", "Form of the document: yaml or json");
const FLAGS: &[Flag] = &[OUTPUT, FORMAT];

pub(super) const COMMAND: Command = Command {
    name: "describe",
    short: "Get detailed information of an existing resources",
    long: "Prints one resource as a YAML document. Most resources are asked from the Controller.",
    flags: FLAGS,
    children: &[
        Command {
            name: "agent",
            usage: "agent NAME",
            short: "Get detailed information about an Agent",
            example: "iofogctl describe agent NAME",
            args: Args::Exactly(1),
            completes: Resource::Agent,
            flags: &[OUTPUT, FORMAT, flag("detached", super::DETACHED_HELP)],
            run: Some(|call| {
                agent::describe(
                    &mut Context::open(call)?,
                    call.arg(0),
                    call.is_on("detached"),
                    &target(call)?,
                )
            }),
            ..Command::EMPTY
        },
        Command {
            name: "agent-config",
            usage: "agent-config NAME",
            short: "Get detailed information about an Agent's configuration",
            example: "iofogctl describe agent-config NAME",
            completes: Resource::Agent,
            run: Some(|call| {
                agent_config::describe(&mut Context::open(call)?, call.arg(0), &target(call)?)
            }),
            ..ONE
        },
        Command {
            name: "application",
            usage: "application NAME",
            short: "Get detailed information about an Application",
            example: "iofogctl describe application NAME",
            run: Some(|call| {
                application::describe(&mut Context::open(call)?, call.arg(0), &target(call)?)
            }),
            ..ONE
        },
        Command {
            name: "application-template",
            usage: "application-template NAME",
            short: "Get detailed information about an Application Template",
            example: "iofogctl describe application-template NAME",
            run: Some(|call| {
                template::describe(&mut Context::open(call)?, call.arg(0), &target(call)?)
            }),
            ..ONE
        },
        Command {
            name: "controller",
            usage: "controller NAME",
            short: "Get detailed information about a Controller",
            example: "iofogctl describe controller NAME",
            completes: Resource::Controller,
            run: Some(|call| {
                controller::describe(&mut Context::open(call)?, call.arg(0), &target(call)?)
            }),
            ..ONE
        },
        Command {
            name: "controlplane",
            usage: "controlplane",
            short: "Get detailed information about a Control Plane",
            example: "iofogctl describe controlplane",
            args: Args::Exactly(0),
            run: Some(|call| control_plane::describe(&mut Context::open(call)?, &target(call)?)),
            ..ONE
        },
        Command {
            name: "edge-resource",
            usage: "edge-resource NAME VERSION",
            short: "Get detailed information about an Edge Resource",
            example: "iofogctl describe edge-resource NAME VERSION",
            args: Args::Exactly(2),
            run: Some(|call| {
                edge_resource::describe(
                    &mut Context::open(call)?,
                    call.arg(0),
                    call.arg(1),
                    &target(call)?,
                )
            }),
            ..ONE
        },
        Command {
            name: "microservice",
            usage: "microservice NAME",
            short: "Get detailed information about a Microservice",
            example: "iofogctl describe microservice APPLICATION/NAME",
            run: Some(|call| {
                microservice::describe(&mut Context::open(call)?, call.arg(0), &target(call)?)
            }),
            ..ONE
        },
        Command {
            name: "namespace",
            usage: "namespace NAME",
            short: "Get detailed information about a Namespace",
            example: "iofogctl describe namespace NAME",
            completes: Resource::Namespace,
            run: Some(|call| {
                namespace::describe(&mut Context::open(call)?, call.arg(0), &target(call)?)
            }),
            ..ONE
        },
        Command {
            name: "registry",
            usage: "registry ID",
            short: "Get detailed information about a Registry",
            example: "iofogctl describe registry ID",
            run: Some(|call| {
                registry::describe(&mut Context::open(call)?, call.arg(0), &target(call)?)
            }),
            ..ONE
        },
        Command {
            name: "route",
            usage: "route NAME",
            short: "Get detailed information about a Route",
            example: "iofogctl describe route APPLICATION/NAME",
            run: Some(|call| {
                route::describe(&mut Context::open(call)?, call.arg(0), &target(call)?)
            }),
            ..ONE
        },
        Command {
            name: "volume",
            usage: "volume NAME",
            short: "Get detailed information about a Volume",
            example: "iofogctl describe volume NAME",
            completes: Resource::Volume,
            run: Some(|call| {
                volume::describe(&mut Context::open(call)?, call.arg(0), &target(call)?)
            }),
            ..ONE
        },
    ],
    ..Command::EMPTY
};

const ONE: Command = Command { args: Args::Exactly(1), flags: FLAGS, ..Command::EMPTY };

fn target(invocation: &Invocation) -> Result<Target> {
    let format = Format::parse(invocation.text("format"))?;
    Ok(Target { file: invocation.text("output-file").to_owned(), format })
}
