//! The shared configuration table (controller contract 17).

use iofog_api::{ApiError, Fields, time};
use serde_json::json;

use super::{Answered, Auth, Handler, Route, Verb};
use crate::app::Work;
use crate::http::{Reply, Request};
use crate::store;

pub(super) const ROUTES: &[Route] = &[
    Route::new("config.list", Verb::Get, "/config", Auth::User, 200, Handler::Read(list)),
    Route::new("config.get", Verb::Get, "/config/:key", Auth::User, 200, Handler::Read(get)),
    Route::new("config.put", Verb::Put, "/config", Auth::User, 200, Handler::Write(put)).rendered(),
];

fn list(work: &mut Work<'_>, _: &Request) -> Answered {
    let all = store::config::all(work.tx)?;
    let shown: Vec<_> =
        all.iter().map(|entry| json!({ "key": entry.key, "value": entry.value })).collect();
    Ok(Reply::json(json!({ "config": shown })))
}

fn get(work: &mut Work<'_>, request: &Request) -> Answered {
    let key = request.parameter("key");
    let entry = store::config::get(work.tx, key)?
        .ok_or_else(|| ApiError::not_found(format!("Unkown config key '{key}'")))?;
    Ok(Reply::json(json!({ "key": entry.key, "value": entry.value })))
}

fn put(work: &mut Work<'_>, request: &Request) -> Answered {
    let body = Fields::of(&request.body)?;
    let key = body.required_string("key", 1)?;
    let value = body.required_string("value", 0)?;
    store::config::put(work.tx, &key, &value, work.now)?;
    let entry = store::config::get(work.tx, &key)?
        .ok_or_else(|| ApiError::internal("a value just written is not there"))?;
    Ok(Reply::json(json!({
        "id": entry.id,
        "key": entry.key,
        "value": entry.value,
        "createdAt": time::iso(entry.created),
        "updatedAt": time::iso(entry.updated),
    })))
}
