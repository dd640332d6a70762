//! Everything one agent should know, as documents of the device link (docs/device-link.md).

use iofog_api::{ApiError, FogUuid, MicroserviceUuid};
use iofog_link::{Id, Key, Kind, Offer};
use serde_json::Value;

use super::agent;
use crate::app::Work;
use crate::{store, view};

/// The documents of an agent, and its unheard rebuild orders. Generation and flags are the caller's to fill in.
///
/// # Errors
/// When the agent is gone, or the database fails.
pub fn offer(work: &mut Work<'_>, uuid: &FogUuid) -> Result<Offer, ApiError> {
    let mut offer = Offer::default();
    put(&mut offer, (Kind::Config, Id::new()), &agent::config(work, uuid)?);
    for (rebuild, mut body) in agent::wanted(work, uuid)? {
        // An order is no part of the document: it is given once, the document stays.
        if let Some(flag) = body.get_mut("rebuild") {
            *flag = Value::Bool(false);
        }
        let Some(id) = body.get("uuid").and_then(Value::as_str).and_then(id) else { continue };
        if rebuild {
            offer.rebuild.push(id.clone());
        }
        put(&mut offer, (Kind::Microservice, id), &body);
    }
    let fog = agent::own(work, uuid)?;
    for one in store::registry::visible(work.tx, fog.user_id)? {
        if let Some(id) = id(&one.id.to_string()) {
            put(&mut offer, (Kind::Registry, id), &view::agent::registry(&one, true));
        }
    }
    for one in store::edge_resource::of_fog(work.tx, uuid)? {
        let body = view::edge_resource::full(&one);
        if let Some(id) = body.get("id").and_then(|number| id(&number.to_string())) {
            put(&mut offer, (Kind::EdgeResource, id), &body);
        }
    }
    Ok(offer)
}

/// Forgets rebuild orders that an agent wrote down.
///
/// # Errors
/// When the database fails.
pub fn rebuilt(work: &mut Work<'_>, uuids: &[MicroserviceUuid]) -> Result<(), ApiError> {
    for uuid in uuids {
        if let Some(mut found) = store::microservice::by_uuid(work.tx, uuid)? {
            found.rebuild = false;
            work.update_microservice(&found)?;
        }
    }
    Ok(())
}

fn put(offer: &mut Offer, key: Key, body: &Value) {
    offer.documents.push((key, body.to_string().into_bytes()));
}

/// Ids of this Controller are short; one that were not could not be named on the link.
fn id(text: &str) -> Option<Id> {
    Id::try_from(text).inspect_err(|_| log::error!("id {text} is too long for the link")).ok()
}
