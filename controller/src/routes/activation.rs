//! Mail to users: activation codes and temporary passwords (controller contract 3).

use std::sync::Arc;

use iofog_api::{ApiError, ErrorClass, Fields};

use super::user::{hashing, secret_failed};
use super::{Answered, AnsweredLater, Auth, Handler, Route, Verb};
use crate::app::{App, Work};
use crate::domain::activation::{self, CODE_LENGTH, PASSWORD_LENGTH};
use crate::domain::password;
use crate::http::{Reply, Request};
use crate::mail::{self, Turn};
use crate::ops::activation as op;
use crate::stop::Stop;
use crate::store::{self, user::User};

pub(super) const ROUTES: &[Route] = &[
    Route::new(
        "user.resend-activation",
        Verb::Get,
        "/user/signup/resend-activation",
        Auth::Anyone,
        204,
        Handler::Async(resend),
    )
    .also(&[ErrorClass::EmailActivationSetup]),
    Route::new(
        "user.activate",
        Verb::Post,
        "/user/activate",
        Auth::Anyone,
        303,
        Handler::Write(activate),
    )
    .finds()
    .guessed(),
    Route::new(
        "user.reset-password",
        Verb::Delete,
        "/user/password",
        Auth::Anyone,
        204,
        Handler::Async(reset_password),
    )
    .finds()
    .also(&[ErrorClass::EmailActivationSetup]),
];

/// Signs up an account that is opened by what its mail brings.
pub(super) async fn signup(app: &Arc<App>, new: User) -> Result<User, ApiError> {
    if !mail::is_address(&new.email) {
        return Err(ApiError::validation("Invalid format for field 'email'"));
    }
    let _turn = Turn::take(&new.email).ok_or_else(crate::ops::user::already_there)?;
    let taken = new.email.clone();
    let taken = app.read(move |work| Ok(store::user::by_email(work.tx, &taken)?)).await?;
    if taken.is_some() {
        return Err(crate::ops::user::already_there());
    }
    let code = send_code(app, &new.email).await?;
    app.write(move |work| op::signup(work, new, &code)).await
}

async fn send_code(app: &Arc<App>, email: &str) -> Result<String, ApiError> {
    let code = password::random_text(CODE_LENGTH).map_err(secret_failed)?;
    let letter = activation::activation(&app.settings.home_url, &code);
    mail::send(app.settings.mail.as_ref(), email, &letter).await?;
    Ok(code)
}

fn resend(app: Arc<App>, request: Request, _: Stop) -> AnsweredLater {
    Box::pin(async move {
        let email = match request.query("email") {
            Some(email) if iofog_api::check::is_email(email) => email.to_owned(),
            Some(_) => return Err(ApiError::validation("Invalid format for field 'email'")),
            None => return Err(iofog_api::check::missing("email")),
        };
        if app.settings.mail.is_none() {
            return Err(mail::not_set_up());
        }
        let wanted = email.clone();
        let found = app.read(move |work| Ok(store::user::by_email(work.tx, &wanted)?)).await?;
        let user = found.ok_or_else(|| ApiError::validation("Invalid user email"))?;
        let Some(_turn) = Turn::take(&email) else { return Ok(Reply::empty()) };
        let id = user.id;
        let recent = app.read(move |work| op::code_is_recent(work, id)).await?;
        if !user.is_activated && !recent {
            let code = send_code(&app, &email).await?;
            app.write(move |work| op::note_code(work, id, &code)).await?;
        }
        Ok(Reply::empty())
    })
}

fn activate(work: &mut Work<'_>, request: &Request) -> Answered {
    let code = Fields::of(&request.body)?.string("activationCode")?.unwrap_or_default();
    op::activate(work, &code)?;
    Ok(Reply::empty().with_header("location", work.settings.home_url.as_str()))
}

fn reset_password(app: Arc<App>, request: Request, _: Stop) -> AnsweredLater {
    Box::pin(async move {
        let email = Fields::of(&request.body)?.required_email("email")?;
        let found = app.read(move |work| Ok(store::user::by_email(work.tx, &email)?)).await?;
        let user = found.ok_or_else(|| ApiError::not_found("Account not found"))?;
        if app.settings.mail.is_none() {
            return Err(mail::not_set_up());
        }
        let Some(_turn) = Turn::take(&user.email) else { return Ok(Reply::empty()) };
        let id = user.id;
        let recent = app.read(move |work| op::password_is_recent(work, id)).await?;
        // Nobody has proved that the address is theirs, or nobody may log in: no mail, and no hint of it.
        let open = user.may_log_in() && (user.is_activated || !app.settings.activation);
        if recent || !open {
            return Ok(Reply::empty());
        }
        let new = password::random_text(PASSWORD_LENGTH).map_err(secret_failed)?;
        let given = new.clone();
        let hash =
            hashing(move || password::hash_password(&given)).await?.map_err(secret_failed)?;
        let home = &app.settings.home_url;
        let letter = activation::password_reset(&user.first_name, &user.last_name, home, &new);
        mail::send(app.settings.mail.as_ref(), &user.email, &letter).await?;
        app.write(move |work| op::note_password(work, &user, &hash)).await?;
        Ok(Reply::empty())
    })
}
