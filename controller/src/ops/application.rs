//! Applications: microservices and routes created, reconciled and removed together (controller contract 8).

use iofog_api::{ApiError, Fields};

use super::{microservice, route};
use crate::app::Work;
use crate::domain::change::Flags;
use crate::domain::microservice::Request;
use crate::store::{self, application::Application};

/// A user's application.
///
/// # Errors
/// `Invalid application id '<name>'`.
pub fn owned(work: &mut Work<'_>, user: i64, name: &str) -> Result<Application, ApiError> {
    store::application::by_name(work.tx, user, name)?
        .ok_or_else(|| ApiError::not_found(format!("Invalid application id '{name}'")))
}

/// A route of a body.
struct RouteRequest {
    name: String,
    from: String,
    to: String,
}

fn read_microservices(body: &Fields<'_>) -> Result<Option<Vec<Request>>, ApiError> {
    body.objects("microservices", |item| {
        item.required_name("name")?;
        Request::read(item)
    })
}

fn read_routes(body: &Fields<'_>) -> Result<Option<Vec<RouteRequest>>, ApiError> {
    body.objects("routes", |item| {
        let from = item.required_string("from", 0)?;
        let to = item.required_string("to", 0)?;
        let name = item.name("name")?.unwrap_or_else(|| route::default_name(&from, &to));
        Ok(RouteRequest { name, from, to })
    })
}

/// Creates an application with its microservices and routes.
///
/// # Errors
/// With the contract's messages; the transaction leaves nothing behind then.
pub fn create(work: &mut Work<'_>, user: i64, body: &Fields<'_>) -> Result<Application, ApiError> {
    let name = body.required_name("name")?;
    let microservices = read_microservices(body)?.unwrap_or_default();
    let routes = read_routes(body)?.unwrap_or_default();
    let mut application = Application {
        id: 0,
        user_id: user,
        name,
        description: body.string("description")?,
        is_activated: body.boolean("isActivated")?.unwrap_or(false),
        is_system: body.boolean("isSystem")?.unwrap_or(false),
        created: work.now,
        updated: work.now,
    };
    if store::application::by_name(work.tx, user, &application.name)?.is_some() {
        return Err(ApiError::duplicate_name(&application.name));
    }
    application.id = store::application::insert(work.tx, &application)?;
    for request in microservices {
        microservice::create(work, &application, request)?;
    }
    for wanted in routes {
        let ends = route::ends_by_name(work, &application, &wanted.from, &wanted.to)?;
        route::create(work, &wanted.name, ends)?;
    }
    Ok(application)
}

/// Changes name, description, activation.
///
/// # Errors
/// With the contract's messages.
pub fn update_metadata(
    work: &mut Work<'_>,
    stored: &Application,
    body: &Fields<'_>,
) -> Result<Application, ApiError> {
    let mut changed = stored.clone();
    if let Some(name) = body.name("name")?
        && name != stored.name
    {
        if store::application::by_name(work.tx, stored.user_id, &name)?.is_some() {
            return Err(ApiError::duplicate_name(&name));
        }
        changed.name = name;
    }
    if body.has("description") {
        changed.description = body.string("description")?;
    }
    changed.is_activated = body.boolean("isActivated")?.unwrap_or(stored.is_activated);
    changed.is_system = body.boolean("isSystem")?.unwrap_or(stored.is_system);
    changed.updated = work.now;
    store::application::update(work.tx, &changed)?;
    if changed.is_activated != stored.is_activated {
        tell_all(work, &changed)?;
    }
    Ok(changed)
}

/// Makes an application what a body says: microservices and routes are matched by name, and a list that is absent stays
/// as it is.
///
/// # Errors
/// With the contract's messages.
pub fn reconcile(
    work: &mut Work<'_>,
    stored: &Application,
    body: &Fields<'_>,
) -> Result<(), ApiError> {
    let microservices = read_microservices(body)?;
    let routes = read_routes(body)?;
    let application = update_metadata(work, stored, body)?;
    if let Some(wanted) = microservices {
        reconcile_microservices(work, &application, wanted)?;
    }
    if let Some(wanted) = routes {
        reconcile_routes(work, &application, wanted)?;
    }
    Ok(())
}

fn reconcile_microservices(
    work: &mut Work<'_>,
    application: &Application,
    wanted: Vec<Request>,
) -> Result<(), ApiError> {
    let existing = store::microservice::of_application(work.tx, application.id)?;
    let named = |request: &Request, name: &str| request.name.as_deref() == Some(name);
    for gone in existing.iter().filter(|one| !wanted.iter().any(|w| named(w, &one.name))) {
        microservice::delete(work, gone)?;
    }
    for request in wanted {
        match existing.iter().find(|one| named(&request, &one.name)) {
            Some(known) => microservice::update(work, known, request)?,
            None => drop(microservice::create(work, application, request)?),
        }
    }
    Ok(())
}

fn reconcile_routes(
    work: &mut Work<'_>,
    application: &Application,
    wanted: Vec<RouteRequest>,
) -> Result<(), ApiError> {
    let existing = store::route::of_application(work.tx, application.id)?;
    for gone in existing.iter().filter(|one| !wanted.iter().any(|w| w.name == one.name)) {
        route::delete(work, gone)?;
    }
    for request in wanted {
        let ends = route::ends_by_name(work, application, &request.from, &request.to)?;
        match existing.iter().find(|one| one.name == request.name) {
            Some(known) if known.source == ends.source.uuid && known.dest == ends.dest.uuid => {}
            Some(known) => route::update(work, known, None, Some(ends))?,
            None => drop(route::create(work, &request.name, ends)?),
        }
    }
    Ok(())
}

fn tell_all(work: &mut Work<'_>, application: &Application) -> Result<(), ApiError> {
    for one in store::microservice::of_application(work.tx, application.id)? {
        if let Some(fog) = &one.fog {
            work.flag(fog, Flags::FULL)?;
        }
    }
    Ok(())
}

/// Removes an application with everything in it.
///
/// # Errors
/// When the database fails.
pub fn delete(work: &mut Work<'_>, application: &Application) -> Result<(), ApiError> {
    tell_all(work, application)?;
    for one in store::microservice::of_application(work.tx, application.id)? {
        microservice::delete(work, &one)?;
    }
    store::application::delete(work.tx, application.id)?;
    Ok(())
}
