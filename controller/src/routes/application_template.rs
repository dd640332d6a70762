//! Application templates (controller contract 9).

use iofog_api::{ApiError, Fields, time};
use serde_json::{Map, Value, json};

use super::{Answered, Auth, Handler, Route, Verb};
use crate::app::Work;
use crate::domain::application_template::Template;
use crate::domain::yaml;
use crate::http::{Reply, Request};
use crate::ops::{application_template as op, substitution};
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
    ),
    Route::new(
        "application-template.create-yaml",
        Verb::Post,
        "/applicationTemplate/yaml",
        Auth::User,
        201,
        Handler::Write(create_yaml),
    )
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
    ),
    Route::new(
        "application-template.put",
        Verb::Put,
        "/applicationTemplate/:name",
        Auth::User,
        200,
        Handler::Write(put),
    ),
    Route::new(
        "application-template.put-yaml",
        Verb::Put,
        "/applicationTemplate/yaml/:name",
        Auth::User,
        200,
        Handler::Write(put_yaml),
    )
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

fn create_yaml(work: &mut Work<'_>, request: &Request) -> Answered {
    let body = document(work, request)?;
    let new = op::create(work, request.user()?, &Fields::of(&body)?)?;
    Ok(named(&new))
}

fn put(work: &mut Work<'_>, request: &Request) -> Answered {
    let body = Fields::of(&request.body)?;
    let changed = op::put(work, request.user()?, request.parameter("name"), &body)?;
    Ok(named(&changed))
}

fn put_yaml(work: &mut Work<'_>, request: &Request) -> Answered {
    let body = document(work, request)?;
    let name = request.parameter("name");
    let changed = op::put(work, request.user()?, name, &Fields::of(&body)?)?;
    Ok(named(&changed))
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

/// The uploaded document; of its templates only those in `variables` are rendered now.
fn document(work: &mut Work<'_>, request: &Request) -> Result<Value, ApiError> {
    let text = super::yaml_text(request, "Application Template file missing")?;
    let mut body = Value::Object(yaml::read(text, "ApplicationTemplate")?);
    if let Some(variables) = body.get_mut("variables") {
        substitution::render(work, request.user()?, variables, &Map::new())?;
    }
    Ok(body)
}
