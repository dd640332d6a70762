//! Rows of microservices and their statuses.

use iofog_api::{FogUuid, MicroserviceUuid};

use super::{Row, SqlValue, Stored, Tx};
use crate::domain::microservice::Microservice;
use crate::domain::status::MicroserviceStatus;

fn read(row: &Row) -> Stored<Microservice> {
    Ok(Microservice {
        uuid: MicroserviceUuid::from(row.text(0)?),
        name: row.text(1)?,
        application_id: row.int_or_null(2)?,
        fog: row.text_or_null(3)?.map(FogUuid::from),
        user_id: row.int_or_null(4)?,
        catalog_item_id: row.int_or_null(5)?,
        registry_id: row.int(6)?,
        rebuild: row.flag(7)?,
        created: row.int(8)?,
        updated: row.int(9)?,
        spec: row.document(10)?,
    })
}

fn many(tx: &mut dyn Tx, sql: &'static str, parameters: &[SqlValue]) -> Stored<Vec<Microservice>> {
    tx.query(sql, parameters)?.iter().map(read).collect()
}

/// The microservice with a uuid.
///
/// # Errors
/// When the database fails.
pub fn by_uuid(tx: &mut dyn Tx, uuid: &MicroserviceUuid) -> Stored<Option<Microservice>> {
    let sql = "SELECT uuid, name, application_id, fog_uuid, user_id, catalog_item_id, registry_id, rebuild,
               created, updated, document FROM microservices WHERE uuid = ?1";
    Ok(many(tx, sql, &[uuid.as_str().into()])?.pop())
}

/// Microservices of an application in order of creation.
///
/// # Errors
/// When the database fails.
pub fn of_application(tx: &mut dyn Tx, id: i64) -> Stored<Vec<Microservice>> {
    let sql = "SELECT uuid, name, application_id, fog_uuid, user_id, catalog_item_id, registry_id, rebuild,
               created, updated, document FROM microservices WHERE application_id = ?1 ORDER BY seq";
    many(tx, sql, &[id.into()])
}

/// Microservices on an agent in order of creation, system ones included.
///
/// # Errors
/// When the database fails.
pub fn of_fog(tx: &mut dyn Tx, fog: &FogUuid) -> Stored<Vec<Microservice>> {
    let sql = "SELECT uuid, name, application_id, fog_uuid, user_id, catalog_item_id, registry_id, rebuild,
               created, updated, document FROM microservices WHERE fog_uuid = ?1 ORDER BY seq";
    many(tx, sql, &[fog.as_str().into()])
}

/// A user's microservices that belong to an application, by name.
///
/// # Errors
/// When the database fails.
pub fn of_user(tx: &mut dyn Tx, user_id: i64) -> Stored<Vec<Microservice>> {
    let sql = "SELECT uuid, name, application_id, fog_uuid, user_id, catalog_item_id, registry_id, rebuild,
               created, updated, document FROM microservices
               WHERE user_id = ?1 AND application_id IS NOT NULL ORDER BY name, seq";
    many(tx, sql, &[user_id.into()])
}

/// Users' microservices made from a catalog item.
///
/// # Errors
/// When the database fails.
pub fn of_catalog_item(tx: &mut dyn Tx, item: i64) -> Stored<Vec<Microservice>> {
    let sql = "SELECT uuid, name, application_id, fog_uuid, user_id, catalog_item_id, registry_id, rebuild,
               created, updated, document FROM microservices
               WHERE catalog_item_id = ?1 AND application_id IS NOT NULL ORDER BY seq";
    many(tx, sql, &[item.into()])
}

/// Users' microservices that take their images from a registry.
///
/// # Errors
/// When the database fails.
pub fn of_registry(tx: &mut dyn Tx, registry: i64) -> Stored<Vec<Microservice>> {
    let sql = "SELECT uuid, name, application_id, fog_uuid, user_id, catalog_item_id, registry_id, rebuild,
               created, updated, document FROM microservices
               WHERE registry_id = ?1 AND application_id IS NOT NULL ORDER BY seq";
    many(tx, sql, &[registry.into()])
}

/// The system microservice of a catalog item on an agent.
///
/// # Errors
/// When the database fails.
pub fn system(tx: &mut dyn Tx, fog: &FogUuid, item: i64) -> Stored<Option<Microservice>> {
    let sql = "SELECT uuid, name, application_id, fog_uuid, user_id, catalog_item_id, registry_id, rebuild,
               created, updated, document FROM microservices
               WHERE fog_uuid = ?1 AND catalog_item_id = ?2 AND application_id IS NULL";
    Ok(many(tx, sql, &[fog.as_str().into(), item.into()])?.pop())
}

/// Microservices with a hosts file entry that is an expression.
///
/// # Errors
/// When the database fails.
pub fn with_host_expressions(tx: &mut dyn Tx) -> Stored<Vec<Microservice>> {
    let sql = "SELECT uuid, name, application_id, fog_uuid, user_id, catalog_item_id, registry_id, rebuild,
               created, updated, document FROM microservices WHERE has_host_expressions = 1";
    many(tx, sql, &[])
}

/// Adds a microservice.
///
/// # Errors
/// When the database fails or the application has one of that name.
pub fn insert(tx: &mut dyn Tx, new: &Microservice) -> Stored<u64> {
    tx.execute(
        "INSERT INTO microservices (uuid, name, application_id, fog_uuid, user_id, catalog_item_id,
         registry_id, rebuild, created, updated, document, has_host_expressions)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        &parameters(new)?,
    )
}

