//! Requests for the Bluetooth service of the node, a container on the host's network that need not be there (agent
//! contract 8.2): passed on without the prefix.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, StatusCode};
use serde_json::json;

use super::identity;
use super::reply::{self, Answer, Refusal};
use super::server::{Peer, Shared};
use crate::remote::local_http;

const PREFIX: &str = "/v2/restblue";

/// What is passed on of a request.
pub(super) struct Call {
    method: Method,
    path: String,
    content_type: Option<String>,
}

impl Call {
    /// Path and query without the prefix.
    pub(super) fn of<T>(request: &Request<T>) -> Self {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let rest = target.strip_prefix(PREFIX).unwrap_or_default();
        let content_type =
            request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Self {
            method: request.method().clone(),
            path: if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") },
            content_type: content_type.map(str::to_owned),
        }
    }
}

/// Answers as the service does; 404 when there is none.
pub(super) async fn pass_on(
    shared: &Shared,
    peer: &Peer,
    call: Call,
    body: Bytes,
) -> Result<Answer, Refusal> {
    identity::require_local(shared, peer.address).await?;
    let (port, content_type) = (shared.options.bluetooth_port, call.content_type.as_deref());
    match local_http::request(port, call.method, &call.path, content_type, body).await {
        Ok(found) => {
            let mut answer = reply::plain(found.body);
            *answer.status_mut() = found.status;
            let content_type = found.content_type.and_then(|text| HeaderValue::try_from(text).ok());
            if let Some(content_type) = content_type {
                answer.headers_mut().insert(CONTENT_TYPE, content_type);
            }
            Ok(answer)
        }
        Err(error) => {
            log::debug!(target: "local_api", "bluetooth: {error}");
            let body = json!({ "error": "no bluetooth service on this node" });
            Ok(reply::json(StatusCode::NOT_FOUND, &body))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_taken_off() {
        for (from, to) in [
            ("/v2/restblue/v1/devices?x=1", "/v1/devices?x=1"),
            ("/v2/restblue", "/"),
            ("/v2/restbluedevices", "/devices"),
        ] {
            assert_eq!(Call::of(&Request::builder().uri(from).body(()).unwrap()).path, to);
        }
    }
}
