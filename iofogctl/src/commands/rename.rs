//! `rename`: renames resources.

use crate::cli::{Args, Command, Invocation, Resource, flag};
use crate::ops::{
    Context, agent, application, controller, edge_resource, microservice, namespace, route,
};
use crate::output::success;
use crate::text::Result;

const RENAME: Command = Command { args: Args::Exactly(2), ..Command::EMPTY };

pub(super) const COMMAND: Command = Command {
    name: "rename",
    short: "Rename the iofog resources that are currently deployed",
    children: &[
        Command {
            name: "agent",
            usage: "agent NAME NEW_NAME",
            short: "Rename an Agent",
            example: "iofogctl rename agent NAME NEW_NAME",
            completes: Resource::Agent,
            flags: &[flag("detached", super::DETACHED_HELP)],
            run: Some(|call| {
                agent::rename(
                    &mut Context::open(call)?,
                    call.arg(0),
                    call.arg(1),
                    call.is_on("detached"),
                )?;
                say("Agent", call);
                Ok(())
            }),
            ..RENAME
        },
        Command {
            name: "application",
            usage: "application NAME NEW_NAME",
            short: "Rename an Application",
            example: "iofogctl rename application NAME NEW_NAME",
            run: Some(|call| rename("Application", call, application::rename)),
            ..RENAME
        },
        Command {
            name: "controller",
            usage: "controller NAME NEW_NAME",
            short: "Rename a Controller",
            example: "iofogctl rename controller NAME NEW_NAME",
            completes: Resource::Controller,
            run: Some(|call| rename("Controller", call, controller::rename)),
            ..RENAME
        },
        Command {
            name: "edge-resource",
            usage: "edge-resource NAME NEW_NAME",
            short: "Rename an Edge Resource",
            long: "Renames all versions of an edge resource.",
            example: "iofogctl rename edge-resource NAME NEW_NAME",
            run: Some(|call| rename("EdgeResource", call, edge_resource::rename)),
            ..RENAME
        },
        Command {
            name: "microservice",
            usage: "microservice NAME NEW_NAME",
            short: "Rename a Microservice",
            example: "iofogctl rename microservice APPLICATION/NAME NEW_NAME",
            run: Some(|call| rename("Microservice", call, microservice::rename)),
            ..RENAME
        },
        Command {
            name: "namespace",
            usage: "namespace NAME NEW_NAME",
            short: "Rename a Namespace",
            example: "iofogctl rename namespace NAME NEW_NAME",
            completes: Resource::Namespace,
            run: Some(|call| rename("Namespace", call, namespace::rename)),
            ..RENAME
        },
        Command {
            name: "route",
            usage: "route NAME NEW_NAME",
            short: "Rename a Route",
            example: "iofogctl rename route APPLICATION/NAME NEW_NAME",
            run: Some(|call| rename("Route", call, route::rename)),
            ..RENAME
        },
    ],
    ..Command::EMPTY
};

fn rename(
    kind: &str,
    call: &Invocation,
    action: fn(&mut Context, &str, &str) -> Result<()>,
) -> Result<()> {
    action(&mut Context::open(call)?, call.arg(0), call.arg(1))?;
    say(kind, call);
    Ok(())
}

fn say(kind: &str, call: &Invocation) {
    success(&format!("Successfully renamed {kind} {} to {}", call.arg(0), call.arg(1)));
}
