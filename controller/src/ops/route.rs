//! Routes between microservices (controller contract 11).

use iofog_api::{ApiError, ErrorClass, Fields, MicroserviceUuid};

use crate::app::Work;
use crate::domain::change::Flags;
use crate::domain::microservice::Microservice;
use crate::store::{self, application::Application, route::Route};

/// Name of a route that has none.
#[must_use]
pub fn default_name(from: &str, to: &str) -> String {
    format!("r-{from}-{to}")
}

/// Both ends of a route.
#[derive(Debug)]
pub struct Ends {
    /// Who sends.
    pub source: Microservice,
    /// Who receives.
    pub dest: Microservice,
}

/// Ends given by names in an application.
///
/// # Errors
/// `Invalid source microservice name '<n>'`, `Invalid destination microservice name '<n>'`.
pub fn ends_by_name(
    work: &mut Work<'_>,
    application: &Application,
    from: &str,
    to: &str,
) -> Result<Ends, ApiError> {
    let all = store::microservice::of_application(work.tx, application.id)?;
    let find = |name: &str, role: &str| {
        all.iter().find(|one| one.name == name).cloned().ok_or_else(|| {
            ApiError::not_found(format!("Invalid {role} microservice name '{name}'"))
        })
    };
    Ok(Ends { source: find(from, "source")?, dest: find(to, "destination")? })
}

/// Ends given by a body: names and an application, or uuids.
///
/// # Errors
/// With the contract's messages.
pub fn ends(work: &mut Work<'_>, user: i64, body: &Fields<'_>) -> Result<Ends, ApiError> {
    if body.has("sourceMicroserviceUuid") || body.has("destMicroserviceUuid") {
        let source = body.required_string("sourceMicroserviceUuid", 0)?;
        let dest = body.required_string("destMicroserviceUuid", 0)?;
        return Ok(Ends {
            source: super::find::microservice(work, user, &source)?,
            dest: super::find::microservice(work, user, &dest)?,
        });
    }
    let from = body.required_string("from", 0)?;
    let to = body.required_string("to", 0)?;
    let application = body.required_string("application", 0)?;
    let application = super::find::application(work, user, &application)?;
    ends_by_name(work, &application, &from, &to)
}

/// Creates a route.
///
/// # Errors
/// With the contract's messages.
pub fn create(work: &mut Work<'_>, name: &str, ends: Ends) -> Result<Route, ApiError> {
    let application_id = common_application(&ends)?;
    let taken = store::route::of_application(work.tx, application_id)?;
    let same = |route: &&Route| route.source == ends.source.uuid && route.dest == ends.dest.uuid;
    if taken.iter().any(|route| same(&route)) {
        return Err(ApiError::new(ErrorClass::DuplicateProperty, "route already exists"));
    }
    if taken.iter().any(|route| route.name == name) {
        return Err(ApiError::duplicate_name(name));
    }
    let mut route = Route {
        id: 0,
        name: name.to_owned(),
        application_id,
        source: ends.source.uuid.clone(),
        dest: ends.dest.uuid.clone(),
    };
    route.id = store::route::insert(work.tx, &route)?;
    tell(work, &route)?;
    Ok(route)
}

fn common_application(ends: &Ends) -> Result<i64, ApiError> {
    match (ends.source.application_id, ends.dest.application_id) {
        (Some(source), Some(dest)) if source == dest => {
            if ends.source.fog.is_none() || ends.dest.fog.is_none() {
                return Err(ApiError::validation("fog not set"));
            }
            Ok(source)
        }
        _ => Err(ApiError::validation("microservices on different applications")),
    }
}

/// Changes a route's name and ends.
///
/// # Errors
/// With the contract's messages.
pub fn update(
    work: &mut Work<'_>,
    stored: &Route,
    name: Option<String>,
    ends: Option<Ends>,
) -> Result<(), ApiError> {
    let mut changed = stored.clone();
    if let Some(name) = name {
        changed.name = name;
    }
    if let Some(ends) = ends {
        changed.application_id = common_application(&ends)?;
        changed.source = ends.source.uuid;
        changed.dest = ends.dest.uuid;
    }
    let taken = store::route::of_application(work.tx, changed.application_id)?;
    if taken.iter().any(|other| other.id != changed.id && other.name == changed.name) {
        return Err(ApiError::duplicate_name(&changed.name));
    }
    store::route::update(work.tx, &changed)?;
    tell(work, stored)?;
    tell(work, &changed)
}

/// Removes a route.
///
/// # Errors
/// When the database fails.
pub fn delete(work: &mut Work<'_>, route: &Route) -> Result<(), ApiError> {
    store::route::delete(work.tx, route.id)?;
    tell(work, route)
}

/// Sets the flags of both ends' agents. Unlike 3.0.4 it sets no rebuild: a route changes no container, and rebuilding
/// one for it would interrupt its work.
fn tell(work: &mut Work<'_>, route: &Route) -> Result<(), ApiError> {
    let mut told: Vec<iofog_api::FogUuid> = Vec::new();
    for end in [&route.source, &route.dest] {
        if let Some(fog) = fog_of(work, end)?
            && !told.contains(&fog)
        {
            work.flag(&fog, Flags::FULL)?;
            told.push(fog);
        }
    }
    Ok(())
}

fn fog_of(
    work: &mut Work<'_>,
    uuid: &MicroserviceUuid,
) -> Result<Option<iofog_api::FogUuid>, ApiError> {
    Ok(store::microservice::by_uuid(work.tx, uuid)?.and_then(|found| found.fog))
}
