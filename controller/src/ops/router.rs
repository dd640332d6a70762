//! Routers of agents and their system microservices (controller contract 19).

use iofog_api::{ApiError, FogUuid, MicroserviceUuid};

use crate::app::Work;
use crate::domain::catalog;
use crate::domain::change::Flags;
use crate::domain::fog::{Fog, FogSettings, RouterMode};
use crate::domain::microservice::{Microservice, Spec};
use crate::domain::password::random_text;
use crate::domain::port::Port;
use crate::domain::proxy::{NetworkRouter, ProxyConfig};
use crate::domain::router::{self, DEFAULT_ROUTER, Router, RouterRequest, RouterSettings};
use crate::store;

/// A random uuid of the contract's form.
///
/// # Errors
/// When the system gives no random numbers.
pub fn new_uuid() -> Result<String, ApiError> {
    random_text(iofog_api::id::UUID_LENGTH).map_err(|error| ApiError::internal(error.to_string()))
}

/// The default router.
///
/// # Errors
/// `Invalid router 'default-router'` when there is none.
pub fn default_router(work: &mut Work<'_>) -> Result<Router, ApiError> {
    store::router::default(work.tx)?.ok_or_else(|| invalid(DEFAULT_ROUTER))
}

fn invalid(id: &str) -> ApiError {
    ApiError::not_found(format!("Invalid router '{id}'"))
}

/// The router that a body names: an agent's uuid or `default-router`.
///
/// # Errors
/// `Invalid router '<id>'`.
pub fn named(work: &mut Work<'_>, name: &str) -> Result<Router, ApiError> {
    if name == DEFAULT_ROUTER {
        return default_router(work);
    }
    store::router::by_fog(work.tx, &FogUuid::from(name))?.ok_or_else(|| invalid(name))
}

/// The router that carries a node's messages: its own, or its network router.
///
/// # Errors
/// When the database fails.
pub fn network_router(work: &mut Work<'_>, fog: &Fog) -> Result<Option<Router>, ApiError> {
    if fog.settings.router_mode == RouterMode::None {
        if let Some(name) = &fog.settings.network_router
            && let Some(router) = store::router::by_fog(work.tx, &FogUuid::from(name.as_str()))?
        {
            return Ok(Some(router));
        }
        return Ok(store::router::default(work.tx)?);
    }
    Ok(store::router::by_fog(work.tx, &fog.uuid)?)
}

/// Refuses a node without a router of its own whose messages no router would carry (contract 5.1).
///
/// # Errors
/// `Invalid router '<id>'`.
pub fn check_network_router(work: &mut Work<'_>, settings: &FogSettings) -> Result<(), ApiError> {
    if settings.router_mode != RouterMode::None {
        return Ok(());
    }
    named(work, settings.network_router.as_deref().unwrap_or(DEFAULT_ROUTER)).map(drop)
}

/// Creates or changes the router that an agent's settings ask for, and everything that depends on it.
///
/// # Errors
/// With the contract's messages for unknown upstreams and impossible modes.
pub fn apply(work: &mut Work<'_>, fog: &Fog, request: &RouterRequest) -> Result<(), ApiError> {
    let existing = store::router::by_fog(work.tx, &fog.uuid)?;
    if fog.settings.router_mode == RouterMode::None {
        if let Some(router) = existing {
            remove(work, fog, &router)?;
        }
        // Its Proxy, if it has one, dials another router from here on.
        return rewrite_proxy(work, fog);
    }
    let is_edge = fog.settings.router_mode == RouterMode::Edge;
    let upstreams = wanted_upstreams(work, fog, request, existing.as_ref())?;
    let before = existing.as_ref().map(|router| router.settings.clone());
    let settings = wanted_settings(fog, request, before.as_ref());
    let router = match existing {
        Some(router) => {
            if is_edge && !router.settings.is_edge {
                refuse_downstreams(work, fog, &router)?;
            }
            let router = Router { settings, updated: work.now, ..router };
            store::router::update(work.tx, &router)?;
            router
        }
        None => {
            let is_default = fog.is_system
                && !is_edge
                && store::router::default(work.tx)?.is_none_or(|default| default.fog.is_none());
            if is_default && let Some(old) = store::router::default(work.tx)? {
                store::router::update(work.tx, &Router { is_default: false, ..old })?;
            }
            let mut router = Router {
                id: 0,
                fog: Some(fog.uuid.clone()),
                is_default,
                created: work.now,
                updated: work.now,
                settings,
            };
            router.id = store::router::insert(work.tx, &router)?;
            router
        }
    };
    store::router::connect(work.tx, router.id, &upstreams)?;
    write_microservice(work, fog, &router, before.as_ref())?;
    if before.is_some_and(|before| before != router.settings) {
        for downstream in store::router::downstreams(work.tx, router.id)? {
            rewrite(work, &downstream)?;
        }
        for guest in guests(work, &router)? {
            rewrite_proxy(work, &guest)?;
            work.flag(&guest.uuid, Flags::ROUTER_CHANGED)?;
        }
    }
    rewrite_proxy(work, fog)
}

