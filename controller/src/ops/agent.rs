//! What agents ask and report (controller contract 6).

use std::sync::Arc;

use iofog_api::{ApiError, ErrorClass, Fields, FogUuid, MicroserviceUuid};
use serde_json::{Value, json};

use super::{images, router};
use crate::app::{App, Work};
use crate::domain::fog::Fog;
use crate::domain::microservice::Platform;
use crate::domain::password::{random_text, token_hash};
use crate::domain::status::reported_microservices;
use crate::live::Effect;
use crate::store;

/// The agent that calls.
///
/// # Errors
/// `authorization failed` when its row is gone.
pub fn own(work: &mut Work<'_>, uuid: &FogUuid) -> Result<Fog, ApiError> {
    store::fog::by_uuid(work.tx, uuid)?.ok_or_else(ApiError::unauthorised)
}

/// Redeems a provisioning key; gives the agent's uuid and its new token.
///
/// # Errors
/// `Invalid Provisioning Key`, `Expired provision key`, or microservices without an image for the type.
pub fn provision(
    work: &mut Work<'_>,
    key: &str,
    platform: Platform<'_>,
) -> Result<(FogUuid, String), ApiError> {
    let hash = token_hash(key);
    let invalid = || ApiError::not_found("Invalid Provisioning Key");
    let (uuid, expires) = store::token::key_owner(work.tx, &hash)?.ok_or_else(invalid)?;
    if expires < work.now {
        return Err(ApiError::new(ErrorClass::Authentication, "Expired provision key"));
    }
    let mut fog = store::fog::by_uuid(work.tx, &uuid)?.ok_or_else(invalid)?;
    check_images(work, &uuid, platform)?;
    // One use: of several redemptions only the one that removes the row goes on.
    if store::token::delete_key(work.tx, &hash)? != 1 {
        return Err(invalid());
    }
    let token = grant(work, &mut fog, platform)?;
    Ok((uuid, token))
}

/// A new token for an agent in place of the one before, with what its device says of itself.
///
/// # Errors
/// When the system gives no random numbers or the database fails.
pub fn grant(
    work: &mut Work<'_>,
    fog: &mut Fog,
    platform: Platform<'_>,
) -> Result<String, ApiError> {
    fog.settings.fog_type = platform.fog_type;
    fog.settings.architecture = platform.architecture.map(str::to_owned);
    store::fog::update(work.tx, fog)?;
    let token = random_text(iofog_api::id::AGENT_TOKEN_LENGTH)
        .map_err(|error| ApiError::internal(error.to_string()))?;
    let token_expires = work.now + work.settings.fog_token_ms;
    store::token::put_fog(work.tx, &fog.uuid, &token_hash(&token), token_expires)?;
    work.effect(Effect::FogToken(token_hash(&token), fog.uuid.clone(), token_expires));
    Ok(token)
}

/// Everything on the agent has an image for the platform.
///
/// # Errors
/// Naming the microservices without.
pub fn check_images(
    work: &mut Work<'_>,
    uuid: &FogUuid,
    platform: Platform<'_>,
) -> Result<(), ApiError> {
    let mut without = Vec::new();
    for one in store::microservice::of_fog(work.tx, uuid)? {
        if images::resolve(work, &one, platform)?.is_none() {
            without.push(one.name);
        }
    }
    if without.is_empty() {
        return Ok(());
    }
    Err(ApiError::validation(format!(
        "Some of microservices haven't proper docker images for this ioFog type. Microservices: {}",
        without.join(", ")
    )))
}

/// Takes leave of an agent: its microservices are going, its address is unknown.
pub fn deprovision(work: &mut Work<'_>, uuid: &FogUuid, microservices: &[String]) {
    for id in microservices {
        let id = MicroserviceUuid::from(id.as_str());
        // Its own alone: other ids are nothing to it.
        if !work.live.owners.is_on(&id, uuid) {
            continue;
        }
        let mut status = work.live.statuses.microservice(&id);
        "DELETING".clone_into(&mut status.status);
        work.set_status(&id, Some(status));
    }
    let mut status = work.live.statuses.fog(uuid);
    "UNKNOWN".clone_into(&mut status.daemon_status);
    "0.0.0.0".clone_into(&mut status.ip_address);
    "0.0.0.0".clone_into(&mut status.ip_address_external);
    work.set_fog_status(uuid, status);
}

