//! The legacy names of applications, by numeric id (controller contract 18); standard clients still call them.

use iofog_api::{ApiError, Fields};
use serde_json::json;

use super::{Answered, Auth, Handler, Route, Verb};
use crate::app::Work;
use crate::http::{Reply, Request};
use crate::ops::application;
use crate::store::{self, application::Application};
use crate::view;

pub(super) const ROUTES: &[Route] = &[
    Route::new("flow.list", Verb::Get, "/flow", Auth::User, 200, Handler::Read(list)),
    Route::new("flow.create", Verb::Post, "/flow", Auth::User, 201, Handler::Write(create))
        .finds()
        .unique(),
    Route::new("flow.get", Verb::Get, "/flow/:id", Auth::User, 200, Handler::Read(get)),
    Route::new("flow.patch", Verb::Patch, "/flow/:id", Auth::User, 204, Handler::Write(patch))
        .unique(),
    Route::new("flow.delete", Verb::Delete, "/flow/:id", Auth::User, 204, Handler::Write(delete)),
];

fn owned(work: &mut Work<'_>, request: &Request) -> Result<Application, ApiError> {
    let (user, id) = (request.user()?, request.parameter("id"));
    let found = match id.parse() {
        Ok(id) => store::application::by_id(work.tx, id)?,
        Err(_) => None,
    };
    found
        .filter(|found| found.user_id == user)
        .ok_or_else(|| ApiError::not_found(format!("Invalid application id '{id}'")))
}

fn list(work: &mut Work<'_>, request: &Request) -> Answered {
    let mut shown = Vec::new();
    for row in store::application::list(work.tx, request.user()?)? {
        if !row.is_system {
            shown.push(view::application::application(work, &row)?);
        }
    }
    Ok(Reply::json(json!({ "flows": shown })))
}

fn create(work: &mut Work<'_>, request: &Request) -> Answered {
    let new = application::create(work, request.user()?, &Fields::of(&request.body)?)?;
    Ok(Reply::json(json!({ "id": new.id, "name": new.name })))
}

fn get(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = owned(work, request)?;
    Ok(Reply::json(view::application::application(work, &found)?))
}

fn patch(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = owned(work, request)?;
    application::update_metadata(work, &found, &Fields::of(&request.body)?)?;
    Ok(Reply::empty())
}

fn delete(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = owned(work, request)?;
    application::delete(work, &found)?;
    Ok(Reply::empty())
}
