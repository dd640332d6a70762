//! Rows of agents.

use iofog_api::FogUuid;

use super::{Row, SqlValue, Stored, Tx};
use crate::domain::fog::Fog;
use crate::domain::status::FogStatus;

fn read(row: &Row) -> Stored<Fog> {
    Ok(Fog {
        uuid: FogUuid::from(row.text(0)?),
        user_id: row.int(1)?,
        name: row.text(2)?,
        is_system: row.flag(3)?,
        created: row.int(4)?,
        updated: row.int(5)?,
        settings: row.document(6)?,
    })
}

fn one(tx: &mut dyn Tx, sql: &'static str, parameters: &[SqlValue]) -> Stored<Option<Fog>> {
    tx.first(sql, parameters)?.as_ref().map(read).transpose()
}

/// The agent with a uuid.
///
/// # Errors
/// When the database fails.
pub fn by_uuid(tx: &mut dyn Tx, uuid: &FogUuid) -> Stored<Option<Fog>> {
    let sql = "SELECT uuid, user_id, name, is_system, created, updated, document FROM fogs WHERE uuid = ?1";
    one(tx, sql, &[uuid.as_str().into()])
}

/// Agents with a name, of all users.
///
/// # Errors
/// When the database fails.
pub fn by_name(tx: &mut dyn Tx, name: &str) -> Stored<Vec<Fog>> {
    let sql = "SELECT uuid, user_id, name, is_system, created, updated, document FROM fogs WHERE name = ?1";
    tx.query(sql, &[name.into()])?.iter().map(read).collect()
}

/// The system agent.
///
/// # Errors
/// When the database fails.
pub fn system(tx: &mut dyn Tx) -> Stored<Option<Fog>> {
    let sql = "SELECT uuid, user_id, name, is_system, created, updated, document FROM fogs WHERE is_system = 1";
    one(tx, sql, &[])
}

/// Agents sorted by name: the system agents of all users, or a user's others.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut dyn Tx, user_id: i64, system: bool) -> Stored<Vec<Fog>> {
    let rows = if system {
        let sql = "SELECT uuid, user_id, name, is_system, created, updated, document FROM fogs
                   WHERE is_system = 1 ORDER BY name";
        tx.query(sql, &[])?
    } else {
        let sql = "SELECT uuid, user_id, name, is_system, created, updated, document FROM fogs
                   WHERE is_system = 0 AND user_id = ?1 ORDER BY name";
        tx.query(sql, &[user_id.into()])?
    };
    rows.iter().map(read).collect()
}

/// All agents of all users.
///
/// # Errors
/// When the database fails.
pub fn all(tx: &mut dyn Tx) -> Stored<Vec<Fog>> {
    let sql = "SELECT uuid, user_id, name, is_system, created, updated, document FROM fogs";
    tx.query(sql, &[])?.iter().map(read).collect()
}

/// Up to `count` agents of all users after a uuid, in the order of their uuids: readers that walk all of them let others
/// in between.
///
/// # Errors
/// When the database fails.
pub fn after(tx: &mut dyn Tx, uuid: Option<&FogUuid>, count: i64) -> Stored<Vec<Fog>> {
    let sql = "SELECT uuid, user_id, name, is_system, created, updated, document FROM fogs
               WHERE uuid > ?1 ORDER BY uuid LIMIT ?2";
    let uuid = uuid.map_or("", FogUuid::as_str);
    tx.query(sql, &[uuid.into(), count.into()])?.iter().map(read).collect()
}

/// Agents whose messages another agent's router carries because they name it.
///
/// # Errors
/// When the database fails.
pub fn with_network_router(tx: &mut dyn Tx, router: &FogUuid) -> Stored<Vec<Fog>> {
    let sql = "SELECT uuid, user_id, name, is_system, created, updated, document FROM fogs
               WHERE document LIKE ?1";
    let pattern = format!("%\"network_router\":\"{router}\"%");
    let found: Vec<Fog> =
        tx.query(sql, &[pattern.into()])?.iter().map(read).collect::<Stored<_>>()?;
    // LIKE takes letters of both cases for the same.
    let names = |fog: &Fog| fog.settings.network_router.as_deref() == Some(router.as_str());
    Ok(found.into_iter().filter(names).collect())
}

/// Adds an agent.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut dyn Tx, fog: &Fog) -> Stored<u64> {
    tx.execute(
        "INSERT INTO fogs (uuid, user_id, name, is_system, created, updated, document)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            fog.uuid.as_str().into(),
            fog.user_id.into(),
            fog.name.as_str().into(),
            fog.is_system.into(),
            fog.created.into(),
            fog.updated.into(),
            serde_json::to_string(&fog.settings)?.into(),
        ],
    )
}

/// Writes an agent's name and settings.
///
/// # Errors
/// When the database fails.
pub fn update(tx: &mut dyn Tx, fog: &Fog) -> Stored<u64> {
    tx.execute(
        "UPDATE fogs SET name = ?2, is_system = ?3, updated = ?4, document = ?5 WHERE uuid = ?1",
        &[
            fog.uuid.as_str().into(),
            fog.name.as_str().into(),
            fog.is_system.into(),
            fog.updated.into(),
            serde_json::to_string(&fog.settings)?.into(),
        ],
    )
}

/// Removes an agent with its tokens, keys, flags and status.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut dyn Tx, uuid: &FogUuid) -> Stored<()> {
    for sql in [
        "DELETE FROM fogs WHERE uuid = ?1",
        "DELETE FROM fog_status WHERE fog_uuid = ?1",
        "DELETE FROM fog_tokens WHERE fog_uuid = ?1",
        "DELETE FROM provision_keys WHERE fog_uuid = ?1",
        "DELETE FROM version_commands WHERE fog_uuid = ?1",
        "DELETE FROM changes WHERE fog_uuid = ?1",
        "DELETE FROM edge_resource_links WHERE fog_uuid = ?1",
        "DELETE FROM hal_info WHERE fog_uuid = ?1",
        "DELETE FROM tunnels WHERE fog_uuid = ?1",
        "DELETE FROM enrolments WHERE fog_uuid = ?1",
    ] {
        tx.execute(sql, &[uuid.as_str().into()])?;
    }
    Ok(())
}

/// All stored statuses. Read once at start.
///
/// # Errors
/// When the database fails.
pub fn all_status(tx: &mut dyn Tx) -> Stored<Vec<(FogUuid, FogStatus)>> {
    let rows = tx.query("SELECT fog_uuid, document FROM fog_status", &[])?;
    rows.iter().map(|row| Ok((FogUuid::from(row.text(0)?), row.document(1)?))).collect()
}

/// The stored status.
///
/// # Errors
/// When the database fails.
pub fn status(tx: &mut dyn Tx, uuid: &FogUuid) -> Stored<Option<FogStatus>> {
    let sql = "SELECT document FROM fog_status WHERE fog_uuid = ?1";
    tx.first(sql, &[uuid.as_str().into()])?.map(|row| row.document(0)).transpose()
}

/// Writes a status, unless the agent is gone.
///
/// # Errors
/// When the database fails.
pub fn put_status(tx: &mut dyn Tx, uuid: &FogUuid, status: &FogStatus) -> Stored<u64> {
    tx.execute(
        "INSERT INTO fog_status (fog_uuid, document) SELECT uuid, ?2 FROM fogs WHERE uuid = ?1
         ON CONFLICT (fog_uuid) DO UPDATE SET document = excluded.document",
        &[uuid.as_str().into(), serde_json::to_string(status)?.into()],
    )
}