/// Body of `GET agent/config`; null keys are left out (contract Q8).
///
/// # Errors
/// When the agent is gone.
pub fn config(work: &mut Work<'_>, uuid: &FogUuid) -> Result<Value, ApiError> {
    let fog = own(work, uuid)?;
    let router = router::network_router(work, &fog)?;
    let settings = &fog.settings;
    let mut body = json!({
        "networkInterface": settings.network_interface,
        "dockerUrl": settings.docker_url,
        "diskLimit": iofog_api::number::json(settings.disk_limit),
        "diskDirectory": settings.disk_directory,
        "memoryLimit": iofog_api::number::json(settings.memory_limit),
        "cpuLimit": iofog_api::number::json(settings.cpu_limit),
        "logLimit": iofog_api::number::json(settings.log_limit),
        "logDirectory": settings.log_directory,
        "logFileCount": settings.log_file_count,
        "statusFrequency": settings.status_frequency,
        "changeFrequency": settings.change_frequency,
        "deviceScanFrequency": settings.device_scan_frequency,
        "watchdogEnabled": settings.watchdog,
        "latitude": settings.latitude.map(iofog_api::number::json),
        "longitude": settings.longitude.map(iofog_api::number::json),
        "logLevel": settings.log_level,
        "availableDiskThreshold": settings.available_disk_threshold,
        "dockerPruningFrequency": settings.docker_pruning_frequency,
        "timeZone": settings.time_zone,
    });
    if let (Some(router), Value::Object(body)) = (router, &mut body) {
        let own_host = settings.host.as_deref() == Some(router.settings.host.as_str());
        let host = if own_host { "localhost".to_owned() } else { router.settings.host };
        body.insert("routerHost".to_owned(), Value::from(host));
        body.insert("routerPort".to_owned(), Value::from(router.settings.messaging_port));
    }
    if let Value::Object(body) = &mut body {
        body.retain(|_, value| !value.is_null());
    }
    Ok(body)
}

/// Body of `GET agent/microservices`; rebuild flags are cleared by it (contract 6.2).
///
/// # Errors
/// When the agent is gone.
pub fn microservices(work: &mut Work<'_>, uuid: &FogUuid) -> Result<Value, ApiError> {
    let items = wanted(work, uuid)?;
    let bodies: Vec<Value> = items.iter().map(|(_, body)| body.clone()).collect();
    if items.iter().any(|(rebuild, _)| *rebuild) {
        store::microservice::clear_rebuild(work.tx, uuid)?;
    }
    Ok(json!({ "microservices": bodies }))
}

/// The microservices that an agent should run, each with its rebuild order.
///
/// # Errors
/// When the agent is gone.
pub fn wanted(work: &mut Work<'_>, uuid: &FogUuid) -> Result<Vec<(bool, Value)>, ApiError> {
    let fog = own(work, uuid)?;
    let all = store::microservice::of_fog(work.tx, uuid)?;
    let mut items = Vec::with_capacity(all.len());
    for one in &all {
        let wanted = match one.application_id {
            Some(id) => {
                store::application::by_id(work.tx, id)?.is_some_and(|found| found.is_activated)
            }
            None => true,
        };
        if !wanted {
            continue;
        }
        let Some((image, registry)) = images::resolve(work, one, fog.settings.platform())? else {
            continue;
        };
        let routes = store::route::of_microservice(work.tx, &one.uuid)?;
        let body = crate::view::agent::microservice(one, &image, registry, &routes);
        items.push((one.rebuild, body));
    }
    Ok(items)
}

/// Takes a status report, or a part of one.
///
/// # Errors
/// When a field has the wrong type or a value that the contract refuses; nothing is taken then.
pub fn take_status(app: &App, uuid: &FogUuid, report: &Value, now: i64) -> Result<(), ApiError> {
    let body = Fields::of(report)?;
    let mut changed = app.live.statuses.fog(uuid);
    changed.update(&body, now)?;
    let reported = body.get("microserviceStatus").and_then(Value::as_str).unwrap_or_default();
    let reported = reported_microservices(reported);
    app.live.statuses.set_fog(uuid, changed);
    for (id, item) in reported {
        if app.live.owners.is_on(&id, uuid) {
            app.live.statuses.update_microservice(&id, |status| status.update(&item, now));
        }
    }
    Ok(())
}

/// Forgets the change flags of an agent up to a stamp.
pub fn acknowledge(app: &Arc<App>, uuid: &FogUuid, stamp: &str) {
    if app.live.board.acknowledge(uuid, stamp) {
        let (uuid, stamp) = (uuid.clone(), stamp.to_owned());
        // Not waited for: should it be lost, the flags are delivered once more.
        app.write_behind("acknowledged changes", move |work| {
            store::change::delete_until(work.tx, &uuid, &stamp)?;
            work.effect(Effect::Acknowledged(uuid, stamp));
            Ok(())
        });
    }
}
