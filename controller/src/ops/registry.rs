//! Image registries going, with what points at them (controller contract 21), and who is told of changes.

use iofog_api::{ApiError, FogUuid};

use super::microservice;
use crate::app::Work;
use crate::domain::change::Flags;
use crate::domain::registry::Registry;
use crate::store;

/// The seeded registry that catalog items fall back to.
const REMOTE: i64 = 1;

/// Removes a registry with the microservices that take their images from it: their ports and routes go with them, and the agents at
/// both ends are told; 3.0.4 lets its database drop the rows alone. Catalog items stay, as there, but with the first registry instead
/// of none: clients read an integer.
///
/// # Errors
/// When the database fails.
pub fn delete(work: &mut Work<'_>, registry: &Registry) -> Result<(), ApiError> {
    for mut item in store::catalog::of_registry(work.tx, registry.id)? {
        item.settings.registry_id = REMOTE;
        store::catalog::update(work.tx, &item)?;
    }
    for one in store::microservice::of_registry(work.tx, registry.id)? {
        microservice::delete(work, &one)?;
    }
    store::registry::delete(work.tx, registry.id)?;
    registry.user_id.map_or(Ok(()), |user| tell(work, user))
}

/// Tells all agents of a user that its registries changed.
///
/// # Errors
/// When the database fails.
pub fn tell(work: &mut Work<'_>, user: i64) -> Result<(), ApiError> {
    let own: Vec<FogUuid> = store::fog::all(work.tx)?
        .into_iter()
        .filter(|fog| fog.user_id == user)
        .map(|fog| fog.uuid)
        .collect();
    own.iter().try_for_each(|fog| work.flag(fog, Flags::REGISTRIES))
}
