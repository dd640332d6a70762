//! The agents' side (controller contract 6 and 7).

use std::sync::Arc;
use std::time::Duration;

use iofog_api::{ApiError, ErrorClass, Fields};
use serde_json::json;

use super::{Answered, AnsweredLater, Auth, Handler, Route, Verb};
use crate::app::{App, Work, now_ms};
use crate::domain::change::Flags;
use crate::domain::microservice::{ARCHITECTURES, Platform};
use crate::http::{Reply, Request};
use crate::ops::agent;
use crate::stop::Stop;
use crate::store::hal::Kind;
use crate::{store, view};

pub(super) const ROUTES: &[Route] = &[
    Route::new(
        "agent.provision",
        Verb::Post,
        "/agent/provision",
        Auth::Anyone,
        200,
        Handler::Write(provision),
    )
    .finds()
    .also(&[ErrorClass::Authentication])
    .guessed(),
    Route::new(
        "agent.tracking",
        Verb::Post,
        "/agent/tracking",
        Auth::Agent,
        204,
        // Sent by the Java agent, read by nobody (contract 2).
        Handler::Live(|_, _| Ok(Reply::empty())),
    ),
    Route::new(
        "agent.deprovision",
        Verb::Post,
        "/agent/deprovision",
        Auth::Agent,
        204,
        Handler::Write(deprovision),
    ),
    Route::new("agent.config", Verb::Get, "/agent/config", Auth::Agent, 200, Handler::Read(config)),
    Route::new(
        "agent.update-config",
        Verb::Patch,
        "/agent/config",
        Auth::Agent,
        204,
        Handler::Write(update_config),
    ),
    Route::new(
        "agent.changes",
        Verb::Get,
        "/agent/config/changes",
        Auth::Agent,
        200,
        Handler::Async(changes),
    ),
    Route::new(
        "agent.acknowledge-changes",
        Verb::Patch,
        "/agent/config/changes",
        Auth::Agent,
        200,
        Handler::Live(acknowledge),
    ),
    Route::new("agent.link", Verb::Get, "/agent/link", Auth::Agent, 101, Handler::Link),
    Route::new("agent.status", Verb::Put, "/agent/status", Auth::Agent, 204, Handler::Live(status)),
    Route::new(
        "agent.microservices",
        Verb::Get,
        "/agent/microservices",
        Auth::Agent,
        200,
        // Writes: a delivered rebuild flag is cleared.
        Handler::Write(microservices),
    ),
    Route::new(
        "agent.microservice",
        Verb::Get,
        "/agent/microservices/:microserviceUuid",
        Auth::Agent,
        200,
        Handler::Read(microservice),
    ),
    Route::new(
        "agent.registries",
        Verb::Get,
        "/agent/registries",
        Auth::Agent,
        200,
        Handler::Read(registries),
    ),
    Route::new(
        "agent.edge-resources",
        Verb::Get,
        "/agent/edgeResources",
        Auth::Agent,
        200,
        Handler::Read(edge_resources),
    ),
    Route::new(
        "agent.version",
        Verb::Get,
        "/agent/version",
        Auth::Agent,
        200,
        Handler::Read(version),
    )
    .finds(),
    Route::new(
        "agent.hal-hw",
        Verb::Put,
        "/agent/hal/hw",
        Auth::Agent,
        204,
        Handler::Write(hal_hw),
    ),
    Route::new(
        "agent.hal-usb",
        Verb::Put,
        "/agent/hal/usb",
        Auth::Agent,
        204,
        Handler::Write(hal_usb),
    ),
    Route::new(
        "agent.delete-node",
        Verb::Delete,
        "/agent/delete-node",
        Auth::Agent,
        204,
        Handler::Write(delete_node),
    ),
];

/// Longest time a change request is held.
const LONGEST_WAIT: u64 = 60;

fn provision(work: &mut Work<'_>, request: &Request) -> Answered {
    let body = Fields::of(&request.body)?;
    let (fog_type, architecture) = platform(&body)?;
    let key = body.required_string("key", 0)?;
    let platform = Platform { fog_type, architecture: architecture.as_deref() };
    let (uuid, token) = agent::provision(work, &key, platform)?;
    Ok(Reply::json(json!({ "uuid": uuid, "token": token })))
}

/// Fog type and true architecture, as a device tells them.
pub(super) fn platform(body: &Fields<'_>) -> Result<(i64, Option<String>), ApiError> {
    let fog_type = body.required_integer("type", 0, 2)?;
    let told = body.string("architecture")?;
    Ok((fog_type, told.filter(|name| ARCHITECTURES.contains(&name.as_str()))))
}

fn deprovision(work: &mut Work<'_>, request: &Request) -> Answered {
    let uuids = Fields::of(&request.body)?
        .strings("microserviceUuids")?
        .ok_or_else(|| iofog_api::check::missing("microserviceUuids"))?;
    agent::deprovision(work, request.agent()?, &uuids);
    Ok(Reply::empty())
}

