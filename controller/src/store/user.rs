//! Rows of users.

use super::{Row, Stored, Tx};

/// A user as stored.
#[derive(Clone, Debug)]
pub struct User {
    /// Id.
    pub id: i64,
    /// E-mail address, the login name.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Password hash.
    pub password: String,
    /// The address has been proved, or did not have to be.
    pub is_activated: bool,
}

impl User {
    /// There is a password; in place of one that nobody may use stands something else.
    #[must_use]
    pub fn may_log_in(&self) -> bool {
        self.password.starts_with('$')
    }
}

fn read(row: &Row) -> Stored<User> {
    Ok(User {
        id: row.int(0)?,
        email: row.text(1)?,
        first_name: row.text(2)?,
        last_name: row.text(3)?,
        password: row.text(4)?,
        is_activated: row.int(5)? != 0,
    })
}

/// The user with an e-mail address.
///
/// # Errors
/// When the database fails.
pub fn by_email(tx: &mut dyn Tx, email: &str) -> Stored<Option<User>> {
    let sql = "SELECT id, email, first_name, last_name, password, is_activated FROM users WHERE email = ?1";
    tx.first(sql, &[email.into()])?.as_ref().map(read).transpose()
}

/// The user with an id.
///
/// # Errors
/// When the database fails.
pub fn by_id(tx: &mut dyn Tx, id: i64) -> Stored<Option<User>> {
    let sql =
        "SELECT id, email, first_name, last_name, password, is_activated FROM users WHERE id = ?1";
    tx.first(sql, &[id.into()])?.as_ref().map(read).transpose()
}

/// All users, by id.
///
/// # Errors
/// When the database fails.
pub fn all(tx: &mut dyn Tx) -> Stored<Vec<User>> {
    let sql =
        "SELECT id, email, first_name, last_name, password, is_activated FROM users ORDER BY id";
    tx.query(sql, &[])?.iter().map(read).collect()
}

/// Adds a user; `id` is ignored.
///
/// # Errors
/// When the database fails or the address is taken.
pub fn insert(tx: &mut dyn Tx, user: &User) -> Stored<i64> {
    tx.insert(
        "INSERT INTO users (email, first_name, last_name, password, is_activated) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id",
        &[
            user.email.as_str().into(),
            user.first_name.as_str().into(),
            user.last_name.as_str().into(),
            user.password.as_str().into(),
            i64::from(user.is_activated).into(),
        ],
    )
}

/// Writes names, password and whether it is activated.
///
/// # Errors
/// When the database fails.
pub fn update(tx: &mut dyn Tx, user: &User) -> Stored<u64> {
    tx.execute(
        "UPDATE users SET first_name = ?2, last_name = ?3, password = ?4, is_activated = ?5 WHERE id = ?1",
        &[
            user.id.into(),
            user.first_name.as_str().into(),
            user.last_name.as_str().into(),
            user.password.as_str().into(),
            i64::from(user.is_activated).into(),
        ],
    )
}

/// Removes a user.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut dyn Tx, id: i64) -> Stored<u64> {
    tx.execute("DELETE FROM users WHERE id = ?1", &[id.into()])
}
