//! Routes between microservices.

use serde::{Deserialize, Serialize};

use super::{Context, Target};
use crate::output::{Column, Listing, progress};
use crate::rest::{Client, Route};
use crate::text::names::{self, QualifiedName};
use crate::text::{Error, Result};

const COLUMNS: &[Column] = &[
    Column { heading: "ROUTE", field: "name", wide: false },
    Column { heading: "SOURCE MSVC", field: "from", wide: false },
    Column { heading: "DEST MSVC", field: "to", wide: false },
    Column { heading: "APPLICATION", field: "application", wide: true },
];

/// The Route kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RouteSpec {
    /// Name; must be that of the metadata when given.
    pub name: String,
    /// Source microservice.
    pub from: String,
    /// Destination microservice.
    pub to: String,
}

/// All routes, names filled in.
///
/// # Errors
/// As the Controller answers.
pub fn fetch(client: &Client) -> Result<Vec<Route>> {
    let mut routes = client.routes()?;
    if routes.iter().any(|route| route.from.is_empty() || route.to.is_empty()) {
        let microservices = client.microservices()?;
        let name_of = |uuid: &str| {
            let found = microservices.iter().find(|microservice| microservice.uuid == uuid);
            found.map(|microservice| microservice.name.clone()).unwrap_or_default()
        };
        for route in &mut routes {
            route.from = name_of(&route.source_microservice_uuid);
            route.to = name_of(&route.dest_microservice_uuid);
        }
    }
    Ok(routes)
}

/// The table of some routes.
pub fn listing(routes: &[Route]) -> Listing {
    let row = |route: &Route| {
        vec![route.name.clone(), route.from.clone(), route.to.clone(), route.application.clone()]
    };
    Listing { field: "routes", columns: COLUMNS, rows: routes.iter().map(row).collect() }
}

/// All routes; none without a control plane.
///
/// # Errors
/// As the Controller answers.
pub fn list(context: &mut Context) -> Result<Listing> {
    match context.client() {
        Ok(client) => fetch(&client).map(|routes| listing(&routes)),
        Err(error) if error.is_no_control_plane() => Ok(listing(&[])),
        Err(error) => Err(error),
    }
}

/// Prints one route.
///
/// # Errors
/// There is none of that name.
pub fn describe(context: &mut Context, name: &str, target: &Target) -> Result<()> {
    context.record()?;
    let client = context.client()?;
    let qualified = QualifiedName::parse("Route", name)?;
    let route = client.route(&qualified.application, &qualified.name)?;
    let spec = RouteSpec { name: qualified.name, from: route.from, to: route.to };
    context.print("Route", name, None, spec, target)
}

/// Checks a Route document and gives what to send.
///
/// # Errors
/// [`Error::Input`] for a missing, invalid or contradicting name.
pub fn check(name: &str, spec: RouteSpec) -> Result<Route> {
    if spec.name.is_empty() && name.is_empty() {
        return Err(Error::input("Did not specify metadata.name or spec.name"));
    }
    let qualified = QualifiedName::parse("Route", name)?;
    if !spec.name.is_empty() && spec.name != qualified.name {
        return Err(Error::Input(format!(
            "Mismatch between metadata.name [{name}] and spec.name [{}]",
            spec.name
        )));
    }
    Ok(Route {
        name: qualified.name,
        application: qualified.application,
        from: spec.from,
        to: spec.to,
        ..Route::default()
    })
}

/// Deletes a route.
///
/// # Errors
/// There is none of that name.
pub fn delete(context: &mut Context, name: &str) -> Result<()> {
    let client = context.client()?;
    let qualified = QualifiedName::parse("Route", name)?;
    client.delete_route(&qualified.application, &qualified.name)
}

/// Renames a route.
///
/// # Errors
/// There is none of that name, or the new one is invalid.
pub fn rename(context: &mut Context, name: &str, new_name: &str) -> Result<()> {
    let client = context.client()?;
    let qualified = QualifiedName::parse("Route", name)?;
    let mut route = client.route(&qualified.application, &qualified.name)?;
    names::check("Route", new_name)?;
    progress(&format!("Renaming route {name}"));
    new_name.clone_into(&mut route.name);
    client.patch_route(&qualified.application, &qualified.name, &route)
}
