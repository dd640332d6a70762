//! Catalog items as users create, change and remove them (controller contract 12).

use iofog_api::{ApiError, Fields};

use super::{images, microservice};
use crate::app::Work;
use crate::domain::catalog::{Item, ItemSettings};
use crate::store;

/// Adds an item; gives its id.
///
/// # Errors
/// With the contract's messages.
pub fn create(work: &mut Work<'_>, user: i64, body: &Fields<'_>) -> Result<i64, ApiError> {
    let name = body.required_string("name", 1)?;
    let category = body.string("category")?;
    let settings = ItemSettings::create(body)?;
    check_name(work, user, &name)?;
    images::check_registry(work, user, settings.registry_id)?;
    let new = Item { id: 0, user_id: Some(user), name, category, settings };
    Ok(store::catalog::insert(work.tx, &new)?)
}

fn check_name(work: &mut Work<'_>, user: i64, name: &str) -> Result<(), ApiError> {
    let seen = store::catalog::visible(work.tx, user)?;
    if seen.iter().any(|item| item.name == name) {
        return Err(ApiError::duplicate_name(name));
    }
    Ok(())
}

/// Changes an own item.
///
/// # Errors
/// With the contract's messages; nothing is changed then.
pub fn update(
    work: &mut Work<'_>,
    user: i64,
    stored: Item,
    body: &Fields<'_>,
) -> Result<(), ApiError> {
    let mut changed = stored;
    if body.get("name").is_some() {
        let name = body.required_string("name", 1)?;
        if name != changed.name {
            check_name(work, user, &name)?;
        }
        changed.name = name;
    }
    if let Some(category) = body.string("category")? {
        changed.category = Some(category);
    }
    changed.settings.update(body)?;
    images::check_registry(work, user, changed.settings.registry_id)?;
    if body.get("images").is_some() {
        let users = store::microservice::of_catalog_item(work.tx, changed.id)?;
        let statuses = &work.live.statuses;
        if users.iter().any(|one| statuses.microservice(&one.uuid).status == "RUNNING") {
            return Err(ApiError::validation(
                "Can't update catalog item images for item used for running microservices",
            ));
        }
    }
    store::catalog::update(work.tx, &changed)?;
    Ok(())
}

/// Removes an own item with the microservices made from it.
///
/// # Errors
/// When the database fails.
pub fn delete(work: &mut Work<'_>, item: &Item) -> Result<(), ApiError> {
    for one in store::microservice::of_catalog_item(work.tx, item.id)? {
        microservice::delete(work, &one)?;
    }
    store::catalog::delete(work.tx, item.id)?;
    Ok(())
}
