//! Rows of application templates.

use super::{Row, Stored, Tx};
use crate::domain::application_template::Template;

fn read(row: &Row) -> Stored<Template> {
    Ok(Template {
        id: row.int(0)?,
        user_id: row.int(1)?,
        name: row.text(2)?,
        created: row.int(3)?,
        updated: row.int(4)?,
        settings: row.document(5)?,
    })
}

/// A user's template of a name.
///
/// # Errors
/// When the database fails.
pub fn by_name(tx: &mut dyn Tx, user_id: i64, name: &str) -> Stored<Option<Template>> {
    let sql = "SELECT id, user_id, name, created, updated, document FROM application_templates
               WHERE user_id = ?1 AND name = ?2";
    tx.first(sql, &[user_id.into(), name.into()])?.as_ref().map(read).transpose()
}

/// A user's templates, by id.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut dyn Tx, user_id: i64) -> Stored<Vec<Template>> {
    let sql = "SELECT id, user_id, name, created, updated, document FROM application_templates
               WHERE user_id = ?1 ORDER BY id";
    tx.query(sql, &[user_id.into()])?.iter().map(read).collect()
}

/// Adds a template; its `id` is replaced by the next one.
///
/// # Errors
/// When the database fails or the name is taken.
pub fn insert(tx: &mut dyn Tx, new: &Template) -> Stored<i64> {
    tx.insert(
        "INSERT INTO application_templates (user_id, name, created, updated, document)
         VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id",
        &[
            new.user_id.into(),
            new.name.as_str().into(),
            new.created.into(),
            new.updated.into(),
            serde_json::to_string(&new.settings)?.into(),
        ],
    )
}

/// Writes a template.
///
/// # Errors
/// When the database fails or the name is taken.
pub fn update(tx: &mut dyn Tx, changed: &Template) -> Stored<u64> {
    tx.execute(
        "UPDATE application_templates SET name = ?2, updated = ?3, document = ?4 WHERE id = ?1",
        &[
            changed.id.into(),
            changed.name.as_str().into(),
            changed.updated.into(),
            serde_json::to_string(&changed.settings)?.into(),
        ],
    )
}

/// Removes a template.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut dyn Tx, id: i64) -> Stored<u64> {
    tx.execute("DELETE FROM application_templates WHERE id = ?1", &[id.into()])
}

/// The next variable id.
///
/// # Errors
/// When the database fails.
pub fn next_variable_id(tx: &mut dyn Tx) -> Stored<i64> {
    let sql = "INSERT INTO counters (name, last) VALUES ('template-variable', 1)
               ON CONFLICT (name) DO UPDATE SET last = counters.last + 1 RETURNING last";
    tx.insert(sql, &[])
}
