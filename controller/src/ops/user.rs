//! Users: accounts, logins, passwords (controller contract 3). Password hashing happens outside transactions.

use iofog_api::{ApiError, ErrorClass};

use crate::app::Work;
use crate::live::Effect;
use crate::store::{self, user::User};

/// Adds an account.
///
/// # Errors
/// When the address has one.
pub fn signup(work: &mut Work<'_>, user: User) -> Result<User, ApiError> {
    if store::user::by_email(work.tx, &user.email)?.is_some() {
        return Err(already_there());
    }
    let id = store::user::insert(work.tx, &user)?;
    Ok(User { id, ..user })
}

/// The address has an account.
#[must_use]
pub fn already_there() -> ApiError {
    ApiError::validation(
        "Registration failed: There is already an account associated with your email address. \
         Please try logging in instead.",
    )
}

/// The account of the caller.
///
/// # Errors
/// When it is gone.
pub fn account(work: &mut Work<'_>, id: i64) -> Result<User, ApiError> {
    store::user::by_id(work.tx, id)?.ok_or_else(ApiError::unauthorised)
}

/// `Invalid credentials`, for an unknown address and a wrong password alike.
#[must_use]
pub fn invalid_credentials() -> ApiError {
    ApiError::new(ErrorClass::InvalidCredentials, "Invalid credentials")
}

/// Notes a login's token.
///
/// # Errors
/// When the database fails.
pub fn add_token(work: &mut Work<'_>, user: i64, hash: String) -> Result<(), ApiError> {
    let expires = work.now + work.settings.user_token_ms;
    store::token::insert_user(work.tx, &hash, user, expires)?;
    work.effect(Effect::UserToken(hash, user, expires));
    Ok(())
}

/// Forgets all tokens of a user.
///
/// # Errors
/// When the database fails.
pub fn drop_tokens(work: &mut Work<'_>, user: i64) -> Result<(), ApiError> {
    store::token::delete_user(work.tx, user)?;
    work.effect(Effect::DropUser(user));
    Ok(())
}

/// Stores a new password hash in place of all passwords, and ends all sessions.
///
/// # Errors
/// When the account is gone.
pub fn set_password(work: &mut Work<'_>, id: i64, hash: String) -> Result<(), ApiError> {
    let user = account(work, id)?;
    store::activation::delete_password(work.tx, id)?;
    store::user::update(work.tx, &User { password: hash, ..user })?;
    drop_tokens(work, id)
}

/// Removes an account with everything that belongs to it.
///
/// # Errors
/// When agents of it are running and `force` is not set.
pub fn delete(work: &mut Work<'_>, id: i64, force: bool) -> Result<(), ApiError> {
    let fogs: Vec<_> =
        store::fog::all(work.tx)?.into_iter().filter(|fog| fog.user_id == id).collect();
    let running =
        fogs.iter().any(|fog| work.live.statuses.fog(&fog.uuid).daemon_status == "RUNNING");
    if running && !force {
        return Err(ApiError::validation(
            "There are running iofog-agents, stop them before removal or pass 'force' parameter",
        ));
    }
    for application in store::application::list(work.tx, id)? {
        super::application::delete(work, &application)?;
    }
    for fog in fogs {
        super::fog::delete(work, &fog)?;
    }
    for registry in store::registry::visible(work.tx, id)? {
        if registry.user_id == Some(id) {
            super::registry::delete(work, &registry)?;
        }
    }
    for item in store::catalog::visible(work.tx, id)? {
        if item.user_id == Some(id) {
            super::catalog::delete(work, &item)?;
        }
    }
    for template in store::application_template::list(work.tx, id)? {
        store::application_template::delete(work.tx, template.id)?;
    }
    for resource in store::edge_resource::list(work.tx, id)? {
        store::edge_resource::delete(work.tx, resource.id)?;
    }
    store::enrolment::delete_keys(work.tx, id)?;
    drop_tokens(work, id)?;
    store::activation::delete_codes(work.tx, id)?;
    store::activation::delete_password(work.tx, id)?;
    store::user::delete(work.tx, id)?;
    Ok(())
}
