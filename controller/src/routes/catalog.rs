//! The catalog (controller contract 12).

use iofog_api::ApiError;
use serde_json::{Value, json};

use super::{Answered, Auth, Handler, Route, Verb};
use crate::app::Work;
use crate::domain::catalog::{Item, SYSTEM};
use crate::http::{Reply, Request};
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
];

fn show(item: &Item) -> Value {
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
    let found = match id.parse() {
        Ok(id) => store::catalog::by_id(work.tx, id)?,
        Err(_) => None,
    };
    let found = found
        .filter(|item| item.user_id.is_none_or(|owner| owner == user))
        .filter(|item| item.category.as_deref() != Some(SYSTEM))
        .ok_or_else(|| ApiError::not_found(format!("Invalid catalog item id '{id}'")))?;
    Ok(Reply::json(show(&found)))
}
