//! Microservices one by one (controller contract 10).

use std::sync::Arc;

use iofog_api::{ApiError, Fields};
use serde_json::{Value, json};

use super::{Answered, AnsweredLater, Auth, Handler, Route, Verb};
use crate::app::{App, Work};
use crate::broker;
use crate::domain::microservice::{self as rules, Microservice, Volume};
use crate::domain::port::Port;
use crate::http::{Reply, Request};
use crate::ops::{self, find, microservice};
use crate::stop::Stop;
use crate::{store, view};

pub(super) const ROUTES: &[Route] = &[
    Route::new(
        "microservice.public-ports",
        Verb::Get,
        "/microservices/public-ports",
        Auth::User,
        200,
        Handler::Read(public_ports),
    ),
    Route::new(
        "microservice.list",
        Verb::Get,
        "/microservices",
        Auth::User,
        200,
        Handler::Read(list),
    )
    .finds(),
    Route::new(
        "microservice.create",
        Verb::Post,
        "/microservices",
        Auth::User,
        201,
        Handler::Write(create),
    )
    .finds()
    .unique()
    .rendered(),
    Route::new(
        "microservice.create-yaml",
        Verb::Post,
        "/microservices/yaml",
        Auth::User,
        201,
        Handler::Async(create_yaml),
    )
    .finds()
    .unique()
    .file("microservice"),
    Route::new(
        "microservice.get",
        Verb::Get,
        "/microservices/:uuid",
        Auth::User,
        200,
        Handler::Read(get),
    ),
    Route::new(
        "microservice.patch",
        Verb::Patch,
        "/microservices/:uuid",
        Auth::User,
        204,
        Handler::Write(patch),
    )
    .unique()
    .rendered(),
    Route::new(
        "microservice.patch-yaml",
        Verb::Patch,
        "/microservices/yaml/:uuid",
        Auth::User,
        204,
        Handler::Async(patch_yaml),
    )
    .unique()
    .file("microservice"),
    Route::new(
        "microservice.delete",
        Verb::Delete,
        "/microservices/:uuid",
        Auth::User,
        204,
        Handler::Write(delete),
    ),
    Route::new(
        "microservice.add-route",
        Verb::Post,
        "/microservices/:uuid/routes/:receiverUuid",
        Auth::User,
        201,
        Handler::Write(add_route),
    )
    .unique(),
    Route::new(
        "microservice.remove-route",
        Verb::Delete,
        "/microservices/:uuid/routes/:receiverUuid",
        Auth::User,
        204,
        Handler::Write(remove_route),
    ),
    Route::new(
        "microservice.ports",
        Verb::Get,
        "/microservices/:uuid/port-mapping",
        Auth::User,
        200,
        Handler::Read(ports),
    ),
    Route::new(
        "microservice.add-port",
        Verb::Post,
        "/microservices/:uuid/port-mapping",
        Auth::User,
        201,
        Handler::Write(add_port),
    ),
    Route::new(
        "microservice.remove-port",
        Verb::Delete,
        "/microservices/:uuid/port-mapping/:internalPort",
        Auth::User,
        204,
        Handler::Write(remove_port),
    ),
    Route::new(
        "microservice.volumes",
        Verb::Get,
        "/microservices/:uuid/volume-mapping",
        Auth::User,
        200,
        Handler::Read(volumes),
    ),
    Route::new(
        "microservice.add-volume",
        Verb::Post,
        "/microservices/:uuid/volume-mapping",
        Auth::User,
        201,
        Handler::Write(add_volume),
    ),
    Route::new(
        "microservice.remove-volume",
        Verb::Delete,
        "/microservices/:uuid/volume-mapping/:id",
        Auth::User,
        204,
        Handler::Write(remove_volume),
    ),
];

fn found(work: &mut Work<'_>, request: &Request) -> Result<Microservice, ApiError> {
    find::microservice(work, request.user()?, request.parameter("uuid"))
}

/// A system microservice is refused with the words of the contract, `class` deciding the status.
fn refuse_system(work: &mut Work<'_>, request: &Request) -> Result<Option<Microservice>, ApiError> {
    let uuid = request.parameter("uuid");
    let found = store::microservice::by_uuid(work.tx, &uuid.into())?;
    Ok(found.filter(|found| found.application_id.is_none()))
}

