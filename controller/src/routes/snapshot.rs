//! Snapshots of the images of microservices (controller contract 6 and 15): wanted by users, delivered by agents, fetched once.
//! Files lie on the disk of the Controller that received them.

use std::fs::File;

use iofog_api::{ApiError, ErrorClass};
use serde_json::json;

use super::{Answered, Auth, Handler, Route, Verb};
use crate::app::Work;
use crate::domain::change::Flags;
use crate::domain::password::random_text;
use crate::http::{Reply, Request};
use crate::ops::{agent, find};
use crate::store;

pub(super) const ROUTES: &[Route] = &[
    Route::new(
        "snapshot.request",
        Verb::Post,
        "/microservices/:uuid/image-snapshot",
        Auth::User,
        201,
        Handler::Write(request),
    ),
    Route::new(
        "snapshot.get",
        Verb::Get,
        "/microservices/:uuid/image-snapshot",
        Auth::User,
        200,
        Handler::Write(get),
    )
    // As 3.0.4: clients wait for the snapshot by this answer.
    .statuses(&[(ErrorClass::Validation, 500)]),
    Route::new(
        "agent.snapshot",
        Verb::Get,
        "/agent/image-snapshot",
        Auth::Agent,
        200,
        Handler::Read(wanted),
    )
    .finds(),
    Route::new(
        "agent.put-snapshot",
        Verb::Put,
        "/agent/image-snapshot",
        Auth::Agent,
        200,
        Handler::Write(deliver),
    )
    .file("upstream")
    .spooled(),
];

fn request(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = find::microservice(work, request.user()?, request.parameter("uuid"))?;
    if let Some(path) = store::snapshot::file(work.tx, &found.uuid)? {
        store::snapshot::delete(work.tx, &found.uuid)?;
        remove_unused(work, &path)?;
    }
    store::snapshot::request(work.tx, &found.uuid)?;
    if let Some(fog) = &found.fog {
        work.flag(fog, Flags::IMAGE_SNAPSHOT)?;
    }
    Ok(Reply::empty())
}

fn get(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = find::microservice(work, request.user()?, request.parameter("uuid"))?;
    let missing = || ApiError::validation("Image snapshot is not available for this microservice.");
    let path = store::snapshot::file(work.tx, &found.uuid)?.ok_or_else(missing)?;
    let file = File::open(work.settings.snapshots().join(&path)).map_err(|error| {
        log::error!("snapshot {path}: {error}");
        missing()
    })?;
    let length = file.metadata().map_err(|error| ApiError::internal(error.to_string()))?.len();
    store::snapshot::delete(work.tx, &found.uuid)?;
    // The open file stays readable until it is sent.
    remove_unused(work, &path)?;
    Ok(Reply::attachment(file, length, &path, "application/gzip"))
}

fn wanted(work: &mut Work<'_>, request: &Request) -> Answered {
    let uuids = store::snapshot::wanted(work.tx, request.agent()?)?;
    let first = uuids.first().ok_or_else(|| ApiError::not_found("Image snapshot not found"))?;
    Ok(Reply::json(json!({ "uuid": first })))
}

fn deliver(work: &mut Work<'_>, request: &Request) -> Answered {
    let spooled = request.file.as_ref().and_then(|file| file.spooled.as_ref());
    let spooled =
        spooled.ok_or_else(|| ApiError::validation("Uploaded image snapshot file not found"))?;
    let fog = agent::own(work, request.agent()?)?;
    let uuids = store::snapshot::wanted(work.tx, &fog.uuid)?;
    if uuids.is_empty() {
        return Ok(Reply::json(json!({})));
    }
    let internal = |error: String| ApiError::internal(error);
    let name = random_text(32).map_err(|error| internal(error.to_string()))?;
    let name = format!("{name}.tar.gz");
    for uuid in &uuids {
        store::snapshot::deliver(work.tx, uuid, &name)?;
    }
    let place = work.settings.snapshots().join(&name);
    spooled.keep(&place).map_err(|error| internal(format!("snapshot: {error}")))?;
    Ok(Reply::json(json!({})))
}

fn remove_unused(work: &mut Work<'_>, path: &str) -> Result<(), ApiError> {
    if store::snapshot::users_of(work.tx, path)? == 0
        && let Err(error) = std::fs::remove_file(work.settings.snapshots().join(path))
    {
        log::warn!("snapshot {path} is not removed: {error}");
    }
    Ok(())
}
