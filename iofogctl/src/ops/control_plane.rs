//! Control planes: describing and deleting.

use super::{Context, Target, agent, device, local, remote_control_plane};
use crate::config::ControlPlane;
use crate::output::progress;
use crate::text::{Error, Result};

/// Prints the control plane of the namespace.
///
/// # Errors
/// There is none.
pub fn describe(context: &mut Context, target: &Target) -> Result<()> {
    const NAME: &str = "controlPlane";
    match context.record()?.control_plane()? {
        ControlPlane::Kubernetes(plane) => {
            let plane = plane.clone();
            context.print("KubernetesControlPlane", NAME, None, plane, target)
        }
        ControlPlane::Remote(plane) => {
            let plane = plane.clone();
            context.print("ControlPlane", NAME, None, plane, target)
        }
        ControlPlane::Local(plane) => {
            let plane = plane.clone();
            context.print("LocalControlPlane", NAME, None, plane, target)
        }
    }
}

/// Deletes everything in the namespace; what was done stays recorded also on a failure.
///
/// # Errors
/// The first failing step.
pub fn delete_all(context: &mut Context, detached: bool, force: bool) -> Result<()> {
    let result = delete_steps(context, detached, force);
    context.store.flush()?;
    result
}

fn delete_steps(context: &mut Context, detached: bool, force: bool) -> Result<()> {
    let volumes: Vec<String> =
        context.record()?.volumes.iter().map(|volume| volume.name.clone()).collect();
    for volume in volumes {
        progress("Deleting Volumes");
        device::delete_volume(context, &volume)?;
    }
    if !detached {
        progress("Deleting Flows");
        let client = context.client()?;
        for flow in client.flows()? {
            client.delete_flow(flow.id)?;
        }
    }
    let agents: Vec<String> =
        context.record()?.agents().iter().map(|agent| agent.name().to_owned()).collect();
    for name in agents {
        progress("Deleting Agents");
        agent::delete(context, &name, detached, force)?;
    }
    if detached { Ok(()) } else { delete(context) }
}

/// Deletes the control plane.
///
/// # Errors
/// There is none, it is in Kubernetes, or a step fails.
pub fn delete(context: &mut Context) -> Result<()> {
    progress("Deleting Control Plane");
    let names: Vec<String> = match context.record()?.control_plane()? {
        ControlPlane::Kubernetes(_) => {
            return Err(needs_operator("delete a Kubernetes Control Plane"));
        }
        ControlPlane::Remote(plane) => {
            plane.controllers.iter().map(|controller| controller.name.clone()).collect()
        }
        ControlPlane::Local(_) => {
            local::remove_controller()?;
            Vec::new()
        }
    };
    for name in names {
        delete_controller(context, &name)?;
    }
    context.record()?.clear_control_plane();
    context.store.flush()
}

/// Deletes one controller.
///
/// # Errors
/// There is none of that name, the control plane is in Kubernetes, or a step fails.
pub fn delete_controller(context: &mut Context, name: &str) -> Result<()> {
    progress("Deleting Controller");
    match context.record()?.control_plane()? {
        ControlPlane::Kubernetes(_) => {
            return Err(Error::input(
                "Cannot delete Kubernetes Controller, delete the Control Plane instead.",
            ));
        }
        ControlPlane::Local(_) => local::remove_controller()?,
        ControlPlane::Remote(plane) => {
            let found =
                plane.controllers.iter().find(|controller| controller.name == name).cloned();
            let found =
                found.ok_or_else(|| Error::Plain(format!("Could not find Controller {name}")))?;
            remote_control_plane::remove(&found)?;
        }
    }
    let record = context.record()?;
    if let Some(plane) = &mut record.remote_control_plane {
        plane.controllers.retain(|controller| controller.name != name);
    }
    if let Some(plane) = &mut record.local_control_plane {
        plane.controller = None;
    }
    context.store.flush()
}

/// What everything that needs the Kubernetes operator answers.
pub fn needs_operator(action: &str) -> Error {
    Error::Input(format!(
        "This version cannot {action}: that needs the ioFog Operator. Deploy the Control Plane with the Operator's own \
         manifests and use `iofogctl connect --ecn-addr` with the address of its Controller"
    ))
}