fn config(work: &mut Work<'_>, request: &Request) -> Answered {
    Ok(Reply::json(agent::config(work, request.agent()?)?))
}

fn update_config(work: &mut Work<'_>, request: &Request) -> Answered {
    let mut fog = agent::own(work, request.agent()?)?;
    fog.settings.update_common(&Fields::of(&request.body)?)?;
    fog.updated = work.now;
    store::fog::update(work.tx, &fog)?;
    Ok(Reply::empty())
}

/// Answers at once when flags are set or no wait is asked for, else when one is set or the wait is over.
fn changes(app: Arc<App>, request: Request, mut stop: Stop) -> AnsweredLater {
    Box::pin(async move {
        let uuid = request.agent()?.clone();
        let Some(wait) = request.wait.map(|wait| wait.min(LONGEST_WAIT)) else {
            let (flags, stamp) = app.live.board.read(&uuid);
            return Ok(Reply::json(flags.body(&stamp)));
        };
        let deadline = tokio::time::sleep(Duration::from_secs(wait));
        tokio::pin!(deadline);
        let (flags, stamp) = loop {
            let wake = app.live.board.wake(&uuid);
            let woken = wake.notified();
            tokio::pin!(woken);
            // Registered before the read, so that a flag posted in between is not missed.
            woken.as_mut().enable();
            let (flags, stamp) = app.live.board.read(&uuid);
            if flags != Flags::default() {
                break (flags, stamp);
            }
            tokio::select! {
                () = woken => {}
                () = &mut deadline => break (flags, stamp),
                () = stop.wait() => break (flags, stamp),
            }
        };
        Ok(Reply::json(flags.body(&stamp))
            .with_header("preference-applied", format!("wait={wait}")))
    })
}

fn acknowledge(app: &Arc<App>, request: &Request) -> Answered {
    let uuid = request.agent()?;
    if let Some(stamp) = Fields::of(&request.body)?.string("lastUpdated")? {
        agent::acknowledge(app, uuid, &stamp);
    }
    Ok(Reply::json(json!({})))
}

fn status(app: &Arc<App>, request: &Request) -> Answered {
    agent::take_status(app, request.agent()?, &request.body, now_ms())?;
    Ok(Reply::empty())
}

fn microservices(work: &mut Work<'_>, request: &Request) -> Answered {
    Ok(Reply::json(agent::microservices(work, request.agent()?)?))
}

fn microservice(work: &mut Work<'_>, request: &Request) -> Answered {
    let uuid = request.parameter("microserviceUuid");
    let fog = agent::own(work, request.agent()?)?;
    let found = store::microservice::by_uuid(work.tx, &uuid.into())?
        .filter(|found| found.fog.as_ref() == Some(&fog.uuid))
        .ok_or_else(|| ApiError::not_found(format!("Invalid microservice UUID '{uuid}'")))?;
    let image = crate::ops::images::resolve(work, &found, fog.settings.platform())?;
    let (image, registry) = image.unwrap_or_default();
    let routes = store::route::of_microservice(work.tx, &found.uuid)?;
    let body = view::agent::microservice(&found, &image, registry, &routes);
    Ok(Reply::json(json!({ "microservice": body })))
}

fn registries(work: &mut Work<'_>, request: &Request) -> Answered {
    let fog = agent::own(work, request.agent()?)?;
    let seen = store::registry::visible(work.tx, fog.user_id)?;
    let shown: Vec<_> = seen.iter().map(|one| view::agent::registry(one, true)).collect();
    Ok(Reply::json(json!({ "registries": shown })))
}

fn edge_resources(work: &mut Work<'_>, request: &Request) -> Answered {
    let linked = store::edge_resource::of_fog(work.tx, request.agent()?)?;
    let shown: Vec<_> = linked.iter().map(view::edge_resource::full).collect();
    Ok(Reply::json(json!({ "edgeResources": shown })))
}

fn delete_node(work: &mut Work<'_>, request: &Request) -> Answered {
    let fog = agent::own(work, request.agent()?)?;
    crate::ops::fog::delete(work, &fog)?;
    Ok(Reply::empty())
}

fn version(work: &mut Work<'_>, request: &Request) -> Answered {
    let order = store::version::get(work.tx, request.agent()?)?
        .ok_or_else(|| ApiError::not_found("Version command not found"))?;
    Ok(Reply::json(json!({
        "versionCommand": order.command,
        "provisionKey": order.provision_key,
        "expirationTime": order.expires,
    })))
}

fn hal_hw(work: &mut Work<'_>, request: &Request) -> Answered {
    hal(work, request, Kind::Hardware)
}

fn hal_usb(work: &mut Work<'_>, request: &Request) -> Answered {
    hal(work, request, Kind::Usb)
}

fn hal(work: &mut Work<'_>, request: &Request, kind: Kind) -> Answered {
    let info = Fields::of(&request.body)?.required_string("info", 0)?;
    let fog = agent::own(work, request.agent()?)?;
    store::hal::put(work.tx, &fog.uuid, kind, &info, work.now)?;
    Ok(Reply::empty())
}
