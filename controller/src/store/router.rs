//! Rows of routers and their connections.

use iofog_api::FogUuid;

use super::{Row, Stored, Tx};
use crate::domain::router::Router;

fn read(row: &Row) -> Stored<Router> {
    Ok(Router {
        id: row.int(0)?,
        fog: row.text_or_null(1)?.map(FogUuid::from),
        is_default: row.flag(2)?,
        created: row.int(3)?,
        updated: row.int(4)?,
        settings: row.document(5)?,
    })
}

/// The router of an agent.
///
/// # Errors
/// When the database fails.
pub fn by_fog(tx: &mut dyn Tx, fog: &FogUuid) -> Stored<Option<Router>> {
    let sql = "SELECT id, fog_uuid, is_default, created, updated, document FROM routers WHERE fog_uuid = ?1";
    tx.first(sql, &[fog.as_str().into()])?.as_ref().map(read).transpose()
}

/// The default router.
///
/// # Errors
/// When the database fails.
pub fn default(tx: &mut dyn Tx) -> Stored<Option<Router>> {
    let sql = "SELECT id, fog_uuid, is_default, created, updated, document FROM routers WHERE is_default = 1";
    tx.first(sql, &[])?.as_ref().map(read).transpose()
}

/// Routers that a router dials.
///
/// # Errors
/// When the database fails.
pub fn upstreams(tx: &mut dyn Tx, id: i64) -> Stored<Vec<Router>> {
    let sql =
        "SELECT r.id, r.fog_uuid, r.is_default, r.created, r.updated, r.document FROM routers r
               JOIN router_connections c ON c.dest_id = r.id WHERE c.source_id = ?1 ORDER BY r.id";
    tx.query(sql, &[id.into()])?.iter().map(read).collect()
}

/// Routers that dial a router.
///
/// # Errors
/// When the database fails.
pub fn downstreams(tx: &mut dyn Tx, id: i64) -> Stored<Vec<Router>> {
    let sql =
        "SELECT r.id, r.fog_uuid, r.is_default, r.created, r.updated, r.document FROM routers r
               JOIN router_connections c ON c.source_id = r.id WHERE c.dest_id = ?1 ORDER BY r.id";
    tx.query(sql, &[id.into()])?.iter().map(read).collect()
}

/// Routers of a user's agents, but for system agents.
///
/// # Errors
/// When the database fails.
pub fn of_user(tx: &mut dyn Tx, user_id: i64) -> Stored<Vec<Router>> {
    let sql = "SELECT r.id, r.fog_uuid, r.is_default, r.created, r.updated, r.document FROM fogs f
               JOIN routers r ON r.fog_uuid = f.uuid WHERE f.user_id = ?1 AND f.is_system = 0";
    tx.query(sql, &[user_id.into()])?.iter().map(read).collect()
}

/// What the routers of a user's agents dial, in order: agent, agent of the other router, whether that is the default.
///
/// # Errors
/// When the database fails.
pub fn upstreams_of_user(
    tx: &mut dyn Tx,
    user_id: i64,
) -> Stored<Vec<(FogUuid, Option<FogUuid>, bool)>> {
    let sql = "SELECT f.uuid, d.fog_uuid, d.is_default FROM fogs f
               JOIN routers r ON r.fog_uuid = f.uuid
               JOIN router_connections c ON c.source_id = r.id
               JOIN routers d ON d.id = c.dest_id
               WHERE f.user_id = ?1 AND f.is_system = 0 ORDER BY d.id";
    let rows = tx.query(sql, &[user_id.into()])?;
    rows.iter()
        .map(|row| Ok((row.text(0)?.into(), row.text_or_null(1)?.map(FogUuid::from), row.flag(2)?)))
        .collect()
}

/// Adds a router; `id` is ignored.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut dyn Tx, router: &Router) -> Stored<i64> {
    tx.insert(
        "INSERT INTO routers (fog_uuid, is_default, created, updated, document)
         VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id",
        &[
            router.fog.as_ref().map(FogUuid::as_str).into(),
            router.is_default.into(),
            router.created.into(),
            router.updated.into(),
            serde_json::to_string(&router.settings)?.into(),
        ],
    )
}

/// Writes a router.
///
/// # Errors
/// When the database fails.
pub fn update(tx: &mut dyn Tx, router: &Router) -> Stored<u64> {
    tx.execute(
        "UPDATE routers SET fog_uuid = ?2, is_default = ?3, updated = ?4, document = ?5 WHERE id = ?1",
        &[
            router.id.into(),
            router.fog.as_ref().map(FogUuid::as_str).into(),
            router.is_default.into(),
            router.updated.into(),
            serde_json::to_string(&router.settings)?.into(),
        ],
    )
}

/// Removes a router and its connections.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut dyn Tx, id: i64) -> Stored<u64> {
    tx.execute(
        "DELETE FROM router_connections WHERE source_id = ?1 OR dest_id = ?1",
        &[id.into()],
    )?;
    tx.execute("DELETE FROM routers WHERE id = ?1", &[id.into()])
}

/// Replaces what a router dials; naming one twice connects once.
///
/// # Errors
/// When the database fails.
pub fn connect(tx: &mut dyn Tx, id: i64, upstreams: &[Router]) -> Stored<()> {
    tx.execute("DELETE FROM router_connections WHERE source_id = ?1", &[id.into()])?;
    for upstream in upstreams {
        tx.execute(
            "INSERT INTO router_connections (source_id, dest_id) VALUES (?1, ?2)
             ON CONFLICT (source_id, dest_id) DO NOTHING",
            &[id.into(), upstream.id.into()],
        )?;
    }
    Ok(())
}
