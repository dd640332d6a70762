//! Enrolment of devices by the batch (decision 0130): keys on the users' side, devices on the other.

use std::sync::Arc;

use iofog_api::{ApiError, ErrorClass, Fields};
use serde_json::json;

use super::agent::platform;
use super::{Answered, AnsweredLater, Auth, Handler, Route, Verb};
use crate::app::{App, Work};
use crate::domain::enrolment::Device;
use crate::domain::microservice::Platform;
use crate::http::{Reply, Request};
use crate::ops::enrolment;
use crate::stop::Stop;
use crate::store;

pub(super) const ROUTES: &[Route] = &[
    Route::new(
        "enrolment-key.list",
        Verb::Get,
        "/enrolment-keys",
        Auth::User,
        200,
        Handler::Read(list),
    ),
    Route::new(
        "enrolment-key.create",
        Verb::Post,
        "/enrolment-keys",
        Auth::User,
        201,
        Handler::Write(create),
    ),
    Route::new(
        "enrolment-key.delete",
        Verb::Delete,
        "/enrolment-keys/:id",
        Auth::User,
        204,
        Handler::Write(delete),
    ),
    Route::new("agent.enrol", Verb::Post, "/agent/enrol", Auth::Anyone, 200, Handler::Async(enrol))
        .finds()
        .also(&[ErrorClass::Authentication, ErrorClass::TooMany]),
];

fn list(work: &mut Work<'_>, request: &Request) -> Answered {
    let keys = store::enrolment::list(work.tx, request.user()?)?;
    let shown: Vec<_> = keys.iter().map(|key| key.shown()).collect();
    Ok(Reply::json(json!({ "enrolmentKeys": shown })))
}

fn create(work: &mut Work<'_>, request: &Request) -> Answered {
    let (batch, key) = enrolment::create(work, request.user()?, &Fields::of(&request.body)?)?;
    Ok(Reply::json(json!({ "id": batch.id, "key": key, "expirationTime": batch.expires })))
}

fn delete(work: &mut Work<'_>, request: &Request) -> Answered {
    let id = request.parameter("id");
    let unknown = || ApiError::not_found(format!("Invalid enrolment key id '{id}'"));
    let row = id.parse().map_err(|_| unknown())?;
    match store::enrolment::delete(work.tx, request.user()?, row)? {
        0 => Err(unknown()),
        _ => Ok(Reply::empty()),
    }
}

/// A key that is none is refused by a reader: strangers keep no writer busy.
fn enrol(app: Arc<App>, request: Request, _: Stop) -> AnsweredLater {
    Box::pin(async move {
        let body = Fields::of(&request.body)?;
        let key = body.required_string("key", 0)?;
        let device = Device::read(&body)?;
        let (fog_type, architecture) = platform(&body)?;
        let asked = key.clone();
        app.read(move |work| enrolment::batch(work, &asked)).await?;
        app.write(move |work| {
            let platform = Platform { fog_type, architecture: architecture.as_deref() };
            let (uuid, token) = enrolment::enrol(work, &key, &device, platform)?;
            Ok(Reply::json(json!({ "uuid": uuid, "token": token })))
        })
        .await
    })
}