fn list(work: &mut Work<'_>, request: &Request) -> Answered {
    let user = request.user()?;
    let wanted = request.query("application").or_else(|| request.query("flowId"));
    let rows = match wanted {
        Some(name) => {
            let application = find::application(work, user, name)?;
            let mut rows = store::microservice::of_application(work.tx, application.id)?;
            rows.sort_by(|a, b| a.name.cmp(&b.name));
            rows
        }
        None => store::microservice::of_user(work.tx, user)?,
    };
    let mut shown = Vec::with_capacity(rows.len());
    for row in &rows {
        shown.push(show(work, row)?);
    }
    Ok(Reply::json(json!({ "microservices": shown })))
}

fn show(work: &mut Work<'_>, row: &Microservice) -> Result<Value, ApiError> {
    let application = match row.application_id {
        Some(id) => store::application::by_id(work.tx, id)?,
        None => None,
    };
    let name = application.map(|application| application.name).unwrap_or_default();
    view::microservice::microservice(work, row, &name).map(Value::Object)
}

fn create(work: &mut Work<'_>, request: &Request) -> Answered {
    let body = Fields::of(&request.body)?;
    body.required_name("name")?;
    let wanted = rules::Request::read(&body)?;
    let name =
        wanted.application.clone().ok_or_else(|| iofog_api::check::missing("application"))?;
    let application = find::application(work, request.user()?, &name)?;
    let new = microservice::create(work, &application, wanted)?;
    let mut shown = json!({ "uuid": new.uuid, "name": new.name });
    let granted: Vec<i64> =
        ops::public_port::of(work, &new.uuid)?.iter().map(|own| own.public_port).collect();
    if let (false, Value::Object(shown)) = (granted.is_empty(), &mut shown) {
        shown.insert("publicPorts".to_owned(), granted.into());
    }
    let brokered = ops::broker_port::of(work, &new.uuid)?;
    let brokered: Vec<_> = brokered.iter().map(view::microservice::broker_port).collect();
    if let (false, Value::Object(shown)) = (brokered.is_empty(), &mut shown) {
        shown.insert("proxies".to_owned(), brokered.into());
    }
    Ok(Reply::json(shown))
}

fn create_yaml(app: Arc<App>, mut request: Request, _: Stop) -> AnsweredLater {
    Box::pin(async move {
        request.body = super::document(&request, "Microservice").await?;
        broker::write(&app, request, |work, request| {
            super::render(work, request)?;
            create(work, request)
        })
        .await
    })
}

fn get(work: &mut Work<'_>, request: &Request) -> Answered {
    let row = found(work, request)?;
    Ok(Reply::json(show(work, &row)?))
}

fn patch(work: &mut Work<'_>, request: &Request) -> Answered {
    if let Some(system) = refuse_system(work, request)? {
        return Err(ApiError::validation(format!(
            "Microservice uuid {} is system and can't be updated",
            system.uuid
        )));
    }
    let row = found(work, request)?;
    microservice::update(work, &row, rules::Request::read(&Fields::of(&request.body)?)?)?;
    Ok(Reply::empty())
}

fn patch_yaml(app: Arc<App>, mut request: Request, _: Stop) -> AnsweredLater {
    Box::pin(async move {
        request.body = super::document(&request, "Microservice").await?;
        broker::write(&app, request, |work, request| {
            super::render(work, request)?;
            patch(work, request)
        })
        .await
    })
}

fn delete(work: &mut Work<'_>, request: &Request) -> Answered {
    if let Some(system) = refuse_system(work, request)? {
        return Err(ApiError::not_found(format!(
            "Microservice uuid {} is system and can't be deleted",
            system.uuid
        )));
    }
    let row = found(work, request)?;
    microservice::delete(work, &row)?;
    Ok(Reply::empty())
}

fn route_ends(work: &mut Work<'_>, request: &Request) -> Result<ops::route::Ends, ApiError> {
    let user = request.user()?;
    Ok(ops::route::Ends {
        source: found(work, request)?,
        dest: find::microservice(work, user, request.parameter("receiverUuid"))?,
    })
}

fn add_route(work: &mut Work<'_>, request: &Request) -> Answered {
    let ends = route_ends(work, request)?;
    let name = ops::route::default_name(&ends.source.name, &ends.dest.name);
    ops::route::create(work, &name, ends)?;
    Ok(Reply::empty())
}

