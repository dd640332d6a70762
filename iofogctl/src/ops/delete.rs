//! `delete -f`: deletes what the documents of a file name.

use super::{Context, agent, application, catalog, control_plane, device, microservice, registry};
use crate::output;
use crate::text::{Error, Result};
use crate::yaml::documents;

/// Kinds that can be deleted, in order.
const KINDS: &[&str] = &[
    "CatalogItem",
    "Microservice",
    "Application",
    "Registry",
    "Agent",
    "LocalAgent",
    "Controller",
    "LocalController",
    "KubernetesControlPlane",
    "ControlPlane",
    "LocalControlPlane",
    "Volume",
];

/// Deletes; what is gone already is only told.
///
/// # Errors
/// The file cannot be used, or the failures of the first kind that has any.
pub fn delete_file(context: &mut Context, file: &str) -> Result<()> {
    let mut wanted: Vec<(usize, String)> = Vec::new();
    for document in documents::read(file)? {
        document.check_namespace(&context.namespace)?;
        context.record()?;
        document.check_version()?;
        match KINDS.iter().position(|&kind| kind == document.kind) {
            None => output::notice(&documents::skipped(&document.kind)),
            Some(order) => {
                if document.kind == "Registry" {
                    registry::parse_id(&document.metadata.name)?;
                }
                wanted.push((order, document.metadata.name.clone()));
            }
        }
    }
    if wanted.is_empty() {
        return Err(documents::nothing_to_do());
    }
    for (order, &kind) in KINDS.iter().enumerate() {
        let names =
            wanted.iter().filter(|(wanted, _)| *wanted == order).map(|(_, name)| name.as_str());
        let failures: Vec<Error> =
            names.filter_map(|name| delete(context, kind, name).err()).collect();
        if failures.iter().any(|error| !error.is_not_found()) {
            return Error::join(failures).map_or(Ok(()), Err);
        }
        for error in failures {
            output::notice(&format!("Warning: {kind} {error}."));
        }
    }
    Ok(())
}

fn delete(context: &mut Context, kind: &str, name: &str) -> Result<()> {
    match kind {
        "CatalogItem" => catalog::delete(context, name),
        "Microservice" => microservice::delete(context, name),
        "Application" => application::delete(context, name),
        "Registry" => registry::delete(context, name),
        "Agent" | "LocalAgent" => agent::delete(context, name, false, false),
        "Controller" | "LocalController" => control_plane::delete_controller(context, name),
        "Volume" => device::delete_volume(context, name),
        _ => control_plane::delete(context),
    }
}
