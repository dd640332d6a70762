//! Rows of applications.

use super::{Row, SqlValue, Stored, Tx};

/// An application as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Id.
    pub id: i64,
    /// Owner.
    pub user_id: i64,
    /// Name, unique per user.
    pub name: String,
    /// Description.
    pub description: Option<String>,
    /// Its microservices are wanted on their agents.
    pub is_activated: bool,
    /// Hidden from lists.
    pub is_system: bool,
    /// Creation, epoch ms.
    pub created: i64,
    /// Last change, epoch ms.
    pub updated: i64,
}

fn read(row: &Row) -> Stored<Application> {
    Ok(Application {
        id: row.int(0)?,
        user_id: row.int(1)?,
        name: row.text(2)?,
        description: row.text_or_null(3)?,
        is_activated: row.flag(4)?,
        is_system: row.flag(5)?,
        created: row.int(6)?,
        updated: row.int(7)?,
    })
}

fn one(tx: &mut dyn Tx, sql: &'static str, parameters: &[SqlValue]) -> Stored<Option<Application>> {
    tx.first(sql, parameters)?.as_ref().map(read).transpose()
}

/// A user's application with a name.
///
/// # Errors
/// When the database fails.
pub fn by_name(tx: &mut dyn Tx, user_id: i64, name: &str) -> Stored<Option<Application>> {
    let sql = "SELECT id, user_id, name, description, is_activated, is_system, created, updated
               FROM applications WHERE user_id = ?1 AND name = ?2";
    one(tx, sql, &[user_id.into(), name.into()])
}

/// The first application with a name, of any user.
///
/// # Errors
/// When the database fails.
pub fn by_name_of_any(tx: &mut dyn Tx, name: &str) -> Stored<Option<Application>> {
    let sql = "SELECT id, user_id, name, description, is_activated, is_system, created, updated
               FROM applications WHERE name = ?1 ORDER BY id";
    one(tx, sql, &[name.into()])
}

/// The application with an id.
///
/// # Errors
/// When the database fails.
pub fn by_id(tx: &mut dyn Tx, id: i64) -> Stored<Option<Application>> {
    let sql = "SELECT id, user_id, name, description, is_activated, is_system, created, updated
               FROM applications WHERE id = ?1";
    one(tx, sql, &[id.into()])
}

/// A user's applications in order of creation.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut dyn Tx, user_id: i64) -> Stored<Vec<Application>> {
    let sql = "SELECT id, user_id, name, description, is_activated, is_system, created, updated
               FROM applications WHERE user_id = ?1 ORDER BY id";
    tx.query(sql, &[user_id.into()])?.iter().map(read).collect()
}

/// Adds an application; `id` is ignored.
///
/// # Errors
/// When the database fails or the user has one of that name.
pub fn insert(tx: &mut dyn Tx, new: &Application) -> Stored<i64> {
    tx.insert(
        "INSERT INTO applications (user_id, name, description, is_activated, is_system, created, updated)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id",
        &[
            new.user_id.into(),
            new.name.as_str().into(),
            new.description.clone().into(),
            new.is_activated.into(),
            new.is_system.into(),
            new.created.into(),
            new.updated.into(),
        ],
    )
}

/// Writes an application.
///
/// # Errors
/// When the database fails or the user has another of that name.
pub fn update(tx: &mut dyn Tx, changed: &Application) -> Stored<u64> {
    tx.execute(
        "UPDATE applications SET name = ?2, description = ?3, is_activated = ?4, is_system = ?5,
         updated = ?6 WHERE id = ?1",
        &[
            changed.id.into(),
            changed.name.as_str().into(),
            changed.description.clone().into(),
            changed.is_activated.into(),
            changed.is_system.into(),
            changed.updated.into(),
        ],
    )
}

/// Removes an application.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut dyn Tx, id: i64) -> Stored<u64> {
    tx.execute("DELETE FROM applications WHERE id = ?1", &[id.into()])
}
