//! Rows of registries.

use super::{Row, Stored, Tx};
use crate::domain::registry::Registry;

fn read(row: &Row) -> Stored<Registry> {
    Ok(Registry { id: row.int(0)?, user_id: row.int_or_null(1)?, settings: row.document(2)? })
}

/// The registry with an id.
///
/// # Errors
/// When the database fails.
pub fn by_id(tx: &mut dyn Tx, id: i64) -> Stored<Option<Registry>> {
    let sql = "SELECT id, user_id, document FROM registries WHERE id = ?1";
    tx.first(sql, &[id.into()])?.as_ref().map(read).transpose()
}

/// A user's own registries and all public ones, by id.
///
/// # Errors
/// When the database fails.
pub fn visible(tx: &mut dyn Tx, user_id: i64) -> Stored<Vec<Registry>> {
    let rows = tx.query("SELECT id, user_id, document FROM registries ORDER BY id", &[])?;
    let all: Vec<Registry> = rows.iter().map(read).collect::<Stored<_>>()?;
    let seen = |one: &Registry| one.settings.is_public || one.user_id == Some(user_id);
    Ok(all.into_iter().filter(seen).collect())
}

/// Adds a registry; an `id` of 0 is replaced by the next one.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut dyn Tx, new: &Registry) -> Stored<i64> {
    let mut parameters = vec![new.user_id.into(), serde_json::to_string(&new.settings)?.into()];
    if new.id == 0 {
        let sql = "INSERT INTO registries (user_id, document) VALUES (?1, ?2) RETURNING id";
        return tx.insert(sql, &parameters);
    }
    parameters.push(new.id.into());
    let sql = "INSERT INTO registries (user_id, document, id) VALUES (?1, ?2, ?3) RETURNING id";
    tx.insert(sql, &parameters)
}

/// Writes a registry.
///
/// # Errors
/// When the database fails.
pub fn update(tx: &mut dyn Tx, changed: &Registry) -> Stored<u64> {
    tx.execute(
        "UPDATE registries SET document = ?2 WHERE id = ?1",
        &[changed.id.into(), serde_json::to_string(&changed.settings)?.into()],
    )
}

/// Removes a registry.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut dyn Tx, id: i64) -> Stored<u64> {
    tx.execute("DELETE FROM registries WHERE id = ?1", &[id.into()])
}
