//! Makes an image ready: from the store, from the node's archives, from a registry.

use super::reference::Reference;
use super::registry;
use super::store::ImageStore;
use super::worker::{Answer, Request};
use super::{ImageError, archive};
use crate::domain::PullPolicy;

/// Does what `request` asks.
pub(super) fn ensure(request: &Request, progress: &dyn Fn(u8)) -> Answer {
    attempt(request, progress).unwrap_or_else(|error| Answer::Missing(error.to_string()))
}

fn attempt(request: &Request, progress: &dyn Fn(u8)) -> Result<Answer, ImageError> {
    let reference = Reference::parse(&request.image)?;
    let store = ImageStore::open(&request.store)?;
    let present = store.find(&reference);
    if present.is_some() && request.policy != PullPolicy::Refresh {
        return Ok(Answer::Present);
    }
    // What lies on the device serves at once; a moving name is renewed once it is there.
    if present.is_none() {
        for folder in &request.folders {
            if archive::import_from(folder, &reference, &store)? {
                return Ok(Answer::Imported);
            }
        }
    }
    if request.policy == PullPolicy::Never {
        return Ok(Answer::Missing(String::new()));
    }
    match (registry::pull(&reference, request.login.as_ref(), &store, progress), present) {
        (Ok(changed), _) => Ok(if changed { Answer::Pulled } else { Answer::Present }),
        (Err(error), Some(_)) => Ok(Answer::Stale(error.to_string())),
        (Err(error), None) => Err(error),
    }
}
