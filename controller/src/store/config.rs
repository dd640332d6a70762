//! Rows of the shared configuration table.

use super::{Row, Stored, Tx};

/// A configuration value as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Id.
    pub id: i64,
    /// Key.
    pub key: String,
    /// Value.
    pub value: String,
    /// Creation, epoch ms.
    pub created: i64,
    /// Last change, epoch ms.
    pub updated: i64,
}

fn read(row: &Row) -> Stored<Entry> {
    Ok(Entry {
        id: row.int(0)?,
        key: row.text(1)?,
        value: row.text(2)?,
        created: row.int(3)?,
        updated: row.int(4)?,
    })
}

/// The entry with a key.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut dyn Tx, key: &str) -> Stored<Option<Entry>> {
    let sql = "SELECT id, name, content, created, updated FROM config WHERE name = ?1";
    tx.first(sql, &[key.into()])?.as_ref().map(read).transpose()
}

/// All entries.
///
/// # Errors
/// When the database fails.
pub fn all(tx: &mut dyn Tx) -> Stored<Vec<Entry>> {
    let sql = "SELECT id, name, content, created, updated FROM config ORDER BY id";
    tx.query(sql, &[])?.iter().map(read).collect()
}

/// Sets a value.
///
/// # Errors
/// When the database fails.
pub fn put(tx: &mut dyn Tx, key: &str, value: &str, now: i64) -> Stored<u64> {
    tx.execute(
        "INSERT INTO config (name, content, created, updated) VALUES (?1, ?2, ?3, ?3)
         ON CONFLICT (name) DO UPDATE SET content = excluded.content, updated = excluded.updated",
        &[key.into(), value.into(), now.into()],
    )
}
