//! Namespaces: local records only.

use super::{Context, Target};
use crate::output::{Column, Listing, print_document};
use crate::text::time::{Moment, age};
use crate::text::{Error, Result, names};

const COLUMNS: &[Column] = &[
    Column { heading: "NAMESPACE", field: "name", wide: false },
    Column { heading: "AGE", field: "age", wide: false },
];

/// All namespaces, the default one first and marked.
///
/// # Errors
/// When a file cannot be read.
pub fn list(context: &mut Context) -> Result<Listing> {
    let now = Moment::now();
    let default = context.store.default_namespace().to_owned();
    let mut rows = Vec::new();
    for name in context.store.namespace_names()? {
        let created = Moment::parse_unix_date(&context.store.namespace(&name)?.created);
        let age = created.map_or_else(|| "-".to_owned(), |created| age(created, now));
        if name == default {
            rows.insert(0, vec![format!("{name}*"), age]);
        } else {
            rows.push(vec![name, age]);
        }
    }
    Ok(Listing { field: "namespaces", columns: COLUMNS, rows })
}

/// Prints the record itself, without a header.
///
/// # Errors
/// When it does not exist.
pub fn describe(context: &mut Context, name: &str, target: &Target) -> Result<()> {
    let record = context.store.namespace(name)?.clone();
    print_document(&record, &target.file, target.format)
}

/// Creates a namespace.
///
/// # Errors
/// Invalid or taken name.
pub fn create(context: &mut Context, name: &str) -> Result<()> {
    names::check("Namespace", name)?;
    context.store.add_namespace(name)
}

/// Deletes a namespace; with `force` everything in it first.
///
/// # Errors
/// The default one, a non-empty one without force, or a failure on the way.
pub fn delete(context: &mut Context, name: &str, force: bool) -> Result<()> {
    if name == "default" {
        return Err(Error::input("Cannot delete namespace named \"default\""));
    }
    if name == "_detached" {
        // Not seen in lists; it has the records of detached Agents.
        return Err(Error::not_found(name));
    }
    let record = context.store.namespace(name)?;
    let empty = record.agents().is_empty() && record.controller_count() == 0;
    if !empty && !force {
        return Err(Error::Input(format!(
            "Namespace {name} not empty. You must force the deletion if the namespace is not empty"
        )));
    }
    if !empty {
        context.enter(name);
        super::control_plane::delete_all(context, false, force)?;
    }
    context.store.delete_namespace(name)
}

/// Renames a namespace.
///
/// # Errors
/// The default one, an invalid or taken name.
pub fn rename(context: &mut Context, name: &str, new_name: &str) -> Result<()> {
    if name.is_empty() || name == "default" {
        return Err(Error::plain("Cannot rename default or nonexistant namespaces"));
    }
    names::check("Namespace", new_name)?;
    context.store.rename_namespace(name, new_name)
}