fn remove_route(work: &mut Work<'_>, request: &Request) -> Answered {
    let ends = route_ends(work, request)?;
    let routes = store::route::of_microservice(work.tx, &ends.source.uuid)?;
    let route = routes
        .into_iter()
        .find(|route| route.source == ends.source.uuid && route.dest == ends.dest.uuid)
        .ok_or_else(|| ApiError::not_found("Route not found"))?;
    ops::route::delete(work, &route)?;
    Ok(Reply::empty())
}

fn ports(work: &mut Work<'_>, request: &Request) -> Answered {
    let row = found(work, request)?;
    let shown = view::microservice::ports(work, &row)?;
    Ok(Reply::json(json!({ "ports": shown })))
}

fn add_port(work: &mut Work<'_>, request: &Request) -> Answered {
    let row = found(work, request)?;
    let port = Port::read(&Fields::of(&request.body)?)?;
    let mut ports = row.spec.ports.clone();
    let internal = port.internal;
    ports.push(port);
    microservice::set_ports(work, &row, ports)?;
    let brokered = ops::broker_port::of(work, &row.uuid)?;
    Ok(match brokered.iter().find(|own| own.internal == internal) {
        Some(own) => Reply::json(json!({ "proxy": view::microservice::broker_end(own) })),
        None => Reply::empty(),
    })
}

fn remove_port(work: &mut Work<'_>, request: &Request) -> Answered {
    let row = found(work, request)?;
    let internal: i64 = request
        .parameter("internalPort")
        .parse()
        .map_err(|_| ApiError::not_found("port mapping not exists"))?;
    let mut ports = row.spec.ports.clone();
    ports.retain(|port| port.internal != internal);
    if ports.len() == row.spec.ports.len() {
        return Err(ApiError::not_found("port mapping not exists"));
    }
    microservice::set_ports(work, &row, ports)?;
    Ok(Reply::empty())
}

fn show_volume(volume: &Volume) -> Value {
    json!({
        "id": volume.id,
        "hostDestination": volume.host,
        "containerDestination": volume.container,
        "accessMode": volume.access,
        "type": volume.kind,
    })
}

fn volumes(work: &mut Work<'_>, request: &Request) -> Answered {
    let row = found(work, request)?;
    let shown: Vec<_> = row.spec.volumes.iter().map(show_volume).collect();
    Ok(Reply::json(json!({ "volumeMappings": shown })))
}

fn add_volume(work: &mut Work<'_>, request: &Request) -> Answered {
    let row = found(work, request)?;
    let new = rules::volume(&Fields::of(&request.body)?)?;
    let same = |known: &&Volume| {
        known.host == new.host && known.container == new.container && known.kind == new.kind
    };
    if row.spec.volumes.iter().any(|known| same(&known)) {
        return Err(ApiError::validation("Volume mapping already exists"));
    }
    let id = store::microservice::next_volume_id(work.tx)?;
    let mut all = row.spec.volumes.clone();
    all.push(Volume { id, ..new });
    microservice::set_volumes(work, &row, all)?;
    Ok(Reply::json(json!({ "id": id })))
}

fn remove_volume(work: &mut Work<'_>, request: &Request) -> Answered {
    let row = found(work, request)?;
    let id = request.parameter("id");
    let mut all = row.spec.volumes.clone();
    all.retain(|volume| volume.id.to_string() != id);
    if all.len() == row.spec.volumes.len() {
        return Err(ApiError::validation(format!("Invalid volume mapping id '{id}'")));
    }
    microservice::set_volumes(work, &row, all)?;
    Ok(Reply::empty())
}

fn public_ports(work: &mut Work<'_>, _: &Request) -> Answered {
    let all = store::public_port::all(work.tx)?;
    let shown: Vec<_> = all
        .iter()
        .map(|own| {
            let details = &own.details;
            json!({
                "microserviceUuid": own.microservice,
                "publicPort": {
                    "protocol": details.protocol,
                    "queueName": details.queue,
                    "publicPort": own.public_port,
                    "isTcp": details.protocol == "tcp",
                    "hostId": details.host,
                },
            })
        })
        .collect();
    Ok(Reply::json(Value::Array(shown)))
}
