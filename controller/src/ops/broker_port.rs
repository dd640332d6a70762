//! Ports that an external broker opens (controller contract 20.7): what a transaction takes of what the broker gave, the PortRouters, and what
//! is given back. The broker itself is asked between transactions ([`crate::broker`]).

use iofog_api::{ApiError, FogUuid, MicroserviceUuid};

use super::{router, system};
use crate::app::Work;
use crate::domain::broker::{
    BrokerDetails, BrokerPort, Given, Lease, Returned, Wanted, port_router_config,
};
use crate::domain::catalog;
use crate::domain::change::Flags;
use crate::domain::microservice::Microservice;
use crate::domain::port::Port;
use crate::store;

/// What a transaction has of the broker, and what it lacks: with anything in `wanted` it is not kept, and is run again
/// once the broker has been asked.
#[derive(Default)]
pub struct Exchange {
    /// Ports that the broker gave for this request.
    pub given: Vec<Given>,
    /// Ports to ask for.
    pub wanted: Vec<Wanted>,
}

/// Opens the ports of a microservice that ask for the broker.
///
/// # Errors
/// When there is no broker, or the database fails.
pub fn grant(work: &mut Work<'_>, microservice: &Microservice) -> Result<(), ApiError> {
    for wanted in microservice.spec.ports.iter().filter(|port| port.brokered) {
        grant_one(work, microservice, wanted)?;
    }
    Ok(())
}

fn grant_one(
    work: &mut Work<'_>,
    microservice: &Microservice,
    wanted: &Port,
) -> Result<(), ApiError> {
    if work.settings.broker.is_none() {
        return Err(ApiError::validation(format!(
            "Field proxy of port {} asks for a port broker, which there is none of: use public",
            wanted.internal
        )));
    }
    let fog = microservice.fog.as_ref();
    let Some(lease) = take(work, fog)? else { return Ok(()) };
    let details = BrokerDetails { external: wanted.external, udp: wanted.udp, lease };
    store::broker_port::insert(work.tx, &microservice.uuid, wanted.internal, &details)?;
    refresh(work, fog, Flags::MICROSERVICE_CONFIG)
}

/// A port that the broker gave for this agent; without one it is noted as wanted.
fn take(work: &mut Work<'_>, fog: Option<&FogUuid>) -> Result<Option<Lease>, ApiError> {
    let known = match fog {
        Some(fog) => {
            let mut had = store::broker_port::of_fog(work.tx, fog)?.into_iter();
            had.next().map(|port| port.details.lease.server_token)
        }
        None => None,
    };
    while let Some(at) =
        work.broker.given.iter().position(|given| given.fits(fog, known.as_deref()))
    {
        let given = work.broker.given.remove(at);
        if store::broker_port::keep(work.tx, &Returned::Port(given.lease.uuid.clone()))? {
            for token in given.notes() {
                store::broker_port::keep(work.tx, &token)?;
            }
            return Ok(Some(given.lease));
        }
        // It took so long that the port was given back.
    }
    let asked = work.broker.wanted.iter().find(|wanted| wanted.fog.as_ref() == fog);
    let is_new = known.is_none();
    let server_token = match (known, asked) {
        (Some(token), _) => token,
        (None, Some(asked)) if fog.is_some() => asked.server_token.clone(),
        _ => router::new_uuid()?,
    };
    let fog = fog.cloned();
    work.broker.wanted.push(Wanted { fog, server_token, is_new });
    Ok(None)
}

/// Has an agent's PortRouter open the ports of the microservices that are on it by now; the rows say which, whatever its configuration
/// was before.
///
/// # Errors
/// When the database fails.
pub fn refresh(work: &mut Work<'_>, fog: Option<&FogUuid>, flags: Flags) -> Result<(), ApiError> {
    let Some(fog) = fog else { return Ok(()) };
    let config = port_router_config(&store::broker_port::of_fog(work.tx, fog)?);
    system::configure(work, fog, catalog::PORT_ROUTER, config, flags)
}

/// Closes ports and gives them back to the broker, and tokens that no port is left of.
///
/// # Errors
/// When the database fails.
pub fn release(
    work: &mut Work<'_>,
    fog: Option<&FogUuid>,
    ports: &[BrokerPort],
) -> Result<(), ApiError> {
    if ports.is_empty() {
        return Ok(());
    }
    for port in ports {
        store::broker_port::delete(work.tx, port.id)?;
        let lease = &port.details.lease;
        let gone = Returned::Port(lease.uuid.clone());
        store::broker_port::give_back(work.tx, &gone, work.now)?;
        if !store::broker_port::has_token(work.tx, &lease.server_token)? {
            let gone = Returned::ServerToken(lease.server_token.clone());
            store::broker_port::give_back(work.tx, &gone, work.now)?;
        }
    }
    refresh(work, fog, Flags::COMMON)
}

/// Ports of a microservice.
///
/// # Errors
/// When the database fails.
pub fn of(work: &mut Work<'_>, uuid: &MicroserviceUuid) -> Result<Vec<BrokerPort>, ApiError> {
    Ok(store::broker_port::of_microservice(work.tx, uuid)?)
}

/// Follows a change of a microservice: ports whose request is unchanged move with it, the others are given back, new ones opened.
///
/// # Errors
/// When there is no broker for a new one, or the database fails.
pub fn follow(
    work: &mut Work<'_>,
    before: &Microservice,
    after: &Microservice,
) -> Result<(), ApiError> {
    if !before.spec.ports.iter().chain(&after.spec.ports).any(|port| port.brokered) {
        return Ok(());
    }
    let wanted = |of: &Microservice, internal: i64| {
        of.spec.ports.iter().find(|port| port.internal == internal && port.brokered).cloned()
    };
    let (kept, gone): (Vec<_>, Vec<_>) = of(work, &before.uuid)?.into_iter().partition(|own| {
        let old = wanted(before, own.internal);
        old.is_some() && old == wanted(after, own.internal)
    });
    release(work, before.fog.as_ref(), &gone)?;
    if before.fog != after.fog && !kept.is_empty() {
        refresh(work, before.fog.as_ref(), Flags::COMMON)?;
        refresh(work, after.fog.as_ref(), Flags::MICROSERVICE_CONFIG)?;
    }
    let had = |port: &Port| kept.iter().any(|own| own.internal == port.internal);
    for port in after.spec.ports.iter().filter(|port| port.brokered && !had(port)) {
        grant_one(work, after, port)?;
    }
    Ok(())
}
