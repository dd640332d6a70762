//! System microservices of an agent that are there while they have something to do: its Proxy and its PortRouter.

use iofog_api::{ApiError, FogUuid};

use super::router;
use crate::app::Work;
use crate::domain::change::Flags;
use crate::domain::microservice::Spec;
use crate::store;

/// The configuration of the one made from a catalog item; none while it is not there.
///
/// # Errors
/// When the database fails.
pub fn config(work: &mut Work<'_>, fog: &FogUuid, item: i64) -> Result<Option<String>, ApiError> {
    let known = store::microservice::system(work.tx, fog, item)?;
    Ok(known.map(|known| known.spec.config))
}

/// Gives it another configuration and tells the agent with `flags`; the first makes it, none removes it.
///
/// # Errors
/// When the database fails.
pub fn configure(
    work: &mut Work<'_>,
    uuid: &FogUuid,
    item: i64,
    config: Option<String>,
    flags: Flags,
) -> Result<(), ApiError> {
    match (store::microservice::system(work.tx, uuid, item)?, config) {
        (Some(mut known), Some(config)) => {
            known.spec.config = config;
            known.updated = work.now;
            work.update_microservice(&known)?;
            work.flag(uuid, flags)
        }
        (Some(known), None) => {
            work.delete_microservice(&known.uuid)?;
            // The contract names the configuration flag; the list changed as well.
            work.flag(uuid, Flags::COMMON)
        }
        (None, Some(config)) => {
            let Some(fog) = store::fog::by_uuid(work.tx, uuid)? else { return Ok(()) };
            let spec = Spec { config, root_host_access: true, ..Spec::default() };
            router::add_system(work, &fog, item, "Proxy", spec)?;
            work.flag(uuid, Flags::COMMON)
        }
        (None, None) => Ok(()),
    }
}
