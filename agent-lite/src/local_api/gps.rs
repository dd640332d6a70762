//! The position of the node.

use hyper::StatusCode;
use serde_json::json;

use super::reply::{self, Answer, Refusal};
use super::server::{Peer, Shared};
use super::{identity, request};

/// `GET /v2/gps`.
pub(super) async fn get(shared: &Shared, peer: &Peer) -> Result<Answer, Refusal> {
    identity::require_local(shared, peer.address).await?;
    let position = shared.context.position().ok_or_else(|| {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the position is not known")
    })?;
    let body = json!({
        "status": "okay",
        "timestamp": position.timestamp,
        "lat": position.latitude,
        "lon": position.longitude,
    });
    Ok(reply::plain(body.to_string()))
}

/// `POST /v2/gps`: a microservice that knows better sets it.
pub(super) async fn set(shared: &Shared, peer: &Peer, body: &[u8]) -> Result<Answer, Refusal> {
    identity::require_local(shared, peer.address).await?;
    let object = request::object(body)?;
    let (latitude, longitude) = (request::text(&object, "lat")?, request::text(&object, "lon")?);
    let set = shared.administration.set_position(latitude, longitude);
    set.map_err(Refusal::bad_request)?;
    Ok(reply::plain(json!({ "status": "okay" }).to_string()))
}
