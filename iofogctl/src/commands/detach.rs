//! `detach`: takes Agents from their control plane, and edge resources from Agents.

use crate::cli::{Args, Command, Resource, flag};
use crate::ops::{Context, agent, edge_resource};
use crate::output::success;

pub(super) const COMMAND: Command = Command {
    name: "detach",
    short: "Detach one ioFog resource from another",
    children: &[
        Command {
            name: "agent",
            usage: "agent NAME",
            short: "Detaches an Agent",
            long: "Takes an Agent from its Controller. Its program stays installed and can be attached again.",
            example: "iofogctl detach agent NAME",
            args: Args::Exactly(1),
            completes: Resource::Agent,
            flags: &[flag("force", "Also while microservices are on the Agent")],
            run: Some(|call| {
                agent::detach(&mut Context::open(call)?, call.arg(0), call.is_on("force"))?;
                success(&format!("Successfully detached {}", call.arg(0)));
                Ok(())
            }),
            ..Command::EMPTY
        },
        Command {
            name: "edge-resource",
            usage: "edge-resource NAME VERSION AGENT_NAME",
            short: "Detaches an Edge Resource from an Agent",
            example: "iofogctl detach edge-resource NAME VERSION AGENT_NAME",
            args: Args::Exactly(3),
            run: Some(|call| {
                let (name, version, agent) = (call.arg(0), call.arg(1), call.arg(2));
                edge_resource::link(&mut Context::open(call)?, name, version, agent, false)?;
                success(&format!("Successfully detached {name}/{version}"));
                Ok(())
            }),
            ..Command::EMPTY
        },
    ],
    ..Command::EMPTY
};