fn wanted_settings(
    fog: &Fog,
    request: &RouterRequest,
    before: Option<&RouterSettings>,
) -> RouterSettings {
    let is_edge = fog.settings.router_mode == RouterMode::Edge;
    let kept = |wanted: Option<i64>, of: fn(&RouterSettings) -> Option<i64>| {
        wanted.or_else(|| before.and_then(of)).filter(|_| !is_edge)
    };
    RouterSettings {
        is_edge,
        host: fog.settings.host.clone().unwrap_or_default(),
        messaging_port: request
            .messaging_port
            .or(before.map(|before| before.messaging_port))
            .unwrap_or(router::MESSAGING_PORT),
        edge_router_port: kept(request.edge_router_port, |before| before.edge_router_port),
        inter_router_port: kept(request.inter_router_port, |before| before.inter_router_port),
    }
}

fn wanted_upstreams(
    work: &mut Work<'_>,
    fog: &Fog,
    request: &RouterRequest,
    existing: Option<&Router>,
) -> Result<Vec<Router>, ApiError> {
    let names = match (&request.upstreams, existing) {
        (Some(names), _) => names.clone(),
        (None, Some(router)) => return Ok(store::router::upstreams(work.tx, router.id)?),
        (None, None) if fog.is_system => Vec::new(),
        (None, None) => vec![DEFAULT_ROUTER.to_owned()],
    };
    let mut upstreams = Vec::new();
    for name in names {
        let upstream = named(work, &name)?;
        if upstream.settings.is_edge {
            return Err(ApiError::validation(format!("Upstream router must be interior '{name}'")));
        }
        if upstream.fog.as_ref() != Some(&fog.uuid) {
            upstreams.push(upstream);
        }
    }
    Ok(upstreams)
}

fn refuse_downstreams(work: &mut Work<'_>, fog: &Fog, router: &Router) -> Result<(), ApiError> {
    if store::router::downstreams(work.tx, router.id)?.is_empty() {
        return Ok(());
    }
    Err(ApiError::validation(format!(
        "Edge router {} has, or will have, downstream routers",
        fog.uuid
    )))
}

/// Writes the Router microservice; a change of ports means a rebuild.
fn write_microservice(
    work: &mut Work<'_>,
    fog: &Fog,
    router: &Router,
    before: Option<&RouterSettings>,
) -> Result<(), ApiError> {
    let upstreams = store::router::upstreams(work.tx, router.id)?;
    let config = router::config_text(&fog.uuid, &router.settings, &upstreams);
    let ports: Vec<Port> = router::listeners(&router.settings)
        .into_iter()
        .map(|(_, port)| Port { internal: port, external: port, ..Port::default() })
        .collect();
    match store::microservice::system(work.tx, &fog.uuid, catalog::ROUTER)? {
        Some(mut known) => {
            let rebuild = before.is_some() && known.spec.ports != ports;
            if known.spec.config == config && !rebuild {
                return Ok(());
            }
            known.spec.config = config;
            known.spec.ports = ports;
            known.rebuild |= rebuild;
            known.updated = work.now;
            work.update_microservice(&known)?;
            let list = if rebuild { Flags::COMMON } else { Flags::MICROSERVICE_CONFIG };
            work.flag(&fog.uuid, list)
        }
        None => {
            let name = format!("Router for Fog {}", fog.uuid);
            add_system(
                work,
                fog,
                catalog::ROUTER,
                &name,
                Spec { config, ports, ..Spec::default() },
            )?;
            work.flag(&fog.uuid, Flags::COMMON)
        }
    }
}

