//! Routes between microservices (controller contract 11).

use iofog_api::{ApiError, ErrorClass, Fields};
use serde_json::{Value, json};

use super::{Answered, Auth, Handler, Route, Verb};
use crate::app::Work;
use crate::http::{Reply, Request};
use crate::ops::route;
use crate::store::{self, route::Route as Row};

pub(super) const ROUTES: &[Route] = &[
    Route::new("route.list", Verb::Get, "/routes", Auth::User, 200, Handler::Read(list)),
    Route::new("route.create", Verb::Post, "/routes", Auth::User, 200, Handler::Write(create))
        .finds()
        .statuses(&[(ErrorClass::DuplicateProperty, 400)])
        .rendered(),
    Route::new(
        "route.get",
        Verb::Get,
        "/routes/:appName/:name",
        Auth::User,
        200,
        Handler::Read(get),
    ),
    Route::new(
        "route.patch",
        Verb::Patch,
        "/routes/:appName/:name",
        Auth::User,
        204,
        Handler::Write(patch),
    )
    .unique()
    .rendered(),
    Route::new(
        "route.delete",
        Verb::Delete,
        "/routes/:appName/:name",
        Auth::User,
        204,
        Handler::Write(delete),
    ),
];

fn show(work: &mut Work<'_>, row: &Row) -> Result<Value, ApiError> {
    let application = store::application::by_id(work.tx, row.application_id)?;
    let source = store::microservice::by_uuid(work.tx, &row.source)?;
    let dest = store::microservice::by_uuid(work.tx, &row.dest)?;
    Ok(json!({
        "application": application.map(|found| found.name),
        "name": row.name,
        "from": source.map(|found| found.name),
        "to": dest.map(|found| found.name),
        "sourceMicroserviceUuid": row.source,
        "destMicroserviceUuid": row.dest,
    }))
}

fn list(work: &mut Work<'_>, _: &Request) -> Answered {
    let mut shown = Vec::new();
    for row in store::route::all(work.tx)? {
        shown.push(show(work, &row)?);
    }
    Ok(Reply::json(json!({ "routes": shown })))
}

fn create(work: &mut Work<'_>, request: &Request) -> Answered {
    let body = Fields::of(&request.body)?;
    let name = body.required_name("name")?;
    let ends = route::ends(work, request.user()?, &body)?;
    let new = route::create(work, &name, ends)?;
    Ok(Reply::json(json!({
        "isNetworkConnection": false,
        "id": new.id,
        "name": new.name,
        "sourceMicroserviceUuid": new.source,
        "destMicroserviceUuid": new.dest,
        "applicationId": new.application_id,
    })))
}

/// The caller's application of the name comes first; without one it is looked up without regard to its owner
/// (contract 11).
fn found(work: &mut Work<'_>, request: &Request, unknown: &str) -> Result<Row, ApiError> {
    let (application, name) = (request.parameter("appName"), request.parameter("name"));
    let own = store::application::by_name(work.tx, request.user()?, application)?;
    let found = match own {
        Some(own) => Some(own),
        None => store::application::by_name_of_any(work.tx, application)?,
    };
    let application = found
        .ok_or_else(|| ApiError::not_found(format!("Invalid application name '{application}'")))?;
    store::route::of_application(work.tx, application.id)?
        .into_iter()
        .find(|row| row.name == name)
        .ok_or_else(|| ApiError::not_found(unknown.replace("{name}", name)))
}

/// As [`found`], but only the owner may change it.
fn owned(work: &mut Work<'_>, request: &Request, unknown: &str) -> Result<Row, ApiError> {
    let row = found(work, request, unknown)?;
    let application = store::application::by_id(work.tx, row.application_id)?;
    if application.is_some_and(|application| Some(application.user_id) == request.user().ok()) {
        return Ok(row);
    }
    Err(ApiError::not_found(unknown.replace("{name}", &row.name)))
}

const INVALID: &str = "Invalid route name '{name}'";

fn get(work: &mut Work<'_>, request: &Request) -> Answered {
    let row = found(work, request, INVALID)?;
    Ok(Reply::json(show(work, &row)?))
}

fn patch(work: &mut Work<'_>, request: &Request) -> Answered {
    let row = owned(work, request, INVALID)?;
    let body = Fields::of(&request.body)?;
    let name = body.name("name")?;
    let any = ["from", "to", "application", "sourceMicroserviceUuid", "destMicroserviceUuid"];
    let ends = any
        .iter()
        .any(|field| body.has(field))
        .then(|| route::ends(work, request.user()?, &body))
        .transpose()?;
    route::update(work, &row, name, ends)?;
    Ok(Reply::empty())
}

fn delete(work: &mut Work<'_>, request: &Request) -> Answered {
    let row = owned(work, request, "Route not found")?;
    route::delete(work, &row)?;
    Ok(Reply::empty())
}
