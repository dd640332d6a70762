//! Routes between microservices.

use serde::{Deserialize, Serialize};
use ureq::http::Method;

use super::Client;
use super::client::part;
use crate::text::Result;

/// A route; the two identifiers are only read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Route {
    /// Name, unique in the application.
    pub name: String,
    /// Application.
    pub application: String,
    /// Source identifier.
    #[serde(skip_serializing)]
    pub source_microservice_uuid: String,
    /// Destination identifier.
    #[serde(skip_serializing)]
    pub dest_microservice_uuid: String,
    /// Source name.
    pub from: String,
    /// Destination name.
    pub to: String,
}

#[derive(Deserialize)]
struct RouteList {
    routes: Vec<Route>,
}

impl Client {
    /// All routes.
    ///
    /// # Errors
    /// As the Controller answers; the same holds for all methods here.
    pub fn routes(&self) -> Result<Vec<Route>> {
        self.get::<RouteList>("/routes").map(|list| list.routes)
    }

    /// One route.
    pub fn route(&self, application: &str, name: &str) -> Result<Route> {
        self.get(&path(application, name))
    }

    /// Creates a route, or changes the one of that name.
    pub fn put_route(&self, route: &Route) -> Result<()> {
        match self.route(&route.application, &route.name) {
            Ok(_) => self.patch_route(&route.application, &route.name, route),
            Err(error) if error.is_not_found() => self.command(Method::POST, "/routes", route),
            Err(error) => Err(error),
        }
    }

    /// Changes a route.
    pub fn patch_route(&self, application: &str, name: &str, route: &Route) -> Result<()> {
        self.command(Method::PATCH, &path(application, name), route)
    }

    /// Deletes a route.
    pub fn delete_route(&self, application: &str, name: &str) -> Result<()> {
        self.delete(&path(application, name))
    }
}

fn path(application: &str, name: &str) -> String {
    if application.is_empty() {
        return format!("/routes/{}", part(name));
    }
    format!("/routes/{}/{}", part(application), part(name))
}
