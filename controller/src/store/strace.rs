//! Rows of traces of microservices.

use iofog_api::{FogUuid, MicroserviceUuid};

use super::{Stored, Tx};

/// Switches tracing of a microservice; what was traced stays.
///
/// # Errors
/// When the database fails.
pub fn set(tx: &mut dyn Tx, uuid: &MicroserviceUuid, run: bool) -> Stored<u64> {
    tx.execute(
        "INSERT INTO straces (microservice_uuid, run, buffer) VALUES (?1, ?2, '')
         ON CONFLICT (microservice_uuid) DO UPDATE SET run = excluded.run",
        &[uuid.as_str().into(), run.into()],
    )
}

/// What was traced, if tracing was ever switched.
///
/// # Errors
/// When the database fails.
pub fn buffer(tx: &mut dyn Tx, uuid: &MicroserviceUuid) -> Stored<Option<String>> {
    let sql = "SELECT buffer FROM straces WHERE microservice_uuid = ?1";
    tx.first(sql, &[uuid.as_str().into()])?.map(|row| row.text(0)).transpose()
}

/// Replaces what was traced.
///
/// # Errors
/// When the database fails.
pub fn put_buffer(tx: &mut dyn Tx, uuid: &MicroserviceUuid, buffer: &str) -> Stored<u64> {
    let sql = "UPDATE straces SET buffer = ?2 WHERE microservice_uuid = ?1";
    tx.execute(sql, &[uuid.as_str().into(), buffer.into()])
}

/// The switches of an agent's microservices.
///
/// # Errors
/// When the database fails.
pub fn of_fog(tx: &mut dyn Tx, fog: &FogUuid) -> Stored<Vec<(MicroserviceUuid, bool)>> {
    let sql = "SELECT microservice_uuid, run FROM straces WHERE microservice_uuid IN
               (SELECT uuid FROM microservices WHERE fog_uuid = ?1) ORDER BY microservice_uuid";
    let rows = tx.query(sql, &[fog.as_str().into()])?;
    rows.iter().map(|row| Ok((MicroserviceUuid::from(row.text(0)?), row.flag(1)?))).collect()
}
