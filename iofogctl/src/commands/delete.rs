//! `delete`: deletes resources by file or by name.

use crate::cli::{Args, Command, Invocation, Resource, flag, short_option};
use crate::ops::{
    Context, agent, application, catalog, control_plane, delete, device, edge_resource,
    microservice, namespace, registry, route, template,
};
use crate::output::success;
use crate::text::{Error, Result};

pub(super) const COMMAND: Command = Command {
    name: "delete",
    usage: "delete",
    short: "Delete an existing ioFog resource",
    long: "Deletes what the documents of a file name, or one resource by name.",
    example: "iofogctl delete -f FILE",
    flags: &[short_option("file", 'f', super::FILE_HELP)],
    run: Some(by_file),
    children: &[
        Command {
            name: "agent",
            usage: "agent NAME",
            short: "Delete an Agent",
            long: "Removes an Agent from its device, from the Controller and from the records.",
            example: "iofogctl delete agent NAME",
            completes: Resource::Agent,
            flags: &[
                flag("detached", super::DETACHED_HELP),
                flag("force", "Also while microservices are on the Agent"),
            ],
            run: Some(|call| {
                let (name, detached) = (call.arg(0), call.is_on("detached"));
                let mut context = Context::open(call)?;
                agent::delete(&mut context, name, detached, call.is_on("force"))?;
                success(&format!(
                    "Successfully deleted {}",
                    if detached { name.to_owned() } else { in_namespace(&context, name) }
                ));
                Ok(())
            }),
            ..ONE
        },
        Command {
            name: "all",
            usage: "all",
            short: "Delete all resources within a namespace",
            long: "Deletes everything in a namespace, the control plane included. To leave it running, use disconnect.",
            example: "iofogctl delete all -n NAMESPACE",
            args: Args::Any,
            flags: &[
                flag("detached", super::DETACHED_HELP),
                flag("force", "Also Agents with microservices"),
            ],
            run: Some(|call| {
                let mut context = Context::open(call)?;
                control_plane::delete_all(
                    &mut context,
                    call.is_on("detached"),
                    call.is_on("force"),
                )?;
                success(&format!(
                    "Successfully deleted all resources in namespace {}",
                    context.namespace
                ));
                Ok(())
            }),
            ..Command::EMPTY
        },
        Command {
            name: "application",
            usage: "application NAME",
            short: "Delete an application",
            example: "iofogctl delete application NAME",
            args: Args::AtLeast(1),
            run: Some(|call| named(call, application::delete)),
            ..ONE
        },
        Command {
            name: "application-template",
            usage: "application-template NAME",
            short: "Delete an application-template",
            example: "iofogctl delete application-template NAME",
            args: Args::AtLeast(1),
            run: Some(|call| named(call, template::delete)),
            ..ONE
        },
        Command {
            name: "catalogitem",
            usage: "catalogitem NAME",
            short: "Delete a Catalog item",
            example: "iofogctl delete catalogitem NAME",
            run: Some(|call| {
                catalog::delete(&mut Context::open(call)?, call.arg(0))?;
                success(&format!("Successfully deleted catalog item {}", call.arg(0)));
                Ok(())
            }),
            ..ONE
        },
        Command {
            name: "controller",
            usage: "controller NAME",
            short: "Delete a Controller",
            example: "iofogctl delete controller NAME",
            completes: Resource::Controller,
            run: Some(|call| named(call, control_plane::delete_controller)),
            ..ONE
        },
        Command {
            name: "edge-resource",
            usage: "edge-resource NAME VERSION",
            short: "Delete an Edge Resource",
            long: "Deletes one version of an edge resource; Agents that offer it learn of it.",
            example: "iofogctl delete edge-resource NAME VERSION",
            args: Args::Exactly(2),
            run: Some(|call| {
                edge_resource::delete(&mut Context::open(call)?, call.arg(0), call.arg(1))?;
                success(&format!("Successfully deleted {}/{}", call.arg(0), call.arg(1)));
                Ok(())
            }),
            ..ONE
        },
        Command {
            name: "microservice",
            usage: "microservice NAME",
            short: "Delete a Microservice",
            example: "iofogctl delete microservice APPLICATION/NAME",
            run: Some(|call| {
                microservice::delete(&mut Context::open(call)?, call.arg(0))?;
                success(&format!("Successfully deleted microservice {}", call.arg(0)));
                Ok(())
            }),
            ..ONE
        },
        Command {
            name: "namespace",
            usage: "namespace NAME",
            short: "Delete a Namespace",
            long: "Deletes an empty namespace; with --force everything in it first.",
            example: "iofogctl delete namespace NAME",
            args: Args::AtLeast(1),
            completes: Resource::Namespace,
            flags: &[flag("force", "Delete everything in the namespace too")],
            run: Some(|call| {
                namespace::delete(&mut Context::open(call)?, call.arg(0), call.is_on("force"))?;
                success(&format!("Successfully deleted Namespace {}", call.arg(0)));
                Ok(())
            }),
            ..ONE
        },
        Command {
            name: "registry",
            usage: "registry ID",
            short: "Delete a Registry",
            example: "iofogctl delete registry ID",
            run: Some(|call| {
                registry::delete(&mut Context::open(call)?, call.arg(0))?;
                success(&format!("Successfully deleted registry {}", call.arg(0)));
                Ok(())
            }),
            ..ONE
        },
        Command {
            name: "route",
            usage: "route NAME",
            short: "Delete a Route",
            long: "Deletes a route; the two microservices no longer exchange messages over it.",
            example: "iofogctl delete route APPLICATION/NAME",
            run: Some(|call| named(call, route::delete)),
            ..ONE
        },
        Command {
            name: "volume",
            usage: "volume NAME",
            short: "Delete an Volume",
            long: "Deletes the files of a volume on its Agents, then its record.",
            example: "iofogctl delete volume NAME",
            completes: Resource::Volume,
            run: Some(|call| named(call, device::delete_volume)),
            ..ONE
        },
    ],
    ..Command::EMPTY
};

const ONE: Command = Command { args: Args::Exactly(1), ..Command::EMPTY };

fn by_file(invocation: &Invocation) -> Result<()> {
    let file = invocation.text("file");
    if file.is_empty() {
        return Err(Error::plain("Provided empty value for input file via the -f flag"));
    }
    let mut context = Context::open(invocation)?;
    delete::delete_file(&mut context, file)?;
    success(&format!("Successfully deleted resources from namespace {}", context.namespace));
    Ok(())
}

/// Deletes by name and says so with the namespace.
fn named(invocation: &Invocation, action: fn(&mut Context, &str) -> Result<()>) -> Result<()> {
    let mut context = Context::open(invocation)?;
    let name = invocation.arg(0);
    action(&mut context, name)?;
    success(&format!("Successfully deleted {}", in_namespace(&context, name)));
    Ok(())
}

fn in_namespace(context: &Context, name: &str) -> String {
    format!("{}/{name}", context.namespace)
}
