//! Rows that tell the other Controllers on the database what a commit changed in memory.

use super::{Stored, Tx};

/// Adds effects; the others are told with the commit.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut dyn Tx, origin: &str, now: i64, document: &str) -> Stored<()> {
    tx.execute(
        "INSERT INTO effects (origin, created, document) VALUES (?1, ?2, ?3)",
        &[origin.into(), now.into(), document.into()],
    )?;
    tx.query("SELECT pg_notify('iofog_effects', '')", &[])?;
    Ok(())
}

/// The newest effect; 0 when there is none.
///
/// # Errors
/// When the database fails.
pub fn newest(tx: &mut dyn Tx) -> Stored<i64> {
    match tx.first("SELECT id FROM effects ORDER BY id DESC LIMIT 1", &[])? {
        Some(row) => row.int(0),
        None => Ok(0),
    }
}

/// Removes effects that every Controller has heard, or missed for good. The newest stays, so that gaps are seen.
///
/// # Errors
/// When the database fails.
pub fn delete_before(tx: &mut dyn Tx, moment: i64) -> Stored<u64> {
    let sql = "DELETE FROM effects WHERE created < ?1 AND id < (SELECT max(id) FROM effects)";
    tx.execute(sql, &[moment.into()])
}
