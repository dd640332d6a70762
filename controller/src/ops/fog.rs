//! Agents as users create, change and remove them (controller contract 5).

use iofog_api::{ApiError, Fields, FogUuid};

use super::router;
use crate::app::Work;
use crate::domain::catalog;
use crate::domain::change::Flags;
use crate::domain::fog::{Fog, FogSettings, RouterMode};
use crate::domain::microservice::Spec;
use crate::domain::password::{random_text, token_hash};
use crate::domain::router::{DEFAULT_ROUTER, RouterRequest};
use crate::live::Effect;
use crate::notify::Notice;
use crate::settings::PROVISION_KEY_MS;
use crate::store;

/// The agent that a user means; system agents are everybody's to see.
///
/// # Errors
/// `Invalid ioFog UUID '<uuid>'`.
pub fn visible(work: &mut Work<'_>, user: i64, uuid: &str) -> Result<Fog, ApiError> {
    store::fog::by_uuid(work.tx, &FogUuid::from(uuid))?
        .filter(|fog| fog.user_id == user || fog.is_system)
        .ok_or_else(|| ApiError::not_found(format!("Invalid ioFog UUID '{uuid}'")))
}

/// The agent that a user owns.
///
/// # Errors
/// `Invalid ioFog UUID '<uuid>'`.
pub fn owned(work: &mut Work<'_>, user: i64, uuid: &str) -> Result<Fog, ApiError> {
    let fog = visible(work, user, uuid)?;
    if fog.user_id == user {
        return Ok(fog);
    }
    Err(ApiError::not_found(format!("Invalid ioFog UUID '{uuid}'")))
}

/// Creates an agent with its router.
///
/// # Errors
/// With the contract's messages; nothing is left behind then.
pub fn create(work: &mut Work<'_>, user: i64, body: &Fields<'_>) -> Result<FogUuid, ApiError> {
    let name = body.required_string("name", 1)?;
    body.required_integer("fogType", 0, 2)?;
    let mut settings = FogSettings::default();
    settings.update(body)?;
    let request = RouterRequest::read(body)?;
    settings.router_mode = request.mode.unwrap_or_default();
    settings.network_router = network_router_of(&request);
    let is_system = body.boolean("isSystem")?.unwrap_or(false);
    if is_system {
        may_be_system(work, &settings)?;
    }
    if !store::fog::by_name(work.tx, &name)?.is_empty() {
        return Err(ApiError::validation(format!("Duplicate name '{name}'")));
    }
    check_router_fields(&settings, &request)?;
    router::check_network_router(work, &settings)?;
    let fog = Fog {
        uuid: FogUuid::from(router::new_uuid()?),
        user_id: user,
        name,
        is_system,
        created: work.now,
        updated: work.now,
        settings,
    };
    store::fog::insert(work.tx, &fog)?;
    router::apply(work, &fog, &request)?;
    sync_peripherals(work, &fog)?;
    work.flag(&fog.uuid, Flags::COMMON)?;
    work.set_fog_status(&fog.uuid, Default::default());
    work.notice(Notice::Made(fog.uuid.clone()));
    Ok(fog.uuid)
}

/// There is one system agent, with an interior router.
fn may_be_system(work: &mut Work<'_>, settings: &FogSettings) -> Result<(), ApiError> {
    if settings.router_mode != RouterMode::Interior {
        let mode = settings.router_mode.name();
        return Err(ApiError::validation(format!("Invalid router mode '{mode}'")));
    }
    match store::fog::system(work.tx)? {
        Some(_) => Err(ApiError::validation("There already is a system fog")),
        None => Ok(()),
    }
}

fn network_router_of(request: &RouterRequest) -> Option<String> {
    request.network_router.clone().filter(|name| !name.is_empty() && name != DEFAULT_ROUTER)
}

fn check_router_fields(settings: &FogSettings, request: &RouterRequest) -> Result<(), ApiError> {
    let has_host = settings.host.as_ref().is_some_and(|host| !host.is_empty());
    match settings.router_mode {
        RouterMode::Interior => request.require_interior(settings.host.as_deref()),
        RouterMode::Edge if !has_host => Err(ApiError::validation("\"host\" is required")),
        _ => Ok(()),
    }
}

