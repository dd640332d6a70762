//! A microservice's configuration, and the edge resources linked to the node.

use hyper::StatusCode;
use serde_json::json;

use super::reply::{self, Answer, Refusal};
use super::server::{Peer, Shared};
use super::{identity, request};

/// `POST /v2/config/get`: the configuration is JSON text inside of JSON.
pub(super) async fn get(shared: &Shared, peer: &Peer, body: &[u8]) -> Result<Answer, Refusal> {
    let id = request::id(&request::object(body)?)?;
    identity::require(shared, peer.address, &id).await?;
    let found = shared.context.microservice(&id);
    let found = found.ok_or_else(|| Refusal::bad_request("no configuration for this id"))?;
    let body = json!({ "status": "okay", "config": found.config.as_ref() });
    Ok(reply::plain(body.to_string()))
}

/// `GET /v2/edgeResources`: the array is JSON text, too.
pub(super) async fn edge_resources(shared: &Shared, peer: &Peer) -> Result<Answer, Refusal> {
    identity::require_local(shared, peer.address).await?;
    let body = json!({ "edgeResources": shared.context.edge_resources().as_ref() });
    Ok(reply::json(StatusCode::OK, &body))
}
