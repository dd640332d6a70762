//! Who may speak as which microservice: the source address decides (design, "Local API identity").

use std::net::IpAddr;
use std::time::Duration;

use hyper::StatusCode;

use super::reply::Refusal;
use super::server::Shared;
use crate::context::{AgentContext, Caller};
use crate::ids::MicroserviceUuid;

/// How often an unknown caller is looked up again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Refuses a caller that is not the microservice `id`.
pub(super) async fn require(
    shared: &Shared,
    address: IpAddr,
    id: &MicroserviceUuid,
) -> Result<(), Refusal> {
    admit(shared, || may_speak_as(&shared.context, address, id)).await.ok_or_else(|| {
        log::warn!(target: "local_api", "{address} is refused: it is not microservice {id}");
        Refusal::new(StatusCode::FORBIDDEN, "id is not the caller's")
    })
}

/// Refuses a caller that is no microservice of this node and not the node itself.
pub(super) async fn require_local(shared: &Shared, address: IpAddr) -> Result<(), Refusal> {
    admit(shared, || shared.context.caller(address) != Caller::Unknown)
        .await
        .ok_or_else(|| Refusal::new(StatusCode::FORBIDDEN, "caller is not on this node"))
}

/// A container may call before its address is recorded, or with one that another had before: look again.
async fn admit(shared: &Shared, allowed: impl Fn() -> bool) -> Option<()> {
    let until = tokio::time::Instant::now() + shared.options.identity_patience;
    while !allowed() {
        if tokio::time::Instant::now() >= until {
            return None;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Some(())
}

fn may_speak_as(context: &AgentContext, address: IpAddr, id: &MicroserviceUuid) -> bool {
    match context.caller(address) {
        Caller::Microservice(caller) => caller == *id,
        // Microservices on the host's network share its addresses.
        Caller::Host => context.microservice(id).is_some_and(|found| found.host_network),
        Caller::Unknown => false,
    }
}
