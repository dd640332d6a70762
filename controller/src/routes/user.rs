//! Accounts and logins (controller contract 3). Hashing takes tens of milliseconds: it runs outside transactions, a few at a time.

use std::sync::{Arc, LazyLock};

use iofog_api::{ApiError, ErrorClass, Fields};
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use super::{Answered, AnsweredLater, Auth, Handler, Route, Verb};
use crate::app::{App, Work};
use crate::domain::activation;
use crate::domain::password::{self, SecretError};
use crate::http::{Reply, Request};
use crate::mail;
use crate::ops::user;
use crate::stop::Stop;
use crate::store::{self, user::User};

pub(super) const ROUTES: &[Route] = &[
    Route::new("user.login", Verb::Post, "/user/login", Auth::Anyone, 200, Handler::Async(login))
        .also(&[ErrorClass::InvalidCredentials, ErrorClass::EmailActivationSetup])
        .guessed(),
    Route::new("user.logout", Verb::Post, "/user/logout", Auth::User, 204, Handler::Write(logout)),
    Route::new(
        "user.signup",
        Verb::Post,
        "/user/signup",
        Auth::Anyone,
        201,
        Handler::Async(signup),
    )
    .also(&[ErrorClass::EmailActivationSetup]),
    Route::new("user.profile", Verb::Get, "/user/profile", Auth::User, 200, Handler::Read(profile)),
    Route::new(
        "user.update-profile",
        Verb::Patch,
        "/user/profile",
        Auth::User,
        200,
        Handler::Write(update_profile),
    ),
    Route::new(
        "user.delete",
        Verb::Delete,
        "/user/profile",
        Auth::User,
        204,
        Handler::Write(delete),
    ),
    Route::new(
        "user.change-password",
        Verb::Patch,
        "/user/password",
        Auth::User,
        204,
        Handler::Async(change_password),
    ),
];

/// Hashes that are computed at one time; each takes 19 MiB.
static HASHING: Semaphore = Semaphore::const_new(2);

/// Runs a password hash beside the other requests.
pub(super) async fn hashing<T>(compute: impl FnOnce() -> T) -> Result<T, ApiError> {
    let _permit = HASHING.acquire().await.map_err(|_| ApiError::internal("hashing is closed"))?;
    Ok(tokio::task::block_in_place(compute))
}

pub(super) fn secret_failed(error: SecretError) -> ApiError {
    ApiError::internal(error.to_string())
}

/// The text is the user's password, or the temporary one.
async fn is_password(app: &Arc<App>, user: &User, given: String) -> Result<bool, ApiError> {
    if !user.may_log_in() {
        return as_if_known(given).await;
    }
    let (id, own) = (user.id, user.password.clone());
    let temporary =
        app.read(move |work| Ok(store::activation::password(work.tx, id, work.now)?)).await?;
    hashing(move || {
        let mut hashes = std::iter::once(own).chain(temporary);
        hashes.any(|hash| password::password_matches(&given, &hash))
    })
    .await
}

/// Takes as long as a password that is compared: the time tells nobody who has an account.
async fn as_if_known(given: String) -> Result<bool, ApiError> {
    static NOBODY: LazyLock<String> =
        LazyLock::new(|| password::hash_password("").unwrap_or_default());
    hashing(move || password::password_matches(&given, &NOBODY)).await?;
    Ok(false)
}

fn login(app: Arc<App>, request: Request, _: Stop) -> AnsweredLater {
    Box::pin(async move {
        let body = Fields::of(&request.body)?;
        let email = body.required_string("email", 0)?;
        let given = body.required_string("password", 0)?;
        let found = app.read(move |work| Ok(store::user::by_email(work.tx, &email)?)).await?;
        let Some(found) = found else {
            as_if_known(given).await?;
            return Err(user::invalid_credentials());
        };
        if !is_password(&app, &found, given).await? {
            return Err(user::invalid_credentials());
        }
        if app.settings.activation && !found.is_activated {
            return Err(ApiError::new(
                ErrorClass::EmailActivationSetup,
                "Email is not activated. Please activate your account first.",
            ));
        }
        let token = password::user_token().map_err(secret_failed)?;
        let hash = password::token_hash(&token);
        app.write(move |work| user::add_token(work, found.id, hash)).await?;
        Ok(Reply::json(json!({ "accessToken": token })))
    })
}

fn signup(app: Arc<App>, request: Request, _: Stop) -> AnsweredLater {
    Box::pin(async move {
        let body = Fields::of(&request.body)?;
        let first_name = body.required_string("firstName", 3)?;
        let last_name = body.required_string("lastName", 3)?;
        let email = body.required_email("email")?;
        let given = body.required_string("password", 8)?;
        let hash =
            hashing(move || password::hash_password(&given)).await?.map_err(secret_failed)?;
        let new = User { id: 0, email, first_name, last_name, password: hash, is_activated: true };
        let added = if app.settings.activation {
            super::activation::signup(&app, new).await?
        } else {
            app.write(move |work| user::signup(work, new)).await?
        };
        Ok(Reply::json(json!({
            "userId": added.id,
            "firstName": added.first_name,
            "lastName": added.last_name,
            "email": added.email,
            "emailActivated": added.is_activated,
        })))
    })
}

fn change_password(app: Arc<App>, request: Request, _: Stop) -> AnsweredLater {
    Box::pin(async move {
        let id = request.user()?;
        let body = Fields::of(&request.body)?;
        let old = body.required_string("oldPassword", 0)?;
        let new = body.required_string("newPassword", 8)?;
        let account = app.read(move |work| user::account(work, id)).await?;
        if !is_password(&app, &account, old).await? {
            return Err(ApiError::validation("Old password is incorrect"));
        }
        let hash = hashing(move || password::hash_password(&new)).await?.map_err(secret_failed)?;
        app.write(move |work| user::set_password(work, id, hash)).await?;
        if app.settings.mail.is_some() {
            tokio::spawn(async move {
                let (first, last) = (&account.first_name, &account.last_name);
                let letter = activation::password_changed(first, last);
                // Told to the log; the password is changed all the same.
                let _ = mail::send(app.settings.mail.as_ref(), &account.email, &letter).await;
            });
        }
        Ok(Reply::empty())
    })
}

fn logout(work: &mut Work<'_>, request: &Request) -> Answered {
    user::drop_tokens(work, request.user()?)?;
    Ok(Reply::empty())
}

fn profile(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = user::account(work, request.user()?)?;
    Ok(Reply::json(json!({
        "firstName": found.first_name,
        "lastName": found.last_name,
        "email": found.email,
    })))
}

fn update_profile(work: &mut Work<'_>, request: &Request) -> Answered {
    let mut changed = user::account(work, request.user()?)?;
    let body = Fields::of(&request.body)?;
    let mut shown = Map::new();
    for (field, name) in
        [(&mut changed.first_name, "firstName"), (&mut changed.last_name, "lastName")]
    {
        if body.get(name).is_some() {
            *field = body.required_string(name, 3)?;
            shown.insert(name.to_owned(), Value::from(field.as_str()));
        }
    }
    shown.insert("email".to_owned(), Value::from(changed.email.as_str()));
    store::user::update(work.tx, &changed)?;
    Ok(Reply::json(Value::Object(shown)))
}

fn delete(work: &mut Work<'_>, request: &Request) -> Answered {
    let force = Fields::of(&request.body)?.boolean("force")?.unwrap_or(false);
    user::delete(work, request.user()?, force)?;
    Ok(Reply::empty())
}
