//! Image registries (controller contract 13).

use iofog_api::{ApiError, Fields};
use serde_json::json;

use super::{Answered, Auth, Handler, Route, Verb};
use crate::app::Work;
use crate::domain::registry::{Registry, RegistrySettings};
use crate::http::{Reply, Request};
use crate::ops::registry;
use crate::{store, view};

pub(super) const ROUTES: &[Route] = &[
    Route::new("registry.list", Verb::Get, "/registries", Auth::User, 200, Handler::Read(list)),
    Route::new(
        "registry.create",
        Verb::Post,
        "/registries",
        Auth::User,
        201,
        Handler::Write(create),
    )
    .rendered(),
    Route::new(
        "registry.patch",
        Verb::Patch,
        "/registries/:id",
        Auth::User,
        204,
        Handler::Write(patch),
    )
    .rendered(),
    Route::new(
        "registry.delete",
        Verb::Delete,
        "/registries/:id",
        Auth::User,
        204,
        Handler::Write(delete),
    ),
];

fn list(work: &mut Work<'_>, request: &Request) -> Answered {
    let seen = store::registry::visible(work.tx, request.user()?)?;
    let shown: Vec<_> = seen.iter().map(|one| view::agent::registry(one, false)).collect();
    Ok(Reply::json(json!({ "registries": shown })))
}

fn create(work: &mut Work<'_>, request: &Request) -> Answered {
    let user = request.user()?;
    let settings = RegistrySettings::create(&Fields::of(&request.body)?)?;
    let id = store::registry::insert(work.tx, &Registry { id: 0, user_id: Some(user), settings })?;
    registry::tell(work, user)?;
    Ok(Reply::json(json!({ "id": id })))
}

fn patch(work: &mut Work<'_>, request: &Request) -> Answered {
    let user = request.user()?;
    let body = Fields::of(&request.body)?;
    let mut changed = store::registry::by_id(work.tx, id(request)?)?
        .ok_or_else(|| ApiError::not_found("Registry not found"))?;
    changed.settings.update(&body)?;
    // Somebody else's: 204 without effect (contract 13).
    if changed.user_id == Some(user) {
        store::registry::update(work.tx, &changed)?;
        registry::tell(work, user)?;
    }
    Ok(Reply::empty())
}

fn delete(work: &mut Work<'_>, request: &Request) -> Answered {
    let (user, id) = (request.user()?, id(request)?);
    let own = store::registry::by_id(work.tx, id)?.filter(|found| found.user_id == Some(user));
    let own = own.ok_or_else(|| ApiError::not_found(format!("Invalid registry id '{id}'")))?;
    registry::delete(work, &own)?;
    Ok(Reply::empty())
}

fn id(request: &Request) -> Result<i64, ApiError> {
    request
        .parameter("id")
        .parse()
        .map_err(|_| ApiError::validation("Field 'id' is not of a type(s) integer"))
}
