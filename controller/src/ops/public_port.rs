//! Public ports: granting, the Proxies on both sides, and their removal (controller contract 20).

use iofog_api::{ApiError, FogUuid, MicroserviceUuid};

use super::{router, system};
use crate::app::Work;
use crate::domain::catalog;
use crate::domain::change::Flags;
use crate::domain::fog::Fog;
use crate::domain::microservice::Microservice;
use crate::domain::port::{self, Port, PublicDetails, PublicPort, PublicRequest};
use crate::domain::proxy::{self, ProxyConfig};
use crate::domain::router::DEFAULT_ROUTER;
use crate::store;

/// Grants the public ports that a microservice's ports ask for and sets up the Proxies on both sides.
///
/// # Errors
/// When no entry host or no port is to be had.
pub fn grant(work: &mut Work<'_>, microservice: &Microservice) -> Result<(), ApiError> {
    for wanted in &microservice.spec.ports {
        if let Some(public) = &wanted.public {
            grant_one(work, microservice, wanted, public)?;
        }
    }
    Ok(())
}

fn grant_one(
    work: &mut Work<'_>,
    microservice: &Microservice,
    wanted: &Port,
    public: &PublicRequest,
) -> Result<(), ApiError> {
    let entry = entry_host(work, public)?;
    let taken = taken_on(work, entry.as_ref())?;
    let shown = public.router_host.as_deref().unwrap_or(DEFAULT_ROUTER);
    let range = work.settings.public_ports.clone();
    let public_port = port::grant(public.router_port, &range, &taken, shown)?;
    let granted = PublicPort {
        id: 0,
        microservice: microservice.uuid.clone(),
        internal: wanted.internal,
        public_port,
        details: PublicDetails {
            external: wanted.external,
            queue: router::new_uuid()?,
            protocol: public.protocol.clone(),
            schemes: public.schemes.clone(),
            host: entry.map(|fog| fog.uuid),
            explicit_host: public.router_host.is_some(),
        },
    };
    store::public_port::insert(work.tx, &granted)?;
    connect(work, microservice, &granted)
}

/// Numbers that nobody else may get on an entry host: public ports and ports of its microservices.
fn taken_on(
    work: &mut Work<'_>,
    entry: Option<&Fog>,
) -> Result<std::collections::BTreeSet<i64>, ApiError> {
    let mut taken = store::public_port::taken(work.tx, entry.map(|fog| &fog.uuid))?;
    if let Some(fog) = entry {
        for other in store::microservice::of_fog(work.tx, &fog.uuid)? {
            taken.extend(other.spec.ports.iter().map(|port| port.external));
        }
    }
    Ok(taken)
}

/// The agent on which a public port is opened; none on Kubernetes.
fn entry_host(work: &mut Work<'_>, public: &PublicRequest) -> Result<Option<Fog>, ApiError> {
    if let Some(uuid) = &public.router_host {
        let fog = store::fog::by_uuid(work.tx, &FogUuid::from(uuid.as_str()))?;
        return fog
            .map(Some)
            .ok_or_else(|| ApiError::validation(format!("Invalid router host {uuid}")));
    }
    let system = store::fog::system(work.tx)?;
    if system.is_none() && store::router::default(work.tx)?.is_none() {
        return Err(ApiError::validation(format!("Invalid router host {DEFAULT_ROUTER}")));
    }
    Ok(system)
}

/// Adds a public port's mappings on the agents of both sides.
///
/// # Errors
/// When the database fails.
pub fn connect(
    work: &mut Work<'_>,
    microservice: &Microservice,
    granted: &PublicPort,
) -> Result<(), ApiError> {
    let details = &granted.details;
    if let Some(uuid) = &microservice.fog {
        let mapping = proxy::local_mapping(&details.queue, &details.protocol, details.external);
        add_mapping(work, uuid, &mapping)?;
    }
    if let Some(uuid) = &details.host {
        let mapping = proxy::remote_mapping(&details.queue, &details.protocol, granted.public_port);
        add_mapping(work, uuid, &mapping)?;
    }
    Ok(())
}

/// Removes a public port's mapping on the microservice's side: it moves, or goes.
///
/// # Errors
/// When the database fails.
pub fn disconnect_local(
    work: &mut Work<'_>,
    fog: &FogUuid,
    granted: &PublicPort,
) -> Result<(), ApiError> {
    let details = &granted.details;
    let mapping = proxy::local_mapping(&details.queue, &details.protocol, details.external);
    remove_mapping(work, fog, &mapping)
}

/// Takes back public ports with their mappings on both sides.
///
/// # Errors
/// When the database fails.
pub fn release(
    work: &mut Work<'_>,
    fog: Option<&FogUuid>,
    ports: &[PublicPort],
) -> Result<(), ApiError> {
    for granted in ports {
        if let Some(fog) = fog {
            disconnect_local(work, fog, granted)?;
        }
        if let Some(host) = &granted.details.host {
            let details = &granted.details;
            let mapping =
                proxy::remote_mapping(&details.queue, &details.protocol, granted.public_port);
            remove_mapping(work, host, &mapping)?;
        }
        store::public_port::delete(work.tx, granted.id)?;
    }
    Ok(())
}

/// Takes back the public ports that are opened on an agent that goes. Their microservices keep the port itself, which is no longer
/// public: the 3.0.4 database drops the row alone and leaves the mapping of the Proxy beside the microservice.
///
/// # Errors
/// When the database fails.
pub fn close_entry(work: &mut Work<'_>, host: &FogUuid) -> Result<(), ApiError> {
    for granted in store::public_port::all(work.tx)? {
        if granted.details.host.as_ref() != Some(host) {
            continue;
        }
        let Some(mut one) = store::microservice::by_uuid(work.tx, &granted.microservice)? else {
            continue;
        };
        for port in one.spec.ports.iter_mut().filter(|port| port.internal == granted.internal) {
            port.public = None;
        }
        one.updated = work.now;
        work.update_microservice(&one)?;
        release(work, one.fog.as_ref(), &[granted])?;
    }
    Ok(())
}

/// Public ports of a microservice.
///
/// # Errors
/// When the database fails.
pub fn of(work: &mut Work<'_>, uuid: &MicroserviceUuid) -> Result<Vec<PublicPort>, ApiError> {
    Ok(store::public_port::of_microservice(work.tx, uuid)?)
}

fn add_mapping(work: &mut Work<'_>, uuid: &FogUuid, mapping: &str) -> Result<(), ApiError> {
    let mut config = match system::config(work, uuid, catalog::PROXY)? {
        Some(text) => ProxyConfig::parse(&text),
        None => {
            let Some(fog) = store::fog::by_uuid(work.tx, uuid)? else { return Ok(()) };
            let network_router = router::proxy_router(work, &fog)?;
            ProxyConfig { mappings: Vec::new(), network_router }
        }
    };
    config.add(mapping);
    let flags = Flags::MICROSERVICE_CONFIG;
    system::configure(work, uuid, catalog::PROXY, Some(config.text()), flags)
}

fn remove_mapping(work: &mut Work<'_>, uuid: &FogUuid, mapping: &str) -> Result<(), ApiError> {
    let Some(text) = system::config(work, uuid, catalog::PROXY)? else { return Ok(()) };
    let mut config = ProxyConfig::parse(&text);
    config.remove(mapping);
    let text = (!config.mappings.is_empty()).then(|| config.text());
    system::configure(work, uuid, catalog::PROXY, text, Flags::COMMON)
}
