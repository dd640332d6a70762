//! Rows of image snapshots: wanted while they have no file.

use iofog_api::{FogUuid, MicroserviceUuid};

use super::{Stored, Tx};

/// A snapshot of a microservice's image is wanted; a former file is not any more.
///
/// # Errors
/// When the database fails.
pub fn request(tx: &mut dyn Tx, uuid: &MicroserviceUuid) -> Stored<u64> {
    tx.execute(
        "INSERT INTO image_snapshots (microservice_uuid, path) VALUES (?1, NULL)
         ON CONFLICT (microservice_uuid) DO UPDATE SET path = NULL",
        &[uuid.as_str().into()],
    )
}

/// The file of a microservice's snapshot, once it was delivered.
///
/// # Errors
/// When the database fails.
pub fn file(tx: &mut dyn Tx, uuid: &MicroserviceUuid) -> Stored<Option<String>> {
    let sql = "SELECT path FROM image_snapshots WHERE microservice_uuid = ?1 AND path IS NOT NULL";
    tx.first(sql, &[uuid.as_str().into()])?.map(|row| row.text(0)).transpose()
}

/// Snapshots with that file.
///
/// # Errors
/// When the database fails.
pub fn users_of(tx: &mut dyn Tx, path: &str) -> Stored<usize> {
    let sql = "SELECT path FROM image_snapshots WHERE path = ?1";
    Ok(tx.query(sql, &[path.into()])?.len())
}

/// Forgets a snapshot.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut dyn Tx, uuid: &MicroserviceUuid) -> Stored<u64> {
    let sql = "DELETE FROM image_snapshots WHERE microservice_uuid = ?1";
    tx.execute(sql, &[uuid.as_str().into()])
}

/// Microservices of an agent whose snapshot is wanted.
///
/// # Errors
/// When the database fails.
pub fn wanted(tx: &mut dyn Tx, fog: &FogUuid) -> Stored<Vec<MicroserviceUuid>> {
    let sql =
        "SELECT microservice_uuid FROM image_snapshots WHERE path IS NULL AND microservice_uuid IN
               (SELECT uuid FROM microservices WHERE fog_uuid = ?1) ORDER BY microservice_uuid";
    let rows = tx.query(sql, &[fog.as_str().into()])?;
    rows.iter().map(|row| Ok(MicroserviceUuid::from(row.text(0)?))).collect()
}

/// Notes the file of a snapshot.
///
/// # Errors
/// When the database fails.
pub fn deliver(tx: &mut dyn Tx, uuid: &MicroserviceUuid, path: &str) -> Stored<u64> {
    let sql = "UPDATE image_snapshots SET path = ?2 WHERE microservice_uuid = ?1";
    tx.execute(sql, &[uuid.as_str().into(), path.into()])
}
