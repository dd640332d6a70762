//! Controllers of a control plane.

use super::{Context, Target};
use crate::config::ControlPlane;
use crate::output::{Column, Listing};
use crate::rest::{Client, Status};
use crate::text::time::{Moment, age, duration};
use crate::text::{Error, Result, names};

const COLUMNS: &[Column] = &[
    Column { heading: "CONTROLLER", field: "name", wide: false },
    Column { heading: "STATUS", field: "status", wide: false },
    Column { heading: "AGE", field: "age", wide: false },
    Column { heading: "UPTIME", field: "uptime", wide: false },
    Column { heading: "VERSION", field: "version", wide: false },
    Column { heading: "ADDR", field: "address", wide: false },
    Column { heading: "PORT", field: "port", wide: false },
];

/// All controllers with the status of the API.
///
/// # Errors
/// No namespace, or the login failed.
pub fn list(context: &mut Context) -> Result<Listing> {
    let mut rows = Vec::new();
    if context.record()?.controller_count() > 0 {
        let client = context.client()?;
        let status = client.status().ok();
        let plane = context.record()?.control_plane()?;
        for controller in plane.controllers() {
            let created = Moment::parse_unix_date(controller.created);
            let (address, port) = address_and_port(controller.endpoint);
            let shown = match (controller.status.filter(|status| !status.is_empty()), &status) {
                (Some(pod), _) => pod.to_owned(),
                (None, Some(status)) => status.status.clone(),
                (None, None) => "Failing".to_owned(),
            };
            rows.push(vec![
                controller.name.to_owned(),
                shown,
                created.map_or_else(|| "-".to_owned(), |created| age(created, Moment::now())),
                status.as_ref().map_or_else(|| "-".to_owned(), uptime),
                status
                    .as_ref()
                    .map(|status| status.versions.controller.clone())
                    .unwrap_or_default(),
                address,
                port,
            ]);
        }
    }
    Ok(Listing { field: "controllers", columns: COLUMNS, rows })
}

fn uptime(status: &Status) -> String {
    let text = format!("{:.0}", status.uptime_sec.floor());
    duration(text.parse().unwrap_or(0))
}

fn address_and_port(endpoint: &str) -> (String, String) {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let port = rest.rsplit_once(':').map_or("", |(_, port)| port);
    let port = if port.is_empty() { "51121" } else { port };
    (rest.split(':').next().unwrap_or_default().to_owned(), port.to_owned())
}

/// Prints one controller.
///
/// # Errors
/// There is none of that name.
pub fn describe(context: &mut Context, name: &str, target: &Target) -> Result<()> {
    let missing = || Error::Plain(format!("Could not find Controller {name}"));
    match context.record()?.control_plane()? {
        ControlPlane::Kubernetes(plane) => {
            let pod = plane
                .controller_pods
                .iter()
                .find(|pod| pod.pod_name == name)
                .ok_or_else(missing)?
                .clone();
            context.print("KubernetesController", &pod.pod_name.clone(), None, pod, target)
        }
        ControlPlane::Remote(plane) => {
            let found = plane
                .controllers
                .iter()
                .find(|controller| controller.name == name)
                .ok_or_else(missing)?
                .clone();
            context.print("Controller", &found.name.clone(), None, found, target)
        }
        // A local control plane has one controller, whatever name is asked for.
        ControlPlane::Local(plane) => {
            let found = plane.controller.clone();
            let found = found
                .ok_or_else(|| Error::plain("Local Control Plane does not have a Controller"))?;
            context.print("LocalController", &found.name.clone(), None, found, target)
        }
    }
}

/// Renames a controller in the config files.
///
/// # Errors
/// There is none of that name, or the new one is invalid.
pub fn rename(context: &mut Context, name: &str, new_name: &str) -> Result<()> {
    context.record()?.control_plane()?;
    let missing = || Error::Plain(format!("Could not find Controller {name}"));
    let record = context.record()?;
    let slot = if let Some(plane) = &mut record.kubernetes_control_plane {
        plane
            .controller_pods
            .iter_mut()
            .find(|pod| pod.pod_name == name)
            .map(|pod| &mut pod.pod_name)
    } else if let Some(plane) = &mut record.remote_control_plane {
        plane
            .controllers
            .iter_mut()
            .find(|controller| controller.name == name)
            .map(|found| &mut found.name)
    } else {
        record
            .local_control_plane
            .as_mut()
            .and_then(|plane| plane.controller.as_mut())
            .map(|found| &mut found.name)
    };
    let slot = slot.ok_or_else(missing)?;
    names::check("Controller", new_name)?;
    new_name.clone_into(slot);
    context.store.flush()
}

/// Whether the API of an endpoint answers.
pub fn is_online(endpoint: &str) -> bool {
    Client::new(endpoint).status().is_ok()
}
