//! Applications, and the older flow routes that some commands still use.

use serde::Deserialize;
use serde_json::json;
use ureq::http::Method;

use super::Client;
use super::client::part;
use crate::text::{Error, Result};

/// What this program reads of an application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Application {
    /// Number.
    pub id: i64,
    /// Name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Whether it is started.
    pub is_activated: bool,
}

/// An application as a flow.
pub type Flow = Application;

#[derive(Deserialize)]
struct ApplicationList {
    applications: Vec<Application>,
}

#[derive(Deserialize)]
struct FlowList {
    flows: Vec<Flow>,
}

impl Client {
    /// The user's applications.
    ///
    /// # Errors
    /// As the Controller answers; the same holds for all methods here.
    pub fn applications(&self) -> Result<Vec<Application>> {
        self.get::<ApplicationList>("/application").map(|list| list.applications)
    }

    /// One application.
    pub fn application(&self, name: &str) -> Result<Application> {
        self.get(&format!("/application/{}", part(name)))
    }

    /// Creates one from a YAML document.
    pub fn create_application(&self, yaml: &str) -> Result<()> {
        self.upload(Method::POST, "/application/yaml", "application", yaml)
    }

    /// Changes one from a YAML document.
    pub fn update_application(&self, name: &str, yaml: &str) -> Result<()> {
        self.upload(Method::PUT, &format!("/application/yaml/{}", part(name)), "application", yaml)
    }

    /// Starts one.
    pub fn start_application(&self, name: &str) -> Result<()> {
        self.command(
            Method::PATCH,
            &format!("/application/{}", part(name)),
            &json!({"isActivated": true}),
        )
    }

    /// Deletes one.
    pub fn delete_application(&self, name: &str) -> Result<()> {
        self.delete(&format!("/application/{}", part(name)))
    }

    /// All flows.
    pub fn flows(&self) -> Result<Vec<Flow>> {
        self.get::<FlowList>("/flow").map(|list| list.flows)
    }

    /// One flow by name.
    pub fn flow_by_name(&self, name: &str) -> Result<Flow> {
        let found = self.flows()?.into_iter().find(|flow| flow.name == name);
        found.ok_or_else(|| Error::NotFound(format!("Could not find flow: {name}")))
    }

    /// Starts or stops a flow.
    pub fn activate_flow(&self, id: i64, active: bool) -> Result<()> {
        self.command(Method::PATCH, &format!("/flow/{id}"), &json!({"isActivated": active}))
    }

    /// Renames a flow.
    pub fn rename_flow(&self, id: i64, name: &str) -> Result<()> {
        self.command(Method::PATCH, &format!("/flow/{id}"), &json!({"name": name}))
    }

    /// Deletes a flow.
    pub fn delete_flow(&self, id: i64) -> Result<()> {
        self.delete(&format!("/flow/{id}"))
    }
}
