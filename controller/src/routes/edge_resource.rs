//! Edge resources (controller contract 14).

use iofog_api::Fields;
use serde_json::{Value, json};

use super::{Answered, Auth, Handler, Route, Verb};
use crate::app::Work;
use crate::domain::edge_resource::EdgeResource;
use crate::http::{Reply, Request};
use crate::ops::{edge_resource, fog};
use crate::store;
use crate::view::edge_resource::{full, listed};

pub(super) const ROUTES: &[Route] = &[
    Route::new(
        "edge-resource.list",
        Verb::Get,
        "/edgeResources",
        Auth::User,
        200,
        Handler::Read(list),
    ),
    Route::new(
        "edge-resource.create",
        Verb::Post,
        "/edgeResource",
        Auth::User,
        200,
        Handler::Write(create),
    )
    .rendered(),
    Route::new(
        "edge-resource.versions",
        Verb::Get,
        "/edgeResource/:name",
        Auth::User,
        200,
        Handler::Read(versions),
    ),
    Route::new(
        "edge-resource.get",
        Verb::Get,
        "/edgeResource/:name/:version",
        Auth::User,
        200,
        Handler::Read(get),
    ),
    Route::new(
        "edge-resource.put",
        Verb::Put,
        "/edgeResource/:name/:version",
        Auth::User,
        200,
        Handler::Write(put),
    )
    .unique()
    .rendered(),
    Route::new(
        "edge-resource.delete",
        Verb::Delete,
        "/edgeResource/:name/:version",
        Auth::User,
        202,
        Handler::Write(delete),
    ),
    Route::new(
        "edge-resource.link",
        Verb::Post,
        "/edgeResource/:name/:version/link",
        Auth::User,
        200,
        Handler::Write(link),
    ),
    Route::new(
        "edge-resource.unlink",
        Verb::Delete,
        "/edgeResource/:name/:version/link",
        Auth::User,
        200,
        Handler::Write(unlink),
    ),
];

fn named(work: &mut Work<'_>, request: &Request) -> Result<EdgeResource, iofog_api::ApiError> {
    let (name, version) = (request.parameter("name"), request.parameter("version"));
    edge_resource::owned(work, request.user()?, name, version)
}

fn list(work: &mut Work<'_>, request: &Request) -> Answered {
    let all = store::edge_resource::list(work.tx, request.user()?)?;
    let shown: Vec<_> = all.iter().map(listed).collect();
    Ok(Reply::json(json!({ "edgeResources": shown })))
}

fn create(work: &mut Work<'_>, request: &Request) -> Answered {
    let new = edge_resource::create(work, request.user()?, &Fields::of(&request.body)?)?;
    Ok(Reply::json(created(&new)))
}

/// The answer to a creation shows no tags (contract 14).
fn created(new: &EdgeResource) -> Value {
    let mut body = full(new);
    body["orchestrationTags"] = json!([]);
    body
}

fn versions(work: &mut Work<'_>, request: &Request) -> Answered {
    let name = request.parameter("name");
    let all = store::edge_resource::list(work.tx, request.user()?)?;
    let shown: Vec<_> = all.iter().filter(|one| one.name == name).map(full).collect();
    Ok(Reply::json(json!({ "edgeResources": shown })))
}

fn get(work: &mut Work<'_>, request: &Request) -> Answered {
    Ok(Reply::json(full(&named(work, request)?)))
}

fn put(work: &mut Work<'_>, request: &Request) -> Answered {
    let path = (request.parameter("name"), request.parameter("version"));
    let new = edge_resource::put(work, request.user()?, path, &Fields::of(&request.body)?)?;
    Ok(new.map_or_else(Reply::empty, |new| Reply::json(created(&new))))
}

fn delete(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = named(work, request)?;
    edge_resource::delete(work, &found)?;
    Ok(Reply::empty())
}

fn link(work: &mut Work<'_>, request: &Request) -> Answered {
    let uuid = Fields::of(&request.body)?.required_string("uuid", 0)?;
    let found = named(work, request)?;
    let fog = fog::owned(work, request.user()?, &uuid)?;
    edge_resource::link(work, &found, &fog.uuid)?;
    Ok(Reply::empty())
}

fn unlink(work: &mut Work<'_>, request: &Request) -> Answered {
    let uuid = Fields::of(&request.body)?.required_string("uuid", 0)?;
    let found = named(work, request)?;
    let fog = fog::owned(work, request.user()?, &uuid)?;
    edge_resource::unlink(work, &found, &fog.uuid)?;
    Ok(Reply::empty())
}
