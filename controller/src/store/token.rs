//! Rows of access tokens and provisioning keys; only hashes are stored.

use iofog_api::FogUuid;

use super::{Stored, Tx};

/// Adds a token of a user.
///
/// # Errors
/// When the database fails.
pub fn insert_user(tx: &mut dyn Tx, hash: &str, user_id: i64, expires: i64) -> Stored<u64> {
    tx.execute(
        "INSERT INTO user_tokens (hash, user_id, expires) VALUES (?1, ?2, ?3)",
        &[hash.into(), user_id.into(), expires.into()],
    )
}

/// All users' tokens: hash, user, expiry. Read once at start.
///
/// # Errors
/// When the database fails.
pub fn all_user(tx: &mut dyn Tx) -> Stored<Vec<(String, i64, i64)>> {
    let rows = tx.query("SELECT hash, user_id, expires FROM user_tokens", &[])?;
    rows.iter().map(|row| Ok((row.text(0)?, row.int(1)?, row.int(2)?))).collect()
}

/// A user's token by hash: user and expiry.
///
/// # Errors
/// When the database fails.
pub fn user(tx: &mut dyn Tx, hash: &str) -> Stored<Option<(i64, i64)>> {
    let sql = "SELECT user_id, expires FROM user_tokens WHERE hash = ?1";
    tx.first(sql, &[hash.into()])?.map(|row| Ok((row.int(0)?, row.int(1)?))).transpose()
}

/// An agent's token by hash: agent and expiry.
///
/// # Errors
/// When the database fails.
pub fn fog(tx: &mut dyn Tx, hash: &str) -> Stored<Option<(FogUuid, i64)>> {
    let sql = "SELECT fog_uuid, expires FROM fog_tokens WHERE hash = ?1";
    let row = tx.first(sql, &[hash.into()])?;
    row.map(|row| Ok((FogUuid::from(row.text(0)?), row.int(1)?))).transpose()
}

/// Removes all tokens of a user.
///
/// # Errors
/// When the database fails.
pub fn delete_user(tx: &mut dyn Tx, user_id: i64) -> Stored<u64> {
    tx.execute("DELETE FROM user_tokens WHERE user_id = ?1", &[user_id.into()])
}

/// Sets the expiry of a user's token.
///
/// # Errors
/// When the database fails.
pub fn extend_user(tx: &mut dyn Tx, hash: &str, expires: i64) -> Stored<u64> {
    tx.execute(
        "UPDATE user_tokens SET expires = ?2 WHERE hash = ?1",
        &[hash.into(), expires.into()],
    )
}

/// Removes tokens that expired before `now`.
///
/// # Errors
/// When the database fails.
pub fn delete_expired(tx: &mut dyn Tx, now: i64) -> Stored<u64> {
    tx.execute("DELETE FROM user_tokens WHERE expires < ?1", &[now.into()])?;
    tx.execute("DELETE FROM provision_keys WHERE expires < ?1", &[(now - 86_400_000).into()])
}

/// Replaces the token of an agent.
///
/// # Errors
/// When the database fails.
pub fn put_fog(tx: &mut dyn Tx, fog: &FogUuid, hash: &str, expires: i64) -> Stored<u64> {
    tx.execute(
        "INSERT INTO fog_tokens (fog_uuid, hash, expires) VALUES (?1, ?2, ?3)
         ON CONFLICT (fog_uuid) DO UPDATE SET hash = excluded.hash, expires = excluded.expires",
        &[fog.as_str().into(), hash.into(), expires.into()],
    )
}

/// All agents' tokens: hash, agent, expiry. Read once at start.
///
/// # Errors
/// When the database fails.
pub fn all_fog(tx: &mut dyn Tx) -> Stored<Vec<(String, FogUuid, i64)>> {
    let rows = tx.query("SELECT hash, fog_uuid, expires FROM fog_tokens", &[])?;
    rows.iter().map(|row| Ok((row.text(0)?, FogUuid::from(row.text(1)?), row.int(2)?))).collect()
}

/// Sets the expiry of an agent's token.
///
/// # Errors
/// When the database fails.
pub fn extend_fog(tx: &mut dyn Tx, hash: &str, expires: i64) -> Stored<u64> {
    tx.execute("UPDATE fog_tokens SET expires = ?2 WHERE hash = ?1", &[hash.into(), expires.into()])
}

/// Replaces the provisioning key of an agent.
///
/// # Errors
/// When the database fails.
pub fn put_key(tx: &mut dyn Tx, fog: &FogUuid, hash: &str, expires: i64) -> Stored<u64> {
    tx.execute(
        "INSERT INTO provision_keys (fog_uuid, hash, expires) VALUES (?1, ?2, ?3)
         ON CONFLICT (fog_uuid) DO UPDATE SET hash = excluded.hash, expires = excluded.expires",
        &[fog.as_str().into(), hash.into(), expires.into()],
    )
}

/// Whose provisioning key this is, and its expiry.
///
/// # Errors
/// When the database fails.
pub fn key_owner(tx: &mut dyn Tx, hash: &str) -> Stored<Option<(FogUuid, i64)>> {
    let sql = "SELECT fog_uuid, expires FROM provision_keys WHERE hash = ?1";
    let row = tx.first(sql, &[hash.into()])?;
    row.map(|row| Ok((FogUuid::from(row.text(0)?), row.int(1)?))).transpose()
}

/// Uses up a provisioning key.
///
/// # Errors
/// When the database fails.
pub fn delete_key(tx: &mut dyn Tx, hash: &str) -> Stored<u64> {
    tx.execute("DELETE FROM provision_keys WHERE hash = ?1", &[hash.into()])
}
