//! Opening the device link: an HTTP upgrade with the node's token.

use std::time::Duration;

use hyper::client::conn::http1::handshake;
use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper::upgrade::Upgraded;
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use iofog_link::AgentSession;
use iofog_link_io::Link;
use tokio::time::timeout;

use super::http::{Exchange, build, refusal};
use super::url::BaseUrl;
use super::{Answer, ControllerClient, ControllerError, connect};

/// Longest time an upgrade may take.
const OPENING: Duration = Duration::from_secs(30);

/// Handle on a link of the Agent.
pub type AgentLink = Link<AgentSession>;

impl ControllerClient {
    /// `GET agent/link` with an upgrade: the connection that the link runs over.
    ///
    /// # Errors
    /// [`ControllerError::NoLink`] when the Controller answers anything but the upgrade and is otherwise fine.
    pub async fn open_link(&self) -> Answer<TokioIo<Upgraded>> {
        timeout(OPENING, self.upgraded()).await.map_err(|_| ControllerError::Timeout)?
    }

    async fn upgraded(&self) -> Answer<TokioIo<Upgraded>> {
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
        let io = TokioIo::new(self.shared.dialler.open(&base, &access).await?);
        let (mut sender, connection) = handshake(io).await.map_err(ControllerError::Broken)?;
        connect::run(connection.with_upgrades());
        let answer = sender.send_request(request).await.map_err(ControllerError::Broken)?;
        match answer.status() {
            StatusCode::SWITCHING_PROTOCOLS => {
                let upgraded = hyper::upgrade::on(answer).await;
                Ok(TokioIo::new(upgraded.map_err(ControllerError::Broken)?))
            }
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
