//! What a user means by a name or uuid, among what is theirs.

use iofog_api::{ApiError, MicroserviceUuid};

use crate::app::Work;
use crate::domain::microservice::Microservice;
use crate::store::{self, application::Application};

/// A user's microservice; system ones are nobody's.
///
/// # Errors
/// `Invalid microservice user or UUID`.
pub fn microservice(work: &mut Work<'_>, user: i64, uuid: &str) -> Result<Microservice, ApiError> {
    store::microservice::by_uuid(work.tx, &MicroserviceUuid::from(uuid))?
        .filter(|found| found.user_id == Some(user) && found.application_id.is_some())
        .ok_or_else(|| ApiError::not_found("Invalid microservice user or UUID"))
}

/// The application that a body names, by name or id.
///
/// # Errors
/// `Invalid application id '<x>'`.
pub fn application(work: &mut Work<'_>, user: i64, name: &str) -> Result<Application, ApiError> {
    let by_name = store::application::by_name(work.tx, user, name)?;
    let found = match (by_name, name.parse()) {
        (None, Ok(id)) => store::application::by_id(work.tx, id)?,
        (found, _) => found,
    };
    found
        .filter(|application| application.user_id == user)
        .ok_or_else(|| ApiError::not_found(format!("Invalid application id '{name}'")))
}
