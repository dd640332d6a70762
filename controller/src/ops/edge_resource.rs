//! Edge resources as users create, change, link and remove them (controller contract 14).

use iofog_api::{ApiError, ErrorClass, Fields, FogUuid};

use crate::app::Work;
use crate::domain::change::Flags;
use crate::domain::edge_resource::{EdgeResource, ResourceSettings, version};
use crate::store;

/// A user's resource.
///
/// # Errors
/// `Could not find resource <n> version <v>`.
pub fn owned(
    work: &mut Work<'_>,
    user: i64,
    name: &str,
    version: &str,
) -> Result<EdgeResource, ApiError> {
    store::edge_resource::by_version(work.tx, user, name, version)?.ok_or_else(|| {
        ApiError::not_found(format!("Could not find resource {name} version {version}"))
    })
}

/// Creates a resource.
///
/// # Errors
/// With the contract's messages.
pub fn create(work: &mut Work<'_>, user: i64, body: &Fields<'_>) -> Result<EdgeResource, ApiError> {
    let name = body.required_name("name")?;
    let version = version(body)?.ok_or_else(|| iofog_api::check::missing("version"))?;
    let settings = ResourceSettings::create(body)?;
    insert(work, EdgeResource { id: 0, user_id: user, name, version, settings })
}

fn insert(work: &mut Work<'_>, mut new: EdgeResource) -> Result<EdgeResource, ApiError> {
    if store::edge_resource::by_version(work.tx, new.user_id, &new.name, &new.version)?.is_some() {
        return Err(ApiError::validation(format!(
            "Resource {} version {} already exists",
            new.name, new.version
        )));
    }
    number_endpoints(work, &mut new.settings)?;
    new.id = store::edge_resource::insert(work.tx, &new)?;
    Ok(new)
}

fn number_endpoints(work: &mut Work<'_>, settings: &mut ResourceSettings) -> Result<(), ApiError> {
    for endpoint in settings.endpoints.iter_mut().filter(|endpoint| endpoint.id == 0) {
        endpoint.id = store::edge_resource::next_endpoint_id(work.tx)?;
    }
    Ok(())
}

/// Changes the resource of a path, or creates it; gives it only when it was created.
///
/// # Errors
/// With the contract's messages; the version cannot be changed.
pub fn put(
    work: &mut Work<'_>,
    user: i64,
    (name, path_version): (&str, &str),
    body: &Fields<'_>,
) -> Result<Option<EdgeResource>, ApiError> {
    if version(body)?.is_some_and(|wanted| wanted != path_version) {
        return Err(ApiError::validation(
            "Cannot update resource version using update route. Please use the create new resource route.",
        ));
    }
    let new_name = body.name("name")?.unwrap_or_else(|| name.to_owned());
    let Some(stored) = store::edge_resource::by_version(work.tx, user, name, path_version)? else {
        let settings = ResourceSettings::create(body)?;
        let version = path_version.to_owned();
        let new = EdgeResource { id: 0, user_id: user, name: new_name, version, settings };
        return insert(work, new).map(Some);
    };
    let taken = new_name != name
        && store::edge_resource::by_version(work.tx, user, &new_name, path_version)?.is_some();
    if taken {
        return Err(ApiError::new(
            ErrorClass::DuplicateProperty,
            format!("Resource {new_name} version {path_version} already exists"),
        ));
    }
    let mut changed = stored.clone();
    changed.name = new_name;
    changed.settings.update(body)?;
    number_endpoints(work, &mut changed.settings)?;
    store::edge_resource::update(work.tx, &changed)?;
    if changed != stored {
        for fog in store::edge_resource::fogs_of(work.tx, changed.id)? {
            retag(work, &fog, &stored.settings.tags, &changed.settings.tags)?;
            work.flag(&fog, Flags::LINKED_EDGE_RESOURCES)?;
        }
    }
    Ok(None)
}

/// Removes a resource and its links.
///
/// # Errors
/// When the database fails.
pub fn delete(work: &mut Work<'_>, resource: &EdgeResource) -> Result<(), ApiError> {
    let fogs = store::edge_resource::fogs_of(work.tx, resource.id)?;
    store::edge_resource::delete(work.tx, resource.id)?;
    for fog in fogs {
        retag(work, &fog, &resource.settings.tags, &[])?;
        work.flag(&fog, Flags::LINKED_EDGE_RESOURCES)?;
    }
    Ok(())
}

/// Links a resource to an agent, which takes its tags.
///
/// # Errors
/// When the database fails.
pub fn link(work: &mut Work<'_>, resource: &EdgeResource, fog: &FogUuid) -> Result<(), ApiError> {
    store::edge_resource::link(work.tx, resource.id, fog)?;
    retag(work, fog, &[], &resource.settings.tags)?;
    work.flag(fog, Flags::LINKED_EDGE_RESOURCES)
}

/// Undoes [`link`].
///
/// # Errors
/// When the database fails.
pub fn unlink(work: &mut Work<'_>, resource: &EdgeResource, fog: &FogUuid) -> Result<(), ApiError> {
    store::edge_resource::unlink(work.tx, resource.id, fog)?;
    retag(work, fog, &resource.settings.tags, &[])?;
    work.flag(fog, Flags::LINKED_EDGE_RESOURCES)
}

/// Takes tags off an agent, unless another linked resource carries them, and adds others.
fn retag(
    work: &mut Work<'_>,
    fog: &FogUuid,
    off: &[String],
    on: &[String],
) -> Result<(), ApiError> {
    let Some(mut fog) = store::fog::by_uuid(work.tx, fog)? else { return Ok(()) };
    let linked = store::edge_resource::of_fog(work.tx, &fog.uuid)?;
    let carried = |tag: &String| linked.iter().any(|other| other.settings.tags.contains(tag));
    let tags = &mut fog.settings.tags;
    tags.retain(|tag| !off.contains(tag) || carried(tag));
    for tag in on {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    store::fog::update(work.tx, &fog)?;
    Ok(())
}
