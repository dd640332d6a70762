//! Rows that come from another database and keep the ids they had there. [`super::Store::ids_given`] is called after
//! them.

use iofog_api::FogUuid;

use super::application::Application;
use super::config::Entry;
use super::route::Route;
use super::user::User;
use super::{Stored, Tx};
use crate::domain::application_template::Template;
use crate::domain::edge_resource::EdgeResource;
use crate::domain::port::PublicPort;
use crate::domain::router::Router;

/// There are neither users nor agents.
///
/// # Errors
/// When the database fails.
pub fn is_empty(tx: &mut dyn Tx) -> Stored<bool> {
    let users = tx.first("SELECT id FROM users", &[])?;
    let fogs = tx.first("SELECT uuid FROM fogs", &[])?;
    Ok(users.is_none() && fogs.is_none())
}

/// Adds a user.
///
/// # Errors
/// When the database fails or id or address is taken.
pub fn user(tx: &mut dyn Tx, new: &User) -> Stored<u64> {
    tx.execute(
        "INSERT INTO users (id, email, first_name, last_name, password, is_activated) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &[
            new.id.into(),
            new.email.as_str().into(),
            new.first_name.as_str().into(),
            new.last_name.as_str().into(),
            new.password.as_str().into(),
            i64::from(new.is_activated).into(),
        ],
    )
}

/// Adds an application.
///
/// # Errors
/// When the database fails or id or name is taken.
pub fn application(tx: &mut dyn Tx, new: &Application) -> Stored<u64> {
    tx.execute(
        "INSERT INTO applications (id, user_id, name, description, is_activated, is_system, created, updated)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &[
            new.id.into(),
            new.user_id.into(),
            new.name.as_str().into(),
            new.description.clone().into(),
            new.is_activated.into(),
            new.is_system.into(),
            new.created.into(),
            new.updated.into(),
        ],
    )
}

/// Adds a router.
///
/// # Errors
/// When the database fails, the id is taken or the agent has a router.
pub fn router(tx: &mut dyn Tx, new: &Router) -> Stored<u64> {
    tx.execute(
        "INSERT INTO routers (id, fog_uuid, is_default, created, updated, document)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &[
            new.id.into(),
            new.fog.as_ref().map(FogUuid::as_str).into(),
            new.is_default.into(),
            new.created.into(),
            new.updated.into(),
            serde_json::to_string(&new.settings)?.into(),
        ],
    )
}

/// Connects a router to one that it dials.
///
/// # Errors
/// When the database fails.
pub fn router_connection(tx: &mut dyn Tx, source: i64, dest: i64) -> Stored<u64> {
    tx.execute(
        "INSERT INTO router_connections (source_id, dest_id) VALUES (?1, ?2)
         ON CONFLICT (source_id, dest_id) DO NOTHING",
        &[source.into(), dest.into()],
    )
}

/// Adds a route.
///
/// # Errors
/// When the database fails or id or name is taken.
pub fn route(tx: &mut dyn Tx, new: &Route) -> Stored<u64> {
    tx.execute(
        "INSERT INTO routes (id, name, application_id, source_uuid, dest_uuid) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[
            new.id.into(),
            new.name.as_str().into(),
            new.application_id.into(),
            new.source.as_str().into(),
            new.dest.as_str().into(),
        ],
    )
}

/// Adds a public port.
///
/// # Errors
/// When the database fails, the id is taken or the number is taken on its host.
pub fn public_port(tx: &mut dyn Tx, new: &PublicPort) -> Stored<u64> {
    tx.execute(
        "INSERT INTO public_ports (id, microservice_uuid, internal, host_key, public_port, document)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &[
            new.id.into(),
            new.microservice.as_str().into(),
            new.internal.into(),
            super::public_port::host_key(&new.details).into(),
            new.public_port.into(),
            serde_json::to_string(&new.details)?.into(),
        ],
    )
}

/// Adds an edge resource.
///
/// # Errors
/// When the database fails or id or name and version are taken.
pub fn edge_resource(tx: &mut dyn Tx, new: &EdgeResource) -> Stored<u64> {
    tx.execute(
        "INSERT INTO edge_resources (id, user_id, name, version, document) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[
            new.id.into(),
            new.user_id.into(),
            new.name.as_str().into(),
            new.version.as_str().into(),
            serde_json::to_string(&new.settings)?.into(),
        ],
    )
}

/// Adds an application template.
///
/// # Errors
/// When the database fails or id or name is taken.
pub fn application_template(tx: &mut dyn Tx, new: &Template) -> Stored<u64> {
    tx.execute(
        "INSERT INTO application_templates (id, user_id, name, created, updated, document)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &[
            new.id.into(),
            new.user_id.into(),
            new.name.as_str().into(),
            new.created.into(),
            new.updated.into(),
            serde_json::to_string(&new.settings)?.into(),
        ],
    )
}

/// Adds a configuration value.
///
/// # Errors
/// When the database fails or id or key is taken.
pub fn config(tx: &mut dyn Tx, new: &Entry) -> Stored<u64> {
    tx.execute(
        "INSERT INTO config (id, name, content, created, updated) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[
            new.id.into(),
            new.key.as_str().into(),
            new.value.as_str().into(),
            new.created.into(),
            new.updated.into(),
        ],
    )
}

/// Makes a counter go on after `last`.
///
/// # Errors
/// When the database fails.
pub fn counter(tx: &mut dyn Tx, name: &str, last: i64) -> Stored<u64> {
    tx.execute(
        "INSERT INTO counters (name, last) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET last = excluded.last",
        &[name.into(), last.into()],
    )
}
