//! Accounts as the command line sees them: found by address, suspended, given a token or a password.

use iofog_api::{ApiError, Fields};
use serde_json::{Value, json};

use crate::app::Work;
use crate::domain::password::{self, SecretError};
use crate::ops::{activation, user};
use crate::store;
use crate::store::user::User;

/// In front of the password hash of a suspended account: no password matches.
const SUSPENDED: char = '!';

pub(super) fn by_email(work: &mut Work<'_>, email: &str) -> Result<User, ApiError> {
    store::user::by_email(work.tx, email)?
        .ok_or_else(|| ApiError::not_found(format!("Invalid user email '{email}'")))
}

pub(super) fn by_id(work: &mut Work<'_>, id: i64) -> Result<User, ApiError> {
    store::user::by_id(work.tx, id)?
        .ok_or_else(|| ApiError::not_found(format!("Invalid user id '{id}'")))
}

pub(super) fn list(work: &mut Work<'_>) -> Result<Value, ApiError> {
    let users = store::user::all(work.tx)?;
    let shown = users.iter().map(|user| {
        json!({
            "id": user.id,
            "firstName": user.first_name,
            "lastName": user.last_name,
            "email": user.email,
            "suspended": user.password.starts_with(SUSPENDED),
        })
    });
    Ok(shown.collect())
}

pub(super) fn token(work: &mut Work<'_>, email: &str) -> Result<Value, ApiError> {
    let found = by_email(work, email)?;
    if found.password.starts_with(SUSPENDED) {
        return Err(ApiError::validation(format!("User '{email}' is suspended")));
    }
    let token = password::user_token().map_err(failed)?;
    user::add_token(work, found.id, password::token_hash(&token))?;
    Ok(json!({ "accessToken": token }))
}

/// No login any more, and the end of all sessions; or logins again, whether or not its mail was answered.
pub(super) fn suspend(work: &mut Work<'_>, email: &str, yes: bool) -> Result<Value, ApiError> {
    let found = by_email(work, email)?;
    let hash = found.password.trim_start_matches(SUSPENDED);
    let hash = if yes { format!("{SUSPENDED}{hash}") } else { hash.to_owned() };
    let (id, changed) = (found.id, hash != found.password);
    if !yes {
        activation::open(work, found)?;
    }
    if changed {
        user::set_password(work, id, hash)?;
    }
    Ok(Value::Null)
}

/// Names and password of an account; a suspended one stays so.
pub(super) fn update(work: &mut Work<'_>, email: &str, body: &Value) -> Result<Value, ApiError> {
    let mut changed = by_email(work, email)?;
    let fields = Fields::of(body)?;
    for (field, name) in
        [(&mut changed.first_name, "firstName"), (&mut changed.last_name, "lastName")]
    {
        if fields.get(name).is_some() {
            *field = fields.required_string(name, 3)?;
        }
    }
    store::user::update(work.tx, &changed)?;
    if fields.get("password").is_some() {
        let given = fields.required_string("password", 8)?;
        let suspended = if changed.password.starts_with(SUSPENDED) { "!" } else { "" };
        let hash = password::hash_password(&given).map_err(failed)?;
        user::set_password(work, changed.id, format!("{suspended}{hash}"))?;
    }
    Ok(Value::Null)
}

#[allow(clippy::needless_pass_by_value, reason = "an argument of map_err")]
fn failed(error: SecretError) -> ApiError {
    ApiError::internal(error.to_string())
}
