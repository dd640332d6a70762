//! Rows of catalog items.

use super::{Row, Stored, Tx};
use crate::domain::catalog::Item;

fn read(row: &Row) -> Stored<Item> {
    Ok(Item {
        id: row.int(0)?,
        user_id: row.int_or_null(1)?,
        name: row.text(2)?,
        category: row.text_or_null(3)?,
        settings: row.document(4)?,
    })
}

/// The item with an id.
///
/// # Errors
/// When the database fails.
pub fn by_id(tx: &mut dyn Tx, id: i64) -> Stored<Option<Item>> {
    let sql = "SELECT id, user_id, name, category, document FROM catalog_items WHERE id = ?1";
    tx.first(sql, &[id.into()])?.as_ref().map(read).transpose()
}

/// A user's own and the seeded items, by id.
///
/// # Errors
/// When the database fails.
pub fn visible(tx: &mut dyn Tx, user_id: i64) -> Stored<Vec<Item>> {
    let sql = "SELECT id, user_id, name, category, document FROM catalog_items
               WHERE user_id IS NULL OR user_id = ?1 ORDER BY id";
    tx.query(sql, &[user_id.into()])?.iter().map(read).collect()
}

/// Users' items whose images lie in a registry. There are few items: they are looked through.
///
/// # Errors
/// When the database fails.
pub fn of_registry(tx: &mut dyn Tx, registry: i64) -> Stored<Vec<Item>> {
    let sql = "SELECT id, user_id, name, category, document FROM catalog_items
               WHERE user_id IS NOT NULL ORDER BY id";
    let all: Vec<Item> = tx.query(sql, &[])?.iter().map(read).collect::<Stored<_>>()?;
    Ok(all.into_iter().filter(|item| item.settings.registry_id == registry).collect())
}

/// Adds an item; an `id` of 0 is replaced by the next one.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut dyn Tx, new: &Item) -> Stored<i64> {
    let mut parameters = vec![
        new.user_id.into(),
        new.name.as_str().into(),
        new.category.clone().into(),
        serde_json::to_string(&new.settings)?.into(),
    ];
    if new.id == 0 {
        let sql = "INSERT INTO catalog_items (user_id, name, category, document)
                   VALUES (?1, ?2, ?3, ?4) RETURNING id";
        return tx.insert(sql, &parameters);
    }
    parameters.push(new.id.into());
    let sql = "INSERT INTO catalog_items (user_id, name, category, document, id)
               VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id";
    tx.insert(sql, &parameters)
}

/// Writes an item.
///
/// # Errors
/// When the database fails.
pub fn update(tx: &mut dyn Tx, changed: &Item) -> Stored<u64> {
    tx.execute(
        "UPDATE catalog_items SET name = ?2, category = ?3, document = ?4 WHERE id = ?1",
        &[
            changed.id.into(),
            changed.name.as_str().into(),
            changed.category.clone().into(),
            serde_json::to_string(&changed.settings)?.into(),
        ],
    )
}

/// Removes an item.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut dyn Tx, id: i64) -> Stored<u64> {
    tx.execute("DELETE FROM catalog_items WHERE id = ?1", &[id.into()])
}
