//! Agents on the user's side (controller contract 5).

use iofog_api::{ApiError, Fields, time};
use serde_json::{Value, json};

use super::{Answered, Auth, Handler, Route, Verb};
use crate::app::Work;
use crate::domain::change::Flags;
use crate::http::{Reply, Request, query};
use crate::ops::version::VersionCommand;
use crate::ops::{fog, version};
use crate::store::hal::Kind;
use crate::{store, view};

pub(super) const ROUTES: &[Route] = &[
    Route::new("fog.list", Verb::Get, "/iofog-list", Auth::User, 200, Handler::Read(list)),
    Route::new("fog.create", Verb::Post, "/iofog", Auth::User, 201, Handler::Write(create))
        .finds()
        .rendered(),
    Route::new("fog.get", Verb::Get, "/iofog/:uuid", Auth::User, 200, Handler::Read(get)),
    Route::new("fog.update", Verb::Patch, "/iofog/:uuid", Auth::User, 204, Handler::Write(update))
        .rendered(),
    Route::new("fog.delete", Verb::Delete, "/iofog/:uuid", Auth::User, 202, Handler::Write(delete)),
    Route::new(
        "fog.provisioning-key",
        Verb::Get,
        "/iofog/:uuid/provisioning-key",
        Auth::User,
        201,
        Handler::Write(provisioning_key),
    ),
    Route::new(
        "fog.reboot",
        Verb::Post,
        "/iofog/:uuid/reboot",
        Auth::User,
        204,
        Handler::Write(reboot),
    ),
    Route::new(
        "fog.prune",
        Verb::Post,
        "/iofog/:uuid/prune",
        Auth::User,
        204,
        Handler::Write(prune),
    ),
    Route::new(
        "fog.version",
        Verb::Post,
        "/iofog/:uuid/version/:versionCommand",
        Auth::User,
        204,
        Handler::Write(version),
    ),
    Route::new(
        "fog.hal-hw",
        Verb::Get,
        "/iofog/:uuid/hal/hw",
        Auth::User,
        200,
        Handler::Read(hal_hw),
    ),
    Route::new(
        "fog.hal-usb",
        Verb::Get,
        "/iofog/:uuid/hal/usb",
        Auth::User,
        200,
        Handler::Read(hal_usb),
    ),
];

fn list(work: &mut Work<'_>, request: &Request) -> Answered {
    let system = request.query("system") == Some("true");
    let filters = filters(request)?;
    let rows = store::fog::list(work.tx, request.user()?, system)?;
    if filters.is_empty() && !system {
        return Ok(Reply::text(view::fog::list_text(work, request.user()?, &rows)?));
    }
    let mut shown = Vec::new();
    for row in rows {
        let body = view::fog::fog(work, &row)?;
        if filters.iter().all(|filter| filter.matches(&body)) {
            shown.push(body);
        }
    }
    Ok(Reply::json(json!({ "fogs": shown })))
}

/// A filter of the list; all of them must match.
struct Filter {
    key: String,
    value: String,
    part: bool,
}

fn filters(request: &Request) -> Result<Vec<Filter>, ApiError> {
    let given = query::nested(&request.query, "filters");
    Ok(Fields::of(&given)?.objects("filters", filter)?.unwrap_or_default())
}

fn filter(fields: &Fields<'_>) -> Result<Filter, ApiError> {
    let key = fields.required_string("key", 0)?;
    let value = fields.required_string("value", 0)?;
    let condition = fields
        .one_of("condition", &["equals", "has"])?
        .ok_or_else(|| iofog_api::check::missing("condition"))?;
    Ok(Filter { key, value, part: condition == "has" })
}

impl Filter {
    fn matches(&self, body: &Value) -> bool {
        match body.get(&self.key) {
            Some(Value::Array(items)) => items.iter().any(|item| self.fits(item)),
            Some(item) => self.fits(item),
            None => false,
        }
    }

    fn fits(&self, item: &Value) -> bool {
        let text = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
        if self.part { text.contains(&self.value) } else { text == self.value }
    }
}

fn create(work: &mut Work<'_>, request: &Request) -> Answered {
    let uuid = fog::create(work, request.user()?, &Fields::of(&request.body)?)?;
    Ok(Reply::json(json!({ "uuid": uuid })))
}

fn get(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = fog::visible(work, request.user()?, request.parameter("uuid"))?;
    Ok(Reply::json(view::fog::fog(work, &found)?))
}

fn update(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = fog::owned(work, request.user()?, request.parameter("uuid"))?;
    fog::update(work, found, &Fields::of(&request.body)?)?;
    Ok(Reply::empty())
}

fn delete(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = fog::owned(work, request.user()?, request.parameter("uuid"))?;
    fog::delete(work, &found)?;
    Ok(Reply::empty())
}

fn provisioning_key(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = fog::owned(work, request.user()?, request.parameter("uuid"))?;
    let (key, expires) = fog::provisioning_key(work, &found.uuid)?;
    Ok(Reply::json(json!({ "key": key, "expirationTime": expires })))
}

fn reboot(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = fog::owned(work, request.user()?, request.parameter("uuid"))?;
    work.flag(&found.uuid, Flags::REBOOT)?;
    Ok(Reply::empty())
}

fn prune(work: &mut Work<'_>, request: &Request) -> Answered {
    let found = fog::owned(work, request.user()?, request.parameter("uuid"))?;
    work.flag(&found.uuid, Flags::PRUNE)?;
    Ok(Reply::empty())
}

fn version(work: &mut Work<'_>, request: &Request) -> Answered {
    let command = VersionCommand::parse(request.parameter("versionCommand"))?;
    let found = fog::owned(work, request.user()?, request.parameter("uuid"))?;
    version::order(work, &found.uuid, command)?;
    Ok(Reply::empty())
}

fn hal_hw(work: &mut Work<'_>, request: &Request) -> Answered {
    hal(work, request, Kind::Hardware)
}

fn hal_usb(work: &mut Work<'_>, request: &Request) -> Answered {
    hal(work, request, Kind::Usb)
}

/// Nothing reported yet: an empty body.
fn hal(work: &mut Work<'_>, request: &Request, kind: Kind) -> Answered {
    let found = fog::visible(work, request.user()?, request.parameter("uuid"))?;
    let info = store::hal::get(work.tx, &found.uuid, kind)?;
    Ok(info.map_or_else(Reply::empty, |info| {
        Reply::json(json!({
            "id": info.id,
            "info": info.info,
            "createdAt": time::iso(info.created),
            "updatedAt": time::iso(info.updated),
            "iofogUuid": found.uuid,
        }))
    }))
}
