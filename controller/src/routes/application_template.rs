//! Application templates (controller contract 9).

use std::sync::Arc;

use iofog_api::{ApiError, Fields, time};
use serde_json::{Map, Value, json};

use super::{Answered, AnsweredLater, Auth, Handler, Route, Verb};
use crate::app::{App, Work};
use crate::domain::application_template::Template;
use crate::http::{Reply, Request};
use crate::ops::{application_template as op, substitution};
use crate::stop::Stop;
use crate::store;

pub(super) const ROUTES: &[Route] = &[
    Route::new(
        "application-template.list",
        Verb::Get,
        "/applicationTemplates",
        Auth::User,
        200,
        Handler::Read(list),
    ),
    Route::new(
        "application-template.create",
        Verb::Post,
        "/applicationTemplate",
        Auth::User,
        201,
        Handler::Write(create),
    )
    .unique(),
    Route::new(
        "application-template.create-yaml",
        Verb::Post,
        "/applicationTemplate/yaml",
        Auth::User,
        201,
        Handler::Async(create_yaml),
    )
    .unique()
    .file("template"),
    Route::new(
        "application-template.get",
        Verb::Get,
        "/applicationTemplate/:name",
        Auth::User,
        200,
        Handler::Read(get),
    ),
    Route::new(
        "application-template.patch",
        Verb::Patch,
        "/applicationTemplate/:name",
        Auth::User,
        204,
        Handler::Write(patch),
    )
    .unique(),
    Route::new(
        "application-template.put",
        Verb::Put,
        "/applicationTemplate/:name",
        Auth::User,
        200,
        Handler::Write(put),
    )
    .unique(),
    Route::new(
        "application-template.put-yaml",
        Verb::Put,
        "/applicationTemplate/yaml/:name",
        Auth::User,
        200,
        Handler::Async(put_yaml),
    )
    .unique()
    .file("template"),
    Route::new(
        "application-template.delete",
        Verb::Delete,
        "/applicationTemplate/:name",
        Auth::User,
        204,
        Handler::Write(delete),
    ),
];

/// `value` shows a default: lists have it as JSON text, single templates as it is (contract 9).
fn show(of: &Template, value: impl Fn(&Value) -> Value) -> Value {
    let (created, updated) = (time::iso(of.created), time::iso(of.updated));
    let variables: Vec<Value> = of
        .settings
        .variables
        .iter()
        .map(|variable| {
            json!({
                "id": variable.id,
                "key": variable.key,
                "description": variable.description,
                "defaultValue": variable.default.as_ref().map(&value),
                "createdAt": created,
                "updatedAt": updated,
                "applicationTemplateId": of.id,
            })
        })
        .collect();
    json!({
        "id": of.id,
        "name": of.name,
        "description": of.settings.description,
        "schemaVersion": "",
        "createdAt": created,
        "updatedAt": updated,
        "userId": of.user_id,
        "variables": variables,
        "application": of.settings.application,
    })
}

fn list(work: &mut Work<'_>, request: &Request) -> Answered {
    let all = store::application_template::list(work.tx, request.user()?)?;
    let shown: Vec<_> =
        all.iter().map(|one| show(one, |value| Value::from(value.to_string()))).collect();
    Ok(Reply::json(json!({ "applicationTemplates": shown })))
}

fn get(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = op::owned(work, request.user()?, request.parameter("name"))?;
    Ok(Reply::json(show(&found, Value::clone)))
}

fn named(template: &Template) -> Reply {
    Reply::json(json!({ "id": template.id, "name": template.name }))
}

fn create(work: &mut Work<'_>, request: &Request) -> Answered {
    let new = op::create(work, request.user()?, &Fields::of(&request.body)?)?;
    Ok(named(&new))
}

fn create_yaml(app: Arc<App>, mut request: Request, _: Stop) -> AnsweredLater {
    Box::pin(async move {
        request.body = super::document(&request, "ApplicationTemplate").await?;
        app.write(move |work| {
            render_variables(work, &mut request)?;
            create(work, &request)
        })
        .await
    })
}

fn put(work: &mut Work<'_>, request: &Request) -> Answered {
    let body = Fields::of(&request.body)?;
    let changed = op::put(work, request.user()?, request.parameter("name"), &body)?;
    Ok(named(&changed))
}

fn put_yaml(app: Arc<App>, mut request: Request, _: Stop) -> AnsweredLater {
    Box::pin(async move {
        request.body = super::document(&request, "ApplicationTemplate").await?;
        app.write(move |work| {
            render_variables(work, &mut request)?;
            put(work, &request)
        })
        .await
    })
}

fn patch(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = op::owned(work, request.user()?, request.parameter("name"))?;
    // Only these two; variables and application are for PUT.
    let given = ["name", "description"].into_iter().filter_map(|field| {
        Some((field.to_owned(), request.body.get(field).filter(|value| !value.is_null())?.clone()))
    });
    let body = Value::Object(given.collect());
    op::update(work, found, &Fields::of(&body)?)?;
    Ok(Reply::empty())
}

/// Deleting what is not there succeeds.
fn delete(work: &mut Work<'_>, request: &Request) -> Answered {
    let (user, name) = (request.user()?, request.parameter("name"));
    if let Some(found) = store::application_template::by_name(work.tx, user, name)? {
        store::application_template::delete(work.tx, found.id)?;
    }
    Ok(Reply::empty())
}

/// Of an uploaded document's templates only those in `variables` are rendered now.
fn render_variables(work: &mut Work<'_>, request: &mut Request) -> Result<(), ApiError> {
    let user = request.user()?;
    match request.body.get_mut("variables") {
        Some(variables) => substitution::render(work, user, variables, &Map::new()),
        None => Ok(()),
    }
}
