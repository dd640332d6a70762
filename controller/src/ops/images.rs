//! Which image and registry a microservice has on an agent's type (controller contract 6.2 and 10.1).

use iofog_api::ApiError;

use crate::app::Work;
use crate::domain::catalog::{self, Item};
use crate::domain::microservice::{Image, Microservice, Platform, image_for, image_on};
use crate::store;

/// Image and registry for an agent's platform: own images first, else the catalog item's.
///
/// # Errors
/// When the database fails.
pub fn resolve(
    work: &mut Work<'_>,
    microservice: &Microservice,
    platform: Platform<'_>,
) -> Result<Option<(String, i64)>, ApiError> {
    let item = match microservice.catalog_item_id {
        Some(id) => store::catalog::by_id(work.tx, id)?,
        None => None,
    };
    let registry = item.as_ref().map_or(microservice.registry_id, |item| item.settings.registry_id);
    let own = image_on(&microservice.spec.images, platform);
    let image =
        own.or_else(|| item.as_ref().and_then(|item| image_on(&item.settings.images, platform)));
    Ok(image.map(|image| (image.to_owned(), registry)))
}

/// The catalog item that a user's microservice may be made from.
///
/// # Errors
/// `Invalid catalog item id '<id>'` for an unknown, another user's or a SYSTEM one.
pub fn item(work: &mut Work<'_>, user: i64, id: i64) -> Result<Item, ApiError> {
    store::catalog::by_id(work.tx, id)?
        .filter(|item| item.user_id.is_none_or(|owner| owner == user))
        .filter(|item| item.category.as_deref() != Some(catalog::SYSTEM))
        .ok_or_else(|| ApiError::not_found(format!("Invalid catalog item id '{id}'")))
}

/// Refuses images that do not fit the item or leave the agent's type without one.
///
/// # Errors
/// With the contract's messages.
pub fn check(
    name: &str,
    item: Option<&Item>,
    images: &[Image],
    platform: Option<Platform<'_>>,
) -> Result<(), ApiError> {
    if let Some(item) = item
        && !images.is_empty()
        && [1, 2].iter().any(|of| image_for(images, *of) != image_for(&item.settings.images, *of))
    {
        return Err(ApiError::validation(format!(
            "Catalog item {} does not match provided images",
            item.id
        )));
    }
    let available = item.map_or(images, |item| &item.settings.images);
    match platform {
        Some(platform) if image_on(available, platform).is_none() => Err(ApiError::validation(
            format!("Microservice {name} does not have a valid image for its Agent type"),
        )),
        _ => Ok(()),
    }
}

/// Refuses a registry that the user does not see.
///
/// # Errors
/// `Invalid registry id '<id>'`.
pub fn check_registry(work: &mut Work<'_>, user: i64, id: i64) -> Result<(), ApiError> {
    match store::registry::by_id(work.tx, id)? {
        Some(found) if found.settings.is_public || found.user_id.is_none_or(|one| one == user) => {
            Ok(())
        }
        _ => Err(ApiError::not_found(format!("Invalid registry id '{id}'"))),
    }
}