/// Changes an agent.
///
/// # Errors
/// With the contract's messages; nothing is changed then.
pub fn update(work: &mut Work<'_>, mut fog: Fog, body: &Fields<'_>) -> Result<(), ApiError> {
    if let Some(name) = body.string("name")? {
        body.at_least("name", &name, 1)?;
        let others = store::fog::by_name(work.tx, &name)?;
        if others.iter().any(|other| other.user_id == fog.user_id && other.uuid != fog.uuid) {
            return Err(ApiError::validation(format!("Duplicate name '{name}'")));
        }
        fog.name = name;
    }
    let host_before = fog.settings.host.clone();
    let mode_before = fog.settings.router_mode;
    let peripherals_before = (fog.settings.hal, fog.settings.bluetooth);
    fog.settings.update(body)?;
    let mut request = RouterRequest::read(body)?;
    if let Some(mode) = request.mode {
        fog.settings.router_mode = mode;
        if mode == RouterMode::Interior {
            request.require_interior(fog.settings.host.as_deref())?;
        }
    }
    if let Some(name) = &request.network_router {
        body.at_least("networkRouter", name, 1)?;
        fog.settings.network_router = network_router_of(&request);
        router::check_network_router(work, &fog.settings)?;
    }
    change_system(work, &mut fog, body.boolean("isSystem")?)?;
    if mode_before == RouterMode::None && request.upstreams.is_none() {
        request.upstreams = Some(vec![DEFAULT_ROUTER.to_owned()]);
    }
    fog.updated = work.now;
    store::fog::update(work.tx, &fog)?;
    router::apply(work, &fog, &request)?;
    let mut flags = Flags::CONFIG;
    if fog.settings.router_mode != RouterMode::None {
        flags = flags.with(Flags::ROUTER_CHANGED).with(Flags::COMMON);
    }
    if peripherals_before != (fog.settings.hal, fog.settings.bluetooth) {
        sync_peripherals(work, &fog)?;
        flags = flags.with(Flags::COMMON);
    }
    work.flag(&fog.uuid, flags)?;
    if fog.settings.host != host_before {
        super::extra_host::refresh(work)?;
    }
    Ok(())
}

/// Makes an agent the system agent, or one of its owner's again.
fn change_system(work: &mut Work<'_>, fog: &mut Fog, wanted: Option<bool>) -> Result<(), ApiError> {
    match wanted {
        Some(true) if !fog.is_system => {
            may_be_system(work, &fog.settings)?;
            fog.is_system = true;
        }
        Some(false) => fog.is_system = false,
        _ => {}
    }
    Ok(())
}

/// Creates or removes the HAL and RESTBlue microservices as the settings ask.
fn sync_peripherals(work: &mut Work<'_>, fog: &Fog) -> Result<(), ApiError> {
    for (item, wanted, name) in [
        (catalog::HAL, fog.settings.hal, "Hal"),
        (catalog::BLUETOOTH, fog.settings.bluetooth, "Bluetooth"),
    ] {
        let known = store::microservice::system(work.tx, &fog.uuid, item)?;
        match (known, wanted) {
            (None, true) => {
                let spec =
                    Spec { config: "{}".to_owned(), root_host_access: true, ..Spec::default() };
                router::add_system(work, fog, item, &format!("{name} for Fog {}", fog.uuid), spec)?;
            }
            (Some(known), false) => {
                work.delete_microservice(&known.uuid)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Removes an agent with its router and microservices.
///
/// # Errors
/// When the database fails.
pub fn delete(work: &mut Work<'_>, fog: &Fog) -> Result<(), ApiError> {
    for microservice in store::microservice::of_fog(work.tx, &fog.uuid)? {
        if microservice.application_id.is_some() {
            super::microservice::delete(work, &microservice)?;
        }
    }
    super::public_port::close_entry(work, &fog.uuid)?;
    if let Some(own) = store::router::by_fog(work.tx, &fog.uuid)? {
        router::remove(work, fog, &own)?;
    }
    for microservice in store::microservice::of_fog(work.tx, &fog.uuid)? {
        work.delete_microservice(&microservice.uuid)?;
    }
    store::fog::delete(work.tx, &fog.uuid)?;
    work.effect(Effect::DropFog(fog.uuid.clone()));
    work.notice(Notice::Removed(fog.uuid.clone()));
    Ok(())
}

/// Makes a provisioning key, which replaces the agent's former one. Gives key and expiry.
///
/// # Errors
/// When the system gives no random numbers or the database fails.
pub fn provisioning_key(work: &mut Work<'_>, fog: &FogUuid) -> Result<(String, i64), ApiError> {
    let key = random_text(iofog_api::id::PROVISION_KEY_LENGTH)
        .map_err(|error| ApiError::internal(error.to_string()))?;
    let expires = work.now + PROVISION_KEY_MS;
    store::token::put_key(work.tx, fog, &token_hash(&key), expires)?;
    Ok((key, expires))
}
