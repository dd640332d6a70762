//! Accounts and logins (controller contract 3). Hashing takes tens of milliseconds: it runs outside transactions, a few at a time.

use std::sync::Arc;

use iofog_api::{ApiError, ErrorClass, Fields};
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use super::{Answered, AnsweredLater, Auth, Handler, Route, Verb};
use crate::app::{App, Work};
use crate::domain::password::{self, SecretError};
use crate::http::{Reply, Request};
use crate::ops::user;
use crate::stop::Stop;
use crate::store::{self, user::User};

pub(super) const ROUTES: &[Route] = &[
    Route::new("user.login", Verb::Post, "/user/login", Auth::Anyone, 200, Handler::Async(login))
        .also(&[ErrorClass::InvalidCredentials])
        .guessed(),
    Route::new("user.logout", Verb::Post, "/user/logout", Auth::User, 204, Handler::Write(logout)),
    Route::new(
        "user.signup",
        Verb::Post,
        "/user/signup",
        Auth::Anyone,
        201,
        Handler::Async(signup),
    ),
    Route::new(
        "user.resend-activation",
        Verb::Get,
        "/user/signup/resend-activation",
        Auth::Anyone,
        204,
        Handler::Read(no_mail),
    )
    .also(&[ErrorClass::EmailActivationSetup]),
    Route::new(
        "user.activate",
        Verb::Post,
        "/user/activate",
        Auth::Anyone,
        303,
        Handler::Read(activate),
    )
    .finds(),
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
    Route::new(
        "user.reset-password",
        Verb::Delete,
        "/user/password",
        Auth::Anyone,
        204,
        Handler::Read(reset_password),
    )
    .finds()
    .also(&[ErrorClass::EmailActivationSetup]),
];

/// Hashes that are computed at one time; each takes 19 MiB.
static HASHING: Semaphore = Semaphore::const_new(2);

/// Runs a password hash beside the other requests.
async fn hashing<T>(compute: impl FnOnce() -> T) -> Result<T, ApiError> {
    let _permit = HASHING.acquire().await.map_err(|_| ApiError::internal("hashing is closed"))?;
    Ok(tokio::task::block_in_place(compute))
}

fn secret_failed(error: SecretError) -> ApiError {
    ApiError::internal(error.to_string())
}

fn login(app: Arc<App>, request: Request, _: Stop) -> AnsweredLater {
    Box::pin(async move {
        let body = Fields::of(&request.body)?;
        let email = body.required_string("email", 0)?;
        let given = body.required_string("password", 0)?;
        let found = app.read(move |work| Ok(store::user::by_email(work.tx, &email)?)).await?;
        let Some(found) = found else { return Err(user::invalid_credentials()) };
        let stored = found.password.clone();
        if !hashing(move || password::password_matches(&given, &stored)).await? {
            return Err(user::invalid_credentials());
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
        let new = User { id: 0, email, first_name, last_name, password: hash };
        let added = app.write(move |work| user::signup(work, new)).await?;
        Ok(Reply::json(json!({
            "userId": added.id,
            "firstName": added.first_name,
            "lastName": added.last_name,
            "email": added.email,
            "emailActivated": true,
        })))
    })
}

fn change_password(app: Arc<App>, request: Request, _: Stop) -> AnsweredLater {
    Box::pin(async move {
        let id = request.user()?;
        let body = Fields::of(&request.body)?;
        let old = body.required_string("oldPassword", 0)?;
        let new = body.required_string("newPassword", 8)?;
        let stored = app.read(move |work| Ok(user::account(work, id)?.password)).await?;
        if !hashing(move || password::password_matches(&old, &stored)).await? {
            return Err(ApiError::validation("Old password is incorrect"));
        }
        let hash = hashing(move || password::hash_password(&new)).await?.map_err(secret_failed)?;
        app.write(move |work| user::set_password(work, id, hash)).await?;
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

fn mail_not_set_up() -> ApiError {
    ApiError::new(
        ErrorClass::EmailActivationSetup,
        "Email activation is not configured on Controller",
    )
}

fn no_mail(_: &mut Work<'_>, request: &Request) -> Answered {
    match request.query("email") {
        Some(email) if iofog_api::check::is_email(email) => Err(mail_not_set_up()),
        Some(_) => Err(ApiError::validation("Invalid format for field 'email'")),
        None => Err(iofog_api::check::missing("email")),
    }
}

fn activate(_: &mut Work<'_>, request: &Request) -> Answered {
    // No mail, no codes: every code is unknown.
    Fields::of(&request.body)?.string("activationCode")?;
    Err(ApiError::not_found("Activation code not found"))
}

fn reset_password(work: &mut Work<'_>, request: &Request) -> Answered {
    let email = Fields::of(&request.body)?.required_email("email")?;
    match store::user::by_email(work.tx, &email)? {
        Some(_) => Err(mail_not_set_up()),
        None => Err(ApiError::not_found("Account not found")),
    }
}
