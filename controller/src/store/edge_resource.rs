//! Rows of edge resources and of their links to agents.

use iofog_api::FogUuid;

use super::{Row, Stored, Tx};
use crate::domain::edge_resource::EdgeResource;

fn read(row: &Row) -> Stored<EdgeResource> {
    Ok(EdgeResource {
        id: row.int(0)?,
        user_id: row.int(1)?,
        name: row.text(2)?,
        version: row.text(3)?,
        settings: row.document(4)?,
    })
}

/// A user's resource with a name and version.
///
/// # Errors
/// When the database fails.
pub fn by_version(
    tx: &mut dyn Tx,
    user_id: i64,
    name: &str,
    version: &str,
) -> Stored<Option<EdgeResource>> {
    let sql = "SELECT id, user_id, name, version, document FROM edge_resources
               WHERE user_id = ?1 AND name = ?2 AND version = ?3";
    tx.first(sql, &[user_id.into(), name.into(), version.into()])?.as_ref().map(read).transpose()
}

/// A user's resources, by id.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut dyn Tx, user_id: i64) -> Stored<Vec<EdgeResource>> {
    let sql = "SELECT id, user_id, name, version, document FROM edge_resources
               WHERE user_id = ?1 ORDER BY id";
    tx.query(sql, &[user_id.into()])?.iter().map(read).collect()
}

/// Resources linked to an agent, by id.
///
/// # Errors
/// When the database fails.
pub fn of_fog(tx: &mut dyn Tx, fog: &FogUuid) -> Stored<Vec<EdgeResource>> {
    let sql = "SELECT id, user_id, name, version, document FROM edge_resources
               WHERE id IN (SELECT resource_id FROM edge_resource_links WHERE fog_uuid = ?1)
               ORDER BY id";
    tx.query(sql, &[fog.as_str().into()])?.iter().map(read).collect()
}

/// Resources linked to a user's agents, by agent, in the order of the resources.
///
/// # Errors
/// When the database fails.
pub fn linked_of_user(tx: &mut dyn Tx, user_id: i64) -> Stored<Vec<(FogUuid, EdgeResource)>> {
    let sql =
        "SELECT e.id, e.user_id, e.name, e.version, e.document, l.fog_uuid FROM edge_resources e
               JOIN edge_resource_links l ON l.resource_id = e.id
               JOIN fogs f ON f.uuid = l.fog_uuid WHERE f.user_id = ?1 ORDER BY e.id";
    let rows = tx.query(sql, &[user_id.into()])?;
    rows.iter().map(|row| Ok((FogUuid::from(row.text(5)?), read(row)?))).collect()
}

/// Agents that a resource is linked to.
///
/// # Errors
/// When the database fails.
pub fn fogs_of(tx: &mut dyn Tx, id: i64) -> Stored<Vec<FogUuid>> {
    let sql = "SELECT fog_uuid FROM edge_resource_links WHERE resource_id = ?1";
    tx.query(sql, &[id.into()])?.iter().map(|row| Ok(FogUuid::from(row.text(0)?))).collect()
}

/// Adds a resource; its `id` is replaced by the next one.
///
/// # Errors
/// When the database fails or name and version are taken.
pub fn insert(tx: &mut dyn Tx, new: &EdgeResource) -> Stored<i64> {
    tx.insert(
        "INSERT INTO edge_resources (user_id, name, version, document)
         VALUES (?1, ?2, ?3, ?4) RETURNING id",
        &[
            new.user_id.into(),
            new.name.as_str().into(),
            new.version.as_str().into(),
            serde_json::to_string(&new.settings)?.into(),
        ],
    )
}

/// Writes a resource's name and settings.
///
/// # Errors
/// When the database fails or name and version are taken.
pub fn update(tx: &mut dyn Tx, changed: &EdgeResource) -> Stored<u64> {
    tx.execute(
        "UPDATE edge_resources SET name = ?2, document = ?3 WHERE id = ?1",
        &[
            changed.id.into(),
            changed.name.as_str().into(),
            serde_json::to_string(&changed.settings)?.into(),
        ],
    )
}

/// Removes a resource with its links.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut dyn Tx, id: i64) -> Stored<()> {
    tx.execute("DELETE FROM edge_resource_links WHERE resource_id = ?1", &[id.into()])?;
    tx.execute("DELETE FROM edge_resources WHERE id = ?1", &[id.into()])?;
    Ok(())
}

/// Links a resource to an agent; a link that is there stays.
///
/// # Errors
/// When the database fails.
pub fn link(tx: &mut dyn Tx, id: i64, fog: &FogUuid) -> Stored<u64> {
    let sql = "INSERT INTO edge_resource_links (resource_id, fog_uuid) VALUES (?1, ?2)
               ON CONFLICT (resource_id, fog_uuid) DO NOTHING";
    tx.execute(sql, &[id.into(), fog.as_str().into()])
}

/// Removes a link.
///
/// # Errors
/// When the database fails.
pub fn unlink(tx: &mut dyn Tx, id: i64, fog: &FogUuid) -> Stored<u64> {
    let sql = "DELETE FROM edge_resource_links WHERE resource_id = ?1 AND fog_uuid = ?2";
    tx.execute(sql, &[id.into(), fog.as_str().into()])
}

/// The next endpoint id.
///
/// # Errors
/// When the database fails.
pub fn next_endpoint_id(tx: &mut dyn Tx) -> Stored<i64> {
    let sql = "INSERT INTO counters (name, last) VALUES ('endpoint', 1)
               ON CONFLICT (name) DO UPDATE SET last = counters.last + 1 RETURNING last";
    tx.insert(sql, &[])
}
