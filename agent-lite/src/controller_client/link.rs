//! Opening the device link: an HTTP upgrade with the node's token.

use std::time::Duration;

use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper::{Method, StatusCode};
use iofog_http::{Switched, switch};
use iofog_link::AgentSession;
use iofog_link_io::Link;
use tokio::time::timeout;

use super::http::{Exchange, build, refusal};
use super::url::BaseUrl;
use super::{Answer, ControllerClient, ControllerError};

/// Longest time an upgrade may take.
const OPENING: Duration = Duration::from_secs(30);

/// Handle on a link of the Agent.
pub type AgentLink = Link<AgentSession>;

impl ControllerClient {
    /// `GET agent/link` with an upgrade: the connection that the link runs over.
    ///
    /// # Errors
    /// [`ControllerError::NoLink`] when the Controller answers anything but the upgrade and is otherwise fine.
    pub async fn open_link(&self) -> Answer<Switched> {
        timeout(OPENING, self.upgraded()).await.map_err(|_| ControllerError::Timeout)?
    }

    async fn upgraded(&self) -> Answer<Switched> {
        let access = self.shared.access.borrow().clone();
        let base = BaseUrl::parse(&access.url)?;
        let exchange = Exchange {
            method: Method::GET,
            path: iofog_link::PATH,
            body: None,
            headers: Vec::new(),
            limit: OPENING,
        };
        let mut request = build(&base, &access, &exchange)?;
        let headers = request.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static(iofog_link::UPGRADE));
        let wire = self.shared.dialler.open(&base, &access).await?;
        let (answer, switched) = switch(wire, request).await.map_err(ControllerError::Broken)?;
        if let Some(connection) = switched {
            return Ok(connection);
        }
        match answer.status() {
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                Err(refusal(status, answer.headers(), b""))
            }
            status if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED => {
                Err(refusal(status, answer.headers(), b""))
            }
            _ => Err(ControllerError::NoLink),
        }
    }

    /// Calls go over `link` from now on; none: over connections of their own.
    pub fn use_link(&self, link: Option<AgentLink>) {
        self.shared.pool.clear();
        self.shared.dialler.set_link(link);
    }

    /// A moment that is known to have passed, seconds since 1970: no certificate is judged by an earlier one.
    pub fn passed(&self, seconds: u32) {
        self.shared.dialler.tls().passed(seconds);
    }
}
