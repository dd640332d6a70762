//! Applications.

use serde::Serialize;

use super::microservice::{self, MicroserviceSpec};
use super::route::RouteSpec;
use super::{Context, Target};
use crate::config::Header;
use crate::output::{Column, Listing, progress};
use crate::rest::{Application, Client, Microservice};
use crate::text::{Error, Result, names};
use crate::yaml::{self, Value};

const COLUMNS: &[Column] = &[
    Column { heading: "APPLICATION", field: "name", wide: false },
    Column { heading: "RUNNING", field: "running", wide: false },
    Column { heading: "MICROSERVICES", field: "microservices", wide: false },
    Column { heading: "ACTIVE", field: "active", wide: true },
];
/// More names than this are shown as a number.
const NAMES_SHOWN: usize = 5;

/// An application and its microservices, system ones left out.
#[derive(Debug, Clone, PartialEq)]
pub struct WithMicroservices {
    application: Application,
    microservices: Vec<Microservice>,
}

/// All applications with their microservices, in two requests.
///
/// # Errors
/// As the Controller answers.
pub fn fetch(client: &Client) -> Result<Vec<WithMicroservices>> {
    let applications = client.applications()?;
    if applications.is_empty() {
        return Ok(Vec::new());
    }
    let mut microservices = client.microservices()?;
    microservices.retain(|microservice| !microservice.is_system());
    let with = |application: Application| {
        let own = microservices
            .iter()
            .filter(|microservice| microservice.application == application.name);
        let microservices = own.cloned().collect();
        WithMicroservices { application, microservices }
    };
    Ok(applications.into_iter().map(with).collect())
}

/// The table of some applications.
pub fn listing(applications: &[WithMicroservices]) -> Listing {
    let row = |entry: &WithMicroservices| {
        let all = &entry.microservices;
        let running =
            all.iter().filter(|microservice| microservice.status.status == "RUNNING").count();
        let names: Vec<&str> = all.iter().map(|microservice| microservice.name.as_str()).collect();
        let names = if all.len() > NAMES_SHOWN {
            format!("{} microservices", all.len())
        } else {
            names.join(", ")
        };
        vec![
            entry.application.name.clone(),
            format!("{running}/{}", all.len()),
            names,
            entry.application.is_activated.to_string(),
        ]
    };
    Listing {
        field: "applications",
        columns: COLUMNS,
        rows: applications.iter().map(row).collect(),
    }
}

/// All applications; none without a control plane.
///
/// # Errors
/// As the Controller answers.
pub fn list(context: &mut Context) -> Result<Listing> {
    match context.client() {
        Ok(client) => fetch(&client).map(|applications| listing(&applications)),
        Err(error) if error.is_no_control_plane() => Ok(listing(&[])),
        Err(error) => Err(error),
    }
}

#[derive(Serialize)]
struct Shown {
    name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    microservices: Vec<MicroserviceSpec>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<RouteSpec>,
    id: i64,
}

/// Prints one application with its microservices and the routes that start in it.
///
/// # Errors
/// There is none of that name, or a route leads out of it.
pub fn describe(context: &mut Context, name: &str, target: &Target) -> Result<()> {
    let client = context.client()?;
    let all_routes = client.routes()?;
    let application = match client.application(name) {
        Err(error) if error.is_not_found() => client.flow_by_name(name)?,
        other => other?,
    };
    let mut own = client.microservices_of(name)?;
    own.retain(|microservice| !microservice.is_system());
    let name_of =
        |uuid: &str| own.iter().find(|known| known.uuid == uuid).map(|known| known.name.clone());
    let mut routes = Vec::new();
    for route in all_routes {
        let Some(from) = name_of(&route.source_microservice_uuid) else { continue };
        let Some(to) = name_of(&route.dest_microservice_uuid) else {
            return Err(Error::NotFound(format!(
                "Route {} contains a destination microservice that could not be found in the application",
                route.name
            )));
        };
        routes.push(RouteSpec { name: route.name, from, to });
    }
    let mut lookup = microservice::Lookup::new(&client);
    let microservices = own.iter().map(|own| lookup.spec(own)).collect::<Result<Vec<_>>>()?;
    let shown = Shown { name: application.name, microservices, routes, id: application.id };
    context.print("Application", name, None, shown, target)
}

/// Creates an application, or changes it, and starts it.
///
/// # Errors
/// As the Controller answers.
pub fn deploy(client: &Client, name: &str, spec: &Value) -> Result<()> {
    progress(&format!("Deploying Application {name}"));
    let document = yaml::to_text(&Header::new("Application", name, "", spec))?;
    match client.application(name) {
        Ok(_) => client.update_application(name, &document)?,
        Err(error) if error.is_not_found() => client.create_application(&document)?,
        Err(error) => return Err(error),
    }
    client.start_application(name)
}

/// Deletes an application; where the route is missing, the older one is used.
///
/// # Errors
/// As the Controller answers.
pub fn delete(context: &mut Context, name: &str) -> Result<()> {
    progress("Deleting Application");
    let client = context.client()?;
    match client.delete_application(name) {
        Err(error) if error.is_not_found() => {
            let flow = client.flow_by_name(name)?;
            client.delete_flow(flow.id)
        }
        other => other,
    }
}

/// Renames an application.
///
/// # Errors
/// There is none of that name, or the new one is invalid.
pub fn rename(context: &mut Context, name: &str, new_name: &str) -> Result<()> {
    names::check("Application", new_name)?;
    progress(&format!("Renaming Application {name}"));
    let client = context.client()?;
    let flow = client.flow_by_name(name)?;
    client.rename_flow(flow.id, new_name)
}

/// Starts or stops an application.
///
/// # Errors
/// There is none of that name.
pub fn activate(context: &mut Context, name: &str, active: bool) -> Result<()> {
    let client = context.client()?;
    let flow = client.flow_by_name(name)?;
    client.activate_flow(flow.id, active)
}
