//! Applications (controller contract 8).

use std::sync::Arc;

use iofog_api::Fields;
use serde_json::json;

use super::{Answered, AnsweredLater, Auth, Handler, Route, Verb};
use crate::app::{App, Work};
use crate::broker;
use crate::http::{Reply, Request};
use crate::ops::{application, application_template};
use crate::stop::Stop;
use crate::{store, view};

pub(super) const ROUTES: &[Route] = &[
    Route::new("application.list", Verb::Get, "/application", Auth::User, 200, Handler::Read(list)),
    Route::new(
        "application.create",
        Verb::Post,
        "/application",
        Auth::User,
        201,
        Handler::Write(create),
    )
    .finds()
    .unique()
    .rendered(),
    Route::new(
        "application.create-yaml",
        Verb::Post,
        "/application/yaml",
        Auth::User,
        201,
        Handler::Async(create_yaml),
    )
    .finds()
    .unique()
    .file("application"),
    Route::new(
        "application.get",
        Verb::Get,
        "/application/:name",
        Auth::User,
        200,
        Handler::Read(get),
    ),
    Route::new(
        "application.patch",
        Verb::Patch,
        "/application/:name",
        Auth::User,
        204,
        Handler::Write(patch),
    )
    .unique()
    .rendered(),
    Route::new(
        "application.put",
        Verb::Put,
        "/application/:name",
        Auth::User,
        204,
        Handler::Write(put),
    )
    .unique()
    .rendered(),
    Route::new(
        "application.put-yaml",
        Verb::Put,
        "/application/yaml/:name",
        Auth::User,
        204,
        Handler::Async(put_yaml),
    )
    .unique()
    .file("application"),
    Route::new(
        "application.delete",
        Verb::Delete,
        "/application/:name",
        Auth::User,
        204,
        Handler::Write(delete),
    ),
];

fn list(work: &mut Work<'_>, request: &Request) -> Answered {
    let mut shown = Vec::new();
    for row in store::application::list(work.tx, request.user()?)? {
        if !row.is_system {
            shown.push(view::application::application(work, &row)?);
        }
    }
    Ok(Reply::json(json!({ "applications": shown })))
}

fn create(work: &mut Work<'_>, request: &Request) -> Answered {
    let user = request.user()?;
    let deployed = application_template::deployed(work, user, &request.body)?;
    let body = deployed.as_ref().unwrap_or(&request.body);
    let new = application::create(work, user, &Fields::of(body)?)?;
    Ok(Reply::json(json!({ "id": new.id, "name": new.name })))
}

fn get(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = application::owned(work, request.user()?, request.parameter("name"))?;
    Ok(Reply::json(view::application::application(work, &found)?))
}

fn patch(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = application::owned(work, request.user()?, request.parameter("name"))?;
    application::update_metadata(work, &found, &Fields::of(&request.body)?)?;
    Ok(Reply::empty())
}

fn put(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = application::owned(work, request.user()?, request.parameter("name"))?;
    let deployed = application_template::deployed(work, found.user_id, &request.body)?;
    let body = deployed.as_ref().unwrap_or(&request.body);
    application::reconcile(work, &found, &Fields::of(body)?)?;
    Ok(Reply::empty())
}

fn create_yaml(app: Arc<App>, mut request: Request, _: Stop) -> AnsweredLater {
    Box::pin(async move {
        request.body = super::document(&request, "Application").await?;
        broker::write(&app, request, |work, request| {
            super::render(work, request)?;
            create(work, request)
        })
        .await
    })
}

fn put_yaml(app: Arc<App>, mut request: Request, _: Stop) -> AnsweredLater {
    Box::pin(async move {
        request.body = super::document(&request, "Application").await?;
        broker::write(&app, request, |work, request| {
            super::render(work, request)?;
            put(work, request)
        })
        .await
    })
}

/// Deleting what is not there succeeds (contract 8.1).
fn delete(work: &mut Work<'_>, request: &Request) -> Answered {
    let name = request.parameter("name");
    if let Some(found) = store::application::by_name(work.tx, request.user()?, name)? {
        application::delete(work, &found)?;
    }
    Ok(Reply::empty())
}
