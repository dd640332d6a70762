//! `attach`: gives Agents to a control plane, and edge resources to Agents.

use crate::cli::{Args, Command};
use crate::ops::{Context, agent, edge_resource};
use crate::output::success;

pub(super) const COMMAND: Command = Command {
    name: "attach",
    short: "Attach one ioFog resource to another",
    children: &[
        Command {
            name: "agent",
            usage: "agent NAME",
            short: "Attach an Agent to an existing Namespace",
            long: "Provisions a detached Agent with the Controller of the namespace.",
            example: "iofogctl attach agent NAME",
            args: Args::Exactly(1),
            run: Some(|call| {
                let mut context = Context::open(call)?;
                agent::attach(&mut context, call.arg(0))?;
                success(&format!(
                    "Successfully attached Agent {} to namespace {}",
                    call.arg(0),
                    context.namespace
                ));
                Ok(())
            }),
            ..Command::EMPTY
        },
        Command {
            name: "edge-resource",
            usage: "edge-resource NAME VERSION AGENT_NAME",
            short: "Attach an Edge Resource to an existing Agent",
            example: "iofogctl attach edge-resource NAME VERSION AGENT_NAME",
            args: Args::Exactly(3),
            run: Some(|call| {
                let (name, version, agent) = (call.arg(0), call.arg(1), call.arg(2));
                edge_resource::link(&mut Context::open(call)?, name, version, agent, true)?;
                success(&format!(
                    "Successfully attached EdgeResource {name}/{version} to Agent {agent}"
                ));
                Ok(())
            }),
            ..Command::EMPTY
        },
    ],
    ..Command::EMPTY
};