/// Adds a system microservice to an agent.
///
/// # Errors
/// When the database fails.
pub fn add_system(
    work: &mut Work<'_>,
    fog: &Fog,
    item: i64,
    name: &str,
    spec: Spec,
) -> Result<Microservice, ApiError> {
    let microservice = Microservice {
        uuid: MicroserviceUuid::from(new_uuid()?),
        name: name.to_owned(),
        application_id: None,
        fog: Some(fog.uuid.clone()),
        user_id: Some(fog.user_id),
        catalog_item_id: Some(item),
        registry_id: 1,
        rebuild: false,
        created: work.now,
        updated: work.now,
        spec: Spec { log_size: 1, system_ports: true, ..spec },
    };
    work.insert_microservice(&microservice)?;
    Ok(microservice)
}

/// Rewrites a router's configuration after one of its upstreams changed.
fn rewrite(work: &mut Work<'_>, router: &Router) -> Result<(), ApiError> {
    let Some(uuid) = &router.fog else { return Ok(()) };
    let Some(fog) = store::fog::by_uuid(work.tx, uuid)? else { return Ok(()) };
    write_microservice(work, &fog, router, Some(&router.settings))
}

/// Agents without a router of their own whose messages a router carries.
fn guests(work: &mut Work<'_>, router: &Router) -> Result<Vec<Fog>, ApiError> {
    let mut guests = Vec::new();
    for fog in store::fog::all(work.tx)? {
        if fog.settings.router_mode == RouterMode::None
            && network_router(work, &fog)?.is_some_and(|carrier| carrier.id == router.id)
        {
            guests.push(fog);
        }
    }
    Ok(guests)
}

/// Where an agent's Proxy dials: the router that carries its messages.
///
/// # Errors
/// When the database fails.
pub fn proxy_router(work: &mut Work<'_>, fog: &Fog) -> Result<NetworkRouter, ApiError> {
    let carrier = network_router(work, fog)?.map(|router| NetworkRouter {
        host: router.settings.host,
        port: router.settings.messaging_port,
    });
    Ok(carrier.unwrap_or_default())
}

/// Points an agent's Proxy at the router that carries its messages.
fn rewrite_proxy(work: &mut Work<'_>, fog: &Fog) -> Result<(), ApiError> {
    let Some(mut proxy) = store::microservice::system(work.tx, &fog.uuid, catalog::PROXY)? else {
        return Ok(());
    };
    let wanted = proxy_router(work, fog)?;
    let mut config = ProxyConfig::parse(&proxy.spec.config);
    if config.network_router == wanted {
        return Ok(());
    }
    config.network_router = wanted;
    proxy.spec.config = config.text();
    work.update_microservice(&proxy)?;
    work.flag(&fog.uuid, Flags::MICROSERVICE_CONFIG)
}

/// Removes an agent's router: what dialled it, and who used it, moves to the default router.
///
/// # Errors
/// When the database fails.
pub fn remove(work: &mut Work<'_>, fog: &Fog, router: &Router) -> Result<(), ApiError> {
    let downstreams = store::router::downstreams(work.tx, router.id)?;
    let guests = guests(work, router)?;
    store::router::delete(work.tx, router.id)?;
    if let Some(known) = store::microservice::system(work.tx, &fog.uuid, catalog::ROUTER)? {
        work.delete_microservice(&known.uuid)?;
    }
    let default = store::router::default(work.tx)?;
    for downstream in downstreams {
        let mut upstreams = store::router::upstreams(work.tx, downstream.id)?;
        upstreams.extend(default.clone().filter(|default| default.id != downstream.id));
        store::router::connect(work.tx, downstream.id, &upstreams)?;
        rewrite(work, &downstream)?;
        if let Some(uuid) = &downstream.fog {
            work.flag(uuid, Flags::ROUTER_CHANGED)?;
        }
    }
    for mut guest in guests {
        guest.settings.network_router = None;
        store::fog::update(work.tx, &guest)?;
        rewrite_proxy(work, &guest)?;
        work.flag(&guest.uuid, Flags::ROUTER_CHANGED)?;
    }
    Ok(())
}

/// `PUT /router`: creates or changes the default router.
///
/// # Errors
/// When the database fails.
pub fn put_default(work: &mut Work<'_>, settings: RouterSettings) -> Result<Router, ApiError> {
    match store::router::default(work.tx)? {
        Some(router) => {
            let router = Router { settings, updated: work.now, ..router };
            store::router::update(work.tx, &router)?;
            Ok(router)
        }
        None => {
            let mut router = Router {
                id: 0,
                fog: None,
                is_default: true,
                created: work.now,
                updated: work.now,
                settings,
            };
            router.id = store::router::insert(work.tx, &router)?;
            Ok(router)
        }
    }
}
