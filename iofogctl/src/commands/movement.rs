//! `move`: moves Agents between namespaces and microservices between Agents.

use crate::cli::{Args, Command, Resource, flag};
use crate::ops::{Context, agent, microservice};
use crate::output::success;

pub(super) const COMMAND: Command = Command {
    name: "move",
    short: "Move an existing resources inside the current Namespace",
    children: &[
        Command {
            name: "agent",
            usage: "agent NAME DEST_NAMESPACE",
            short: "Move an Agent to another Namespace",
            long: "Detaches an Agent and attaches it to the Controller of another namespace.",
            example: "iofogctl move agent NAME DEST_NAMESPACE",
            args: Args::Exactly(2),
            completes: Resource::Agent,
            flags: &[flag("force", "Also while microservices are on the Agent")],
            run: Some(|call| {
                let (name, destination) = (call.arg(0), call.arg(1));
                let mut context = Context::open(call)?;
                context.store.namespace(destination)?;
                agent::detach(&mut context, name, call.is_on("force"))?;
                context.enter(destination);
                agent::attach(&mut context, name)?;
                // Scripts compare this line; its odd end is part of it.
                success(&format!(
                    "Successfully renamed Agent {name} to Namespace%!(EXTRA string={destination})"
                ));
                Ok(())
            }),
            ..Command::EMPTY
        },
        Command {
            name: "microservice",
            usage: "microservice NAME AGENT_NAME",
            short: "Move a Microservice to another Agent in the same Namespace",
            example: "iofogctl move microservice APPLICATION/NAME AGENT_NAME",
            args: Args::Exactly(2),
            run: Some(|call| {
                let (name, agent) = (call.arg(0), call.arg(1));
                microservice::relocate(&mut Context::open(call)?, name, agent)?;
                success(&format!("Successfully moved Microservice {name} to Agent {agent}"));
                Ok(())
            }),
            ..Command::EMPTY
        },
    ],
    ..Command::EMPTY
};
