//! Edge resources, in versions.

use serde::{Deserialize, Serialize};

use super::{Context, Target};
use crate::output::{Column, Listing, progress};
use crate::rest::{Client, Display, EdgeResource, Endpoint, HttpInterface};
use crate::text::{Error, Result, names};
use crate::yaml::Value;

const COLUMNS: &[Column] = &[
    Column { heading: "EDGE RESOURCE", field: "name", wide: false },
    Column { heading: "PROTOCOL", field: "protocol", wide: false },
    Column { heading: "VERSIONS", field: "versions", wide: false },
];

/// The EdgeResource kind.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the documented ones of the contract, section 5.1")]
pub struct EdgeResourceSpec {
    pub name: String,
    pub version: String,
    pub description: String,
    pub interface_protocol: String,
    pub interface: Option<HttpInterface>,
    pub display: Option<Display>,
    pub orchestration_tags: Vec<String>,
    pub custom: serde_json::Map<String, serde_json::Value>,
}

/// All resources, or nothing when the Controller does not know them.
///
/// # Errors
/// The list itself fails.
pub fn fetch_if_supported(client: &Client) -> Result<Option<Vec<EdgeResource>>> {
    if client.require_edge_resources().is_err() {
        return Ok(None);
    }
    client.edge_resources().map(Some)
}

/// The table of some resources, one row per name.
pub fn listing(resources: &[EdgeResource]) -> Listing {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for resource in resources {
        match rows.iter_mut().find(|row| row[0] == resource.name) {
            Some(row) => row[2] = format!("{}, {}", row[2], resource.version),
            None => rows.push(vec![
                resource.name.clone(),
                resource.interface_protocol.clone(),
                resource.version.clone(),
            ]),
        }
    }
    // The standard program prints an empty line for each further version.
    rows.resize(resources.len(), Vec::new());
    Listing { field: "edgeResources", columns: COLUMNS, rows }
}

/// All resources; none without a control plane.
///
/// # Errors
/// As the Controller answers.
pub fn list(context: &mut Context) -> Result<Listing> {
    match context.client() {
        Ok(client) => client.edge_resources().map(|resources| listing(&resources)),
        Err(error) if error.is_no_control_plane() => Ok(listing(&[])),
        Err(error) => Err(error),
    }
}

/// What `describe` shows; empty parts are shown too.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    name: String,
    version: String,
    description: String,
    interface_protocol: String,
    interface: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    display: Option<Value>,
    orchestration_tags: Vec<String>,
    custom: Value,
}

/// Prints one version.
///
/// # Errors
/// There is none of that name and version.
pub fn describe(context: &mut Context, name: &str, version: &str, target: &Target) -> Result<()> {
    context.record()?;
    let resource = context.client()?.edge_resource(name, version)?;
    let endpoint = |endpoint: &Endpoint| {
        Value::map([
            ("name", Value::text(endpoint.name.as_str())),
            ("method", Value::text(endpoint.method.as_str())),
            ("url", Value::text(endpoint.url.as_str())),
        ])
    };
    let endpoints = resource.interface.endpoints.iter().map(endpoint).collect();
    let display = resource.display.map(|display| {
        Value::map([
            ("name", Value::text(display.name)),
            ("icon", Value::text(display.icon)),
            ("color", Value::text(display.color)),
        ])
    });
    let shown = Shown {
        name: resource.name,
        version: resource.version,
        description: resource.description,
        interface_protocol: resource.interface_protocol,
        interface: Value::map([("endpoints", Value::Seq(endpoints))]),
        display,
        orchestration_tags: resource.orchestration_tags,
        custom: Value::from_json(&serde_json::Value::Object(resource.custom)),
    };
    context.print("EdgeResource", name, None, shown, target)
}

/// Checks an EdgeResource document and gives what to send.
///
/// # Errors
/// [`Error::Input`] for a missing or invalid name.
pub fn check(name: &str, spec: EdgeResourceSpec) -> Result<EdgeResource> {
    if name.is_empty() {
        return Err(Error::input("Did not specify metadata.name"));
    }
    names::check("Edge Resource", name)?;
    Ok(EdgeResource {
        name: name.to_owned(),
        description: spec.description,
        version: spec.version,
        interface_protocol: spec.interface_protocol,
        display: spec.display,
        interface: spec.interface.unwrap_or_default(),
        orchestration_tags: spec.orchestration_tags,
        custom: spec.custom,
    })
}

/// Deletes one version.
///
/// # Errors
/// As the Controller answers.
pub fn delete(context: &mut Context, name: &str, version: &str) -> Result<()> {
    progress("Deleting Edge Resource");
    context.client()?.delete_edge_resource(name, version)
}

/// Offers a version on an Agent, or withdraws it.
///
/// # Errors
/// There is no such Agent, version or name.
pub fn link(
    context: &mut Context,
    name: &str,
    version: &str,
    agent: &str,
    linked: bool,
) -> Result<()> {
    progress(if linked { "Attaching Edge Resource" } else { "Detaching Edge Resource" });
    let client = context.client()?;
    let agent = client.agent_by_name(agent, false)?;
    client.link_edge_resource(name, version, &agent.uuid, linked)
}

/// Renames all versions.
///
/// # Errors
/// There is none of that name, or the new one is invalid.
pub fn rename(context: &mut Context, name: &str, new_name: &str) -> Result<()> {
    names::check("Edge Resource", new_name)?;
    progress(&format!("Renaming edgeResource {name}"));
    let client = context.client()?;
    let versions: Vec<EdgeResource> =
        client.edge_resources()?.into_iter().filter(|resource| resource.name == name).collect();
    if versions.is_empty() {
        return Err(Error::NotFound(format!("{name} does not exist")));
    }
    for version in versions {
        let mut resource = client.edge_resource(name, &version.version)?;
        new_name.clone_into(&mut resource.name);
        client.put_edge_resource(name, &resource)?;
    }
    Ok(())
}