/// Writes a microservice.
///
/// # Errors
/// When the database fails or the application has another of that name.
pub fn update(tx: &mut dyn Tx, changed: &Microservice) -> Stored<u64> {
    tx.execute(
        "UPDATE microservices SET name = ?2, application_id = ?3, fog_uuid = ?4, user_id = ?5,
         catalog_item_id = ?6, registry_id = ?7, rebuild = ?8, created = ?9, updated = ?10, document = ?11,
         has_host_expressions = ?12 WHERE uuid = ?1",
        &parameters(changed)?,
    )
}

fn parameters(of: &Microservice) -> Stored<[SqlValue; 12]> {
    let expressions = of.spec.extra_hosts.iter().any(|host| host.address.starts_with("${"));
    Ok([
        of.uuid.as_str().into(),
        of.name.as_str().into(),
        of.application_id.into(),
        of.fog.as_ref().map(FogUuid::as_str).into(),
        of.user_id.into(),
        of.catalog_item_id.into(),
        of.registry_id.into(),
        of.rebuild.into(),
        of.created.into(),
        of.updated.into(),
        serde_json::to_string(&of.spec)?.into(),
        expressions.into(),
    ])
}

/// Clears the rebuild flags of an agent's microservices: they were delivered.
///
/// # Errors
/// When the database fails.
pub fn clear_rebuild(tx: &mut dyn Tx, fog: &FogUuid) -> Stored<u64> {
    tx.execute(
        "UPDATE microservices SET rebuild = 0 WHERE fog_uuid = ?1 AND rebuild = 1",
        &[fog.as_str().into()],
    )
}

/// Removes a microservice, its status and its routes.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut dyn Tx, uuid: &MicroserviceUuid) -> Stored<()> {
    for sql in [
        "DELETE FROM microservices WHERE uuid = ?1",
        "DELETE FROM microservice_status WHERE microservice_uuid = ?1",
        "DELETE FROM public_ports WHERE microservice_uuid = ?1",
        "DELETE FROM straces WHERE microservice_uuid = ?1",
        "DELETE FROM image_snapshots WHERE microservice_uuid = ?1",
        "DELETE FROM routes WHERE source_uuid = ?1 OR dest_uuid = ?1",
    ] {
        tx.execute(sql, &[uuid.as_str().into()])?;
    }
    Ok(())
}

/// All stored statuses. Read once at start.
///
/// # Errors
/// When the database fails.
pub fn all_status(tx: &mut dyn Tx) -> Stored<Vec<(MicroserviceUuid, MicroserviceStatus)>> {
    let rows = tx.query("SELECT microservice_uuid, document FROM microservice_status", &[])?;
    rows.iter().map(|row| Ok((MicroserviceUuid::from(row.text(0)?), row.document(1)?))).collect()
}

/// The stored status.
///
/// # Errors
/// When the database fails.
pub fn status(tx: &mut dyn Tx, uuid: &MicroserviceUuid) -> Stored<Option<MicroserviceStatus>> {
    let sql = "SELECT document FROM microservice_status WHERE microservice_uuid = ?1";
    tx.first(sql, &[uuid.as_str().into()])?.map(|row| row.document(0)).transpose()
}

/// Writes a status, unless the microservice is gone.
///
/// # Errors
/// When the database fails.
pub fn put_status(
    tx: &mut dyn Tx,
    uuid: &MicroserviceUuid,
    status: &MicroserviceStatus,
) -> Stored<u64> {
    tx.execute(
        "INSERT INTO microservice_status (microservice_uuid, document)
         SELECT uuid, ?2 FROM microservices WHERE uuid = ?1
         ON CONFLICT (microservice_uuid) DO UPDATE SET document = excluded.document",
        &[uuid.as_str().into(), serde_json::to_string(status)?.into()],
    )
}

/// The agent of each microservice that has one. Read once at start.
///
/// # Errors
/// When the database fails.
pub fn placements(tx: &mut dyn Tx) -> Stored<Vec<(MicroserviceUuid, FogUuid)>> {
    let sql = "SELECT uuid, fog_uuid FROM microservices WHERE fog_uuid IS NOT NULL";
    let rows = tx.query(sql, &[])?;
    rows.iter()
        .map(|row| Ok((MicroserviceUuid::from(row.text(0)?), FogUuid::from(row.text(1)?))))
        .collect()
}

/// Microservices of applications that are not active.
///
/// # Errors
/// When the database fails.
pub fn of_stopped_applications(tx: &mut dyn Tx) -> Stored<Vec<MicroserviceUuid>> {
    let sql = "SELECT uuid FROM microservices WHERE application_id IN
               (SELECT id FROM applications WHERE is_activated = 0)";
    let rows = tx.query(sql, &[])?;
    rows.iter().map(|row| Ok(MicroserviceUuid::from(row.text(0)?))).collect()
}

/// The next volume mapping id.
///
/// # Errors
/// When the database fails.
pub fn next_volume_id(tx: &mut dyn Tx) -> Stored<i64> {
    let sql = "INSERT INTO counters (name, last) VALUES ('volume', 1)
               ON CONFLICT (name) DO UPDATE SET last = counters.last + 1 RETURNING last";
    tx.insert(sql, &[])
}
