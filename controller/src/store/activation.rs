//! Rows of what mail brings: activation codes and temporary passwords; only hashes are stored.

use super::{Stored, Tx};

/// Adds an activation code.
///
/// # Errors
/// When the database fails.
pub fn insert_code(tx: &mut dyn Tx, hash: &str, user_id: i64, expires: i64) -> Stored<u64> {
    tx.execute(
        "INSERT INTO activation_codes (hash, user_id, expires) VALUES (?1, ?2, ?3)",
        &[hash.into(), user_id.into(), expires.into()],
    )
}

/// The user of an activation code that is good at `now`.
///
/// # Errors
/// When the database fails.
pub fn user_of_code(tx: &mut dyn Tx, hash: &str, now: i64) -> Stored<Option<i64>> {
    let sql = "SELECT user_id FROM activation_codes WHERE hash = ?1 AND expires >= ?2";
    tx.first(sql, &[hash.into(), now.into()])?.map(|row| row.int(0)).transpose()
}

/// When the last activation code of a user expires.
///
/// # Errors
/// When the database fails.
pub fn last_code(tx: &mut dyn Tx, user_id: i64) -> Stored<Option<i64>> {
    let sql =
        "SELECT max(expires) FROM activation_codes WHERE user_id = ?1 HAVING max(expires) > 0";
    tx.first(sql, &[user_id.into()])?.map(|row| row.int(0)).transpose()
}

/// Removes all activation codes of a user.
///
/// # Errors
/// When the database fails.
pub fn delete_codes(tx: &mut dyn Tx, user_id: i64) -> Stored<u64> {
    tx.execute("DELETE FROM activation_codes WHERE user_id = ?1", &[user_id.into()])
}

/// Replaces the temporary password of a user.
///
/// # Errors
/// When the database fails.
pub fn put_password(tx: &mut dyn Tx, user_id: i64, hash: &str, expires: i64) -> Stored<u64> {
    tx.execute(
        "INSERT INTO temporary_passwords (user_id, password, expires) VALUES (?1, ?2, ?3)
         ON CONFLICT (user_id) DO UPDATE SET password = excluded.password, expires = excluded.expires",
        &[user_id.into(), hash.into(), expires.into()],
    )
}

/// The hash of a user's temporary password, when one is good at `now`.
///
/// # Errors
/// When the database fails.
pub fn password(tx: &mut dyn Tx, user_id: i64, now: i64) -> Stored<Option<String>> {
    let sql = "SELECT password FROM temporary_passwords WHERE user_id = ?1 AND expires >= ?2";
    tx.first(sql, &[user_id.into(), now.into()])?.map(|row| row.text(0)).transpose()
}

/// Removes the temporary password of a user.
///
/// # Errors
/// When the database fails.
pub fn delete_password(tx: &mut dyn Tx, user_id: i64) -> Stored<u64> {
    tx.execute("DELETE FROM temporary_passwords WHERE user_id = ?1", &[user_id.into()])
}

/// Removes what expired before `now`.
///
/// # Errors
/// When the database fails.
pub fn delete_expired(tx: &mut dyn Tx, now: i64) -> Stored<u64> {
    tx.execute("DELETE FROM activation_codes WHERE expires < ?1", &[now.into()])?;
    tx.execute("DELETE FROM temporary_passwords WHERE expires < ?1", &[now.into()])
}
