//! Rows of routes between microservices.

use iofog_api::MicroserviceUuid;

use super::{Row, Stored, Tx};

/// A route as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Id.
    pub id: i64,
    /// Name, unique in its application.
    pub name: String,
    /// Application.
    pub application_id: i64,
    /// Who sends.
    pub source: MicroserviceUuid,
    /// Who receives.
    pub dest: MicroserviceUuid,
}

fn read(row: &Row) -> Stored<Route> {
    Ok(Route {
        id: row.int(0)?,
        name: row.text(1)?,
        application_id: row.int(2)?,
        source: MicroserviceUuid::from(row.text(3)?),
        dest: MicroserviceUuid::from(row.text(4)?),
    })
}

/// Routes of an application in order of creation.
///
/// # Errors
/// When the database fails.
pub fn of_application(tx: &mut dyn Tx, id: i64) -> Stored<Vec<Route>> {
    let sql = "SELECT id, name, application_id, source_uuid, dest_uuid FROM routes
               WHERE application_id = ?1 ORDER BY id";
    tx.query(sql, &[id.into()])?.iter().map(read).collect()
}

/// Routes that begin or end at a microservice.
///
/// # Errors
/// When the database fails.
pub fn of_microservice(tx: &mut dyn Tx, uuid: &MicroserviceUuid) -> Stored<Vec<Route>> {
    let sql = "SELECT id, name, application_id, source_uuid, dest_uuid FROM routes
               WHERE source_uuid = ?1 OR dest_uuid = ?1 ORDER BY id";
    tx.query(sql, &[uuid.as_str().into()])?.iter().map(read).collect()
}

/// All routes of all users.
///
/// # Errors
/// When the database fails.
pub fn all(tx: &mut dyn Tx) -> Stored<Vec<Route>> {
    let sql = "SELECT id, name, application_id, source_uuid, dest_uuid FROM routes ORDER BY id";
    tx.query(sql, &[])?.iter().map(read).collect()
}

/// Adds a route; `id` is ignored.
///
/// # Errors
/// When the database fails or the application has one of that name.
pub fn insert(tx: &mut dyn Tx, new: &Route) -> Stored<i64> {
    tx.insert(
        "INSERT INTO routes (name, application_id, source_uuid, dest_uuid) VALUES (?1, ?2, ?3, ?4) RETURNING id",
        &[
            new.name.as_str().into(),
            new.application_id.into(),
            new.source.as_str().into(),
            new.dest.as_str().into(),
        ],
    )
}

/// Writes a route.
///
/// # Errors
/// When the database fails or the application has another of that name.
pub fn update(tx: &mut dyn Tx, changed: &Route) -> Stored<u64> {
    tx.execute(
        "UPDATE routes SET name = ?2, application_id = ?3, source_uuid = ?4, dest_uuid = ?5 WHERE id = ?1",
        &[
            changed.id.into(),
            changed.name.as_str().into(),
            changed.application_id.into(),
            changed.source.as_str().into(),
            changed.dest.as_str().into(),
        ],
    )
}

/// Removes a route.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut dyn Tx, id: i64) -> Stored<u64> {
    tx.execute("DELETE FROM routes WHERE id = ?1", &[id.into()])
}
