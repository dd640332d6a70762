//! Devices that enrol themselves with the key of their batch (decision 0130).

use iofog_api::{ApiError, ErrorClass, Fields, FogUuid};

use super::{agent, fog};
use crate::app::Work;
use crate::domain::enrolment::{Batch, Device, KEY_LENGTH};
use crate::domain::microservice::Platform;
use crate::domain::password::{random_text, token_hash};
use crate::store;

/// Makes a key. Gives its id and the key, which is told this once.
///
/// # Errors
/// When the body makes no sense, the system gives no random numbers or the database fails.
pub fn create(
    work: &mut Work<'_>,
    user: i64,
    body: &Fields<'_>,
) -> Result<(Batch, String), ApiError> {
    let mut batch = Batch::read(user, body, work.now)?;
    let key = random_text(KEY_LENGTH).map_err(|error| ApiError::internal(error.to_string()))?;
    batch.id = store::enrolment::insert(work.tx, &token_hash(&key), &batch)?;
    Ok((batch, key))
}

/// The batch of a key that is not over.
///
/// # Errors
/// `Invalid enrolment key` or `Expired enrolment key`.
pub fn batch(work: &mut Work<'_>, key: &str) -> Result<Batch, ApiError> {
    let found = store::enrolment::by_hash(work.tx, &token_hash(key))?;
    let batch = found.ok_or_else(|| ApiError::not_found("Invalid enrolment key"))?;
    batch.check(work.now)?;
    Ok(batch)
}

/// Gives a device an agent of its own, or the one it has already if it proves that it is the same; and a new token.
///
/// # Errors
/// When the key is not good (any more), somebody else has the device's place, or the agent cannot be made.
pub fn enrol(
    work: &mut Work<'_>,
    key: &str,
    device: &Device,
    platform: Platform<'_>,
) -> Result<(FogUuid, String), ApiError> {
    let mut batch = batch(work, key)?;
    let proof = token_hash(&device.proof);
    let uuid = match store::enrolment::device(work.tx, batch.user_id, &device.id)? {
        Some((uuid, known)) if known == proof => uuid,
        Some(_) => {
            let text = format!("Device '{}' is enrolled already and proves otherwise", device.id);
            return Err(ApiError::new(ErrorClass::Authentication, text));
        }
        None => {
            batch.admit(work.now)?;
            store::enrolment::update(work.tx, &batch)?;
            let body = batch.agent(device, platform.fog_type);
            let uuid = fog::create(work, batch.user_id, &Fields::of(&body)?)?;
            store::enrolment::insert_device(work.tx, batch.user_id, &device.id, &proof, &uuid)?;
            uuid
        }
    };
    let mut fog = store::fog::by_uuid(work.tx, &uuid)?
        .ok_or_else(|| ApiError::internal("an enrolled agent is not there"))?;
    agent::check_images(work, &uuid, platform)?;
    let token = agent::grant(work, &mut fog, platform)?;
    Ok((uuid, token))
}
