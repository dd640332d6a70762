//! Rows of enrolment keys and of the devices that enrolled; only hashes of keys and proofs are stored.

use iofog_api::FogUuid;

use super::{Row, Stored, Tx};
use crate::domain::enrolment::Batch;

fn read(row: &Row) -> Stored<Batch> {
    Ok(Batch {
        id: row.int(0)?,
        user_id: row.int(1)?,
        created: row.int(2)?,
        expires: row.int(3)?,
        devices: row.int(4)?,
        used: row.int(5)?,
        minute: row.int(6)?,
        in_minute: row.int(7)?,
        terms: row.document(8)?,
    })
}

/// Adds a key; gives its id.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut dyn Tx, hash: &str, new: &Batch) -> Stored<i64> {
    tx.insert(
        "INSERT INTO enrolment_keys (user_id, hash, created, expires, devices, used, minute, in_minute, document)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) RETURNING id",
        &[
            new.user_id.into(),
            hash.into(),
            new.created.into(),
            new.expires.into(),
            new.devices.into(),
            new.used.into(),
            new.minute.into(),
            new.in_minute.into(),
            serde_json::to_string(&new.terms)?.into(),
        ],
    )
}

/// What a key is good for.
///
/// # Errors
/// When the database fails.
pub fn by_hash(tx: &mut dyn Tx, hash: &str) -> Stored<Option<Batch>> {
    let sql = "SELECT id, user_id, created, expires, devices, used, minute, in_minute, document
               FROM enrolment_keys WHERE hash = ?1";
    tx.first(sql, &[hash.into()])?.as_ref().map(read).transpose()
}

/// A user's keys, by id.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut dyn Tx, user_id: i64) -> Stored<Vec<Batch>> {
    let sql = "SELECT id, user_id, created, expires, devices, used, minute, in_minute, document
               FROM enrolment_keys WHERE user_id = ?1 ORDER BY id";
    tx.query(sql, &[user_id.into()])?.iter().map(read).collect()
}

/// Whose key this is.
///
/// # Errors
/// When the database fails.
pub fn owner(tx: &mut dyn Tx, id: i64) -> Stored<Option<i64>> {
    let sql = "SELECT user_id FROM enrolment_keys WHERE id = ?1";
    tx.first(sql, &[id.into()])?.map(|row| row.int(0)).transpose()
}

/// Writes what a key was used for.
///
/// # Errors
/// When the database fails.
pub fn update(tx: &mut dyn Tx, changed: &Batch) -> Stored<u64> {
    tx.execute(
        "UPDATE enrolment_keys SET used = ?2, minute = ?3, in_minute = ?4 WHERE id = ?1",
        &[changed.id.into(), changed.used.into(), changed.minute.into(), changed.in_minute.into()],
    )
}

/// Takes a key of a user back.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut dyn Tx, user_id: i64, id: i64) -> Stored<u64> {
    let sql = "DELETE FROM enrolment_keys WHERE user_id = ?1 AND id = ?2";
    tx.execute(sql, &[user_id.into(), id.into()])
}

/// Takes all keys of a user back.
///
/// # Errors
/// When the database fails.
pub fn delete_keys(tx: &mut dyn Tx, user_id: i64) -> Stored<u64> {
    tx.execute("DELETE FROM enrolment_keys WHERE user_id = ?1", &[user_id.into()])
}

/// The agent of a user's device, and the hash of the device's proof.
///
/// # Errors
/// When the database fails.
pub fn device(tx: &mut dyn Tx, user_id: i64, device: &str) -> Stored<Option<(FogUuid, String)>> {
    let sql = "SELECT fog_uuid, proof FROM enrolments WHERE user_id = ?1 AND device = ?2";
    let row = tx.first(sql, &[user_id.into(), device.into()])?;
    row.map(|row| Ok((FogUuid::from(row.text(0)?), row.text(1)?))).transpose()
}

/// Notes which agent a device has.
///
/// # Errors
/// When the database fails.
pub fn insert_device(
    tx: &mut dyn Tx,
    user_id: i64,
    device: &str,
    proof: &str,
    fog: &FogUuid,
) -> Stored<u64> {
    tx.execute(
        "INSERT INTO enrolments (user_id, device, proof, fog_uuid) VALUES (?1, ?2, ?3, ?4)",
        &[user_id.into(), device.into(), proof.into(), fog.as_str().into()],
    )
}
