//! The catalog (controller contract 12).

use iofog_api::{ApiError, Fields};
use serde_json::{Value, json};

use super::{Answered, Auth, Handler, Route, Verb};
use crate::app::Work;
use crate::domain::catalog::{Item, SYSTEM};
use crate::http::{Reply, Request};
use crate::ops::catalog;
use crate::store;

pub(super) const ROUTES: &[Route] = &[
    Route::new(
        "catalog.list",
        Verb::Get,
        "/catalog/microservices",
        Auth::User,
        200,
        Handler::Read(list),
    ),
    Route::new(
        "catalog.get",
        Verb::Get,
        "/catalog/microservices/:id",
        Auth::User,
        200,
        Handler::Read(get),
    ),
    Route::new(
        "catalog.create",
        Verb::Post,
        "/catalog/microservices",
        Auth::User,
        201,
        Handler::Write(create),
    )
    .finds()
    .unique()
    .rendered(),
    Route::new(
        "catalog.update",
        Verb::Patch,
        "/catalog/microservices/:id",
        Auth::User,
        204,
        Handler::Write(update),
    )
    .unique()
    .rendered(),
    Route::new(
        "catalog.delete",
        Verb::Delete,
        "/catalog/microservices/:id",
        Auth::User,
        204,
        Handler::Write(delete),
    ),
];

/// An item as the API shows it.
pub(crate) fn show(item: &Item) -> Value {
    let settings = &item.settings;
    let images: Vec<_> = settings
        .images
        .iter()
        .map(|image| {
            let name = Some(image.image.as_str()).filter(|name| !name.is_empty());
            json!({ "containerImage": name, "fogTypeId": image.fog_type })
        })
        .collect();
    json!({
        "id": item.id,
        "name": item.name,
        "description": settings.description,
        "category": item.category,
        "configExample": settings.config_example,
        "publisher": settings.publisher,
        "diskRequired": settings.disk_required,
        "ramRequired": settings.ram_required,
        "picture": settings.picture,
        "isPublic": settings.is_public,
        "registryId": settings.registry_id,
        "images": images,
        "inputType": settings.input_type,
        "outputType": settings.output_type,
    })
}

fn list(work: &mut Work<'_>, request: &Request) -> Answered {
    let seen = store::catalog::visible(work.tx, request.user()?)?;
    let shown: Vec<_> =
        seen.iter().filter(|item| item.category.as_deref() != Some(SYSTEM)).map(show).collect();
    Ok(Reply::json(json!({ "catalogItems": shown })))
}

fn get(work: &mut Work<'_>, request: &Request) -> Answered {
    let (user, id) = (request.user()?, request.parameter("id"));
    let found = by_id(work, id)?
        .filter(|item| item.user_id.is_none_or(|owner| owner == user))
        .filter(|item| item.category.as_deref() != Some(SYSTEM))
        .ok_or_else(|| invalid(id))?;
    Ok(Reply::json(show(&found)))
}

fn invalid(id: &str) -> ApiError {
    ApiError::not_found(format!("Invalid catalog item id '{id}'"))
}

fn by_id(work: &mut Work<'_>, id: &str) -> Result<Option<Item>, ApiError> {
    match id.parse() {
        Ok(id) => Ok(store::catalog::by_id(work.tx, id)?),
        Err(_) => Ok(None),
    }
}

/// The item of the path, which must be the caller's own.
fn own(work: &mut Work<'_>, request: &Request) -> Result<Item, ApiError> {
    let (user, id) = (request.user()?, request.parameter("id"));
    by_id(work, id)?.filter(|item| item.user_id == Some(user)).ok_or_else(|| invalid(id))
}

fn create(work: &mut Work<'_>, request: &Request) -> Answered {
    let id = catalog::create(work, request.user()?, &Fields::of(&request.body)?)?;
    Ok(Reply::json(json!({ "id": id })))
}

fn update(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = own(work, request)?;
    catalog::update(work, request.user()?, found, &Fields::of(&request.body)?)?;
    Ok(Reply::empty())
}

fn delete(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = own(work, request)?;
    catalog::delete(work, &found)?;
    Ok(Reply::empty())
}
