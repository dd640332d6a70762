//! WebSockets of microservices: signals and messages (agent contract, 8.4 and 8.5).

mod channel;
mod control;
mod frame;
mod message;

use std::rc::Rc;

use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, StatusCode};

use super::reply::{Answer, Refusal};
use super::server::{LocalApi, Peer};
use super::{identity, request};

pub(crate) use channel::read_any_frames;
pub(super) use control::ControlSockets;

/// Which of the two sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Signals that configuration or edge resources changed.
    Control,
    /// Messages both ways.
    Message,
}

/// Upgrades the request; the socket runs in a task of its own.
pub(super) async fn open(
    api: &LocalApi,
    peer: &Rc<Peer>,
    kind: Kind,
    mut request: Request<Incoming>,
) -> Result<Answer, Refusal> {
    let id = request::identifier(id_of(request.uri().path()))?;
    if id.as_str().is_empty() {
        return Err(Refusal::bad_request("id is required"));
    }
    if !fastwebsockets::upgrade::is_upgrade_request(&request) {
        return Err(Refusal::bad_request("a WebSocket is expected"));
    }
    identity::require(&api.shared, peer.address, &id).await?;
    if api.shared.context.microservice(&id).is_none() {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "id is not known"));
    }
    let (answer, upgrade) = fastwebsockets::upgrade::upgrade(&mut request)
        .map_err(|error| Refusal::bad_request(error.to_string()))?;
    let (api, slot) = (api.clone(), peer.slot.take());
    iofog_task::spawn(async move {
        match upgrade.await {
            Ok(socket) => {
                let channel = channel::Channel::new(socket, api.shared.options.max_body_bytes);
                match kind {
                    Kind::Control => control::run(&api, &id, channel).await,
                    Kind::Message => message::run(&api, &id, channel).await,
                }
            }
            Err(error) => log::debug!(target: "local_api", "socket of {id} not opened: {error}"),
        }
        drop(slot);
    });
    Ok(answer.map(|_| Full::default()))
}

/// The segment after `/id/`.
fn id_of(path: &str) -> &str {
    let rest = path.split_once("/socket/id/").map_or("", |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_the_segment_after_id() {
        assert_eq!(id_of("/v2/control/socket/id/abc"), "abc");
        assert_eq!(id_of("/v2/message/socket/id/abc/more"), "abc");
        assert_eq!(id_of("/v2/message/socket/id/"), "");
    }
}
