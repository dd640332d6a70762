//! Activation of accounts and temporary passwords (controller contract 3). The mail goes out first: what it brings counts once the rows
//! say so, and a mail that nobody took leaves nothing behind.

use iofog_api::ApiError;

use crate::app::Work;
use crate::domain::activation::{CODE_MS, PASSWORD_MS, RECENT_MS};
use crate::domain::password::token_hash;
use crate::store::{self, user::User};

/// Adds an account that waits for its activation code.
///
/// # Errors
/// When the address has one.
pub fn signup(work: &mut Work<'_>, user: User, code: &str) -> Result<User, ApiError> {
    let added = super::user::signup(work, User { is_activated: false, ..user })?;
    note_code(work, added.id, code)?;
    Ok(added)
}

/// Notes a further activation code; those before it stay good, as their mails may arrive late. None for an account that went.
///
/// # Errors
/// When the database fails.
pub fn note_code(work: &mut Work<'_>, user: i64, code: &str) -> Result<(), ApiError> {
    if store::user::by_id(work.tx, user)?.is_none() {
        return Ok(());
    }
    store::activation::insert_code(work.tx, &token_hash(code), user, work.now + CODE_MS)?;
    Ok(())
}

/// Opens the account of a code, which is used up by that with all others of the account.
///
/// # Errors
/// When no account waits for it.
pub fn activate(work: &mut Work<'_>, code: &str) -> Result<(), ApiError> {
    let unknown = || ApiError::not_found("Activation code not found");
    let user = store::activation::user_of_code(work.tx, &token_hash(code), work.now)?;
    let user = store::user::by_id(work.tx, user.ok_or_else(unknown)?)?.ok_or_else(unknown)?;
    open(work, user)
}

/// Opens an account.
///
/// # Errors
/// When the database fails.
pub fn open(work: &mut Work<'_>, user: User) -> Result<(), ApiError> {
    store::activation::delete_codes(work.tx, user.id)?;
    store::user::update(work.tx, &User { is_activated: true, ..user })?;
    Ok(())
}

/// Notes the hash of a temporary password, in place of the one before; not when the account got a new password, or went, since
/// it was read as `before`.
///
/// # Errors
/// When the database fails.
pub fn note_password(work: &mut Work<'_>, before: &User, hash: &str) -> Result<(), ApiError> {
    let now = store::user::by_id(work.tx, before.id)?;
    if now.is_some_and(|now| now.password == before.password) {
        store::activation::put_password(work.tx, before.id, hash, work.now + PASSWORD_MS)?;
    }
    Ok(())
}

/// A code went out just now: asking again and again fills no mailbox.
///
/// # Errors
/// When the database fails.
pub fn code_is_recent(work: &mut Work<'_>, user: i64) -> Result<bool, ApiError> {
    let last = store::activation::last_code(work.tx, user)?;
    Ok(last.is_some_and(|expires| expires > work.now + CODE_MS - RECENT_MS))
}

/// A temporary password went out just now.
///
/// # Errors
/// When the database fails.
pub fn password_is_recent(work: &mut Work<'_>, user: i64) -> Result<bool, ApiError> {
    let then = work.now + PASSWORD_MS - RECENT_MS;
    Ok(store::activation::password(work.tx, user, then)?.is_some())
}
