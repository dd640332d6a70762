//! Hosts file entries that refer to agents, microservices and public ports (controller contract 10.5).

use iofog_api::ApiError;

use crate::app::Work;
use crate::domain::change::Flags;
use crate::domain::extra_host::{self, Address};
use crate::domain::fog::Fog;
use crate::domain::microservice::{ExtraHost, Microservice};
use crate::store;

/// Resolves the entries of a body.
///
/// # Errors
/// When an expression has a wrong shape or its target is missing.
pub fn resolve(
    work: &mut Work<'_>,
    user: i64,
    wanted: &[(String, String)],
) -> Result<Vec<ExtraHost>, ApiError> {
    wanted
        .iter()
        .map(|(name, address)| {
            let value = value_of(work, user, address)?;
            Ok(ExtraHost { name: name.clone(), address: address.clone(), value })
        })
        .collect()
}

fn value_of(work: &mut Work<'_>, user: i64, address: &str) -> Result<String, ApiError> {
    match extra_host::parse(address)? {
        Address::Literal => Ok(address.to_owned()),
        Address::Agent(name) => {
            let fog = store::fog::by_name(work.tx, &name)?
                .into_iter()
                .find(|fog| fog.user_id == user || fog.is_system)
                .ok_or_else(|| extra_host::not_found(&name))?;
            Ok(fog.settings.host.unwrap_or_default())
        }
        Address::Local(app, name) => {
            let microservice = find(work, user, &app, &name)?;
            let fog = match &microservice.fog {
                Some(uuid) => store::fog::by_uuid(work.tx, uuid)?,
                None => None,
            };
            Ok(address_of(work, &fog.ok_or_else(|| extra_host::not_found(&name))?))
        }
        Address::Public(app, name, port) => {
            let microservice = find(work, user, &app, &name)?;
            let granted = store::public_port::of_microservice(work.tx, &microservice.uuid)?
                .into_iter()
                .find(|granted| granted.public_port == port || granted.internal == port)
                .ok_or_else(|| extra_host::not_found(&port.to_string()))?;
            let router = match &granted.details.host {
                Some(uuid) => store::router::by_fog(work.tx, uuid)?,
                None => store::router::default(work.tx)?,
            };
            Ok(router.map(|router| router.settings.host).unwrap_or_default())
        }
    }
}

fn address_of(work: &Work<'_>, fog: &Fog) -> String {
    let host = fog.settings.host.clone().filter(|host| !host.is_empty());
    host.unwrap_or_else(|| work.live.statuses.fog(&fog.uuid).ip_address)
}

fn find(work: &mut Work<'_>, user: i64, app: &str, name: &str) -> Result<Microservice, ApiError> {
    let application = store::application::by_name(work.tx, user, app)?
        .ok_or_else(|| extra_host::not_found(app))?;
    store::microservice::of_application(work.tx, application.id)?
        .into_iter()
        .find(|microservice| microservice.name == name)
        .ok_or_else(|| extra_host::not_found(name))
}

/// Resolves every stored expression again: an address that they may refer to has moved.
///
/// # Errors
/// When the database fails. An expression whose target is gone keeps its last value.
pub fn refresh(work: &mut Work<'_>) -> Result<(), ApiError> {
    for mut microservice in store::microservice::with_host_expressions(work.tx)? {
        let Some(user) = microservice.user_id else { continue };
        let mut moved = false;
        for entry in &mut microservice.spec.extra_hosts {
            if let Ok(value) = value_of(work, user, &entry.address)
                && value != entry.value
            {
                entry.value = value;
                moved = true;
            }
        }
        if moved {
            microservice.rebuild = true;
            work.update_microservice(&microservice)?;
            if let Some(fog) = &microservice.fog {
                work.flag(fog, Flags::COMMON)?;
            }
        }
    }
    Ok(())
}
