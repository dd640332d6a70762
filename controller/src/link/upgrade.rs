//! From `GET agent/link` to a running link.

use std::sync::Arc;

use hyper::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use iofog_api::FogUuid;

use super::session;
use crate::app::App;
use crate::http::server::Client;
use crate::stop::Stop;

/// Starts the link that a request asks for, once its answer has left; the headers of a 101 answer, or none when the
/// request does not ask for an upgrade that we know.
pub fn upgrade(
    app: &Arc<App>,
    fog: FogUuid,
    headers: &HeaderMap,
    upgrade: OnUpgrade,
    client: Client,
    stop: Stop,
) -> Option<HeaderMap> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let wanted = text(UPGRADE).split(',').any(|one| one.trim() == iofog_link::UPGRADE);
    if !wanted {
        return None;
    }
    let token = crate::domain::password::token_hash(text(hyper::header::AUTHORIZATION));
    let app = Arc::clone(app);
    tokio::spawn(async move {
        // Its connection's place, for as long as the link is there.
        let _client = client;
        match upgrade.await {
            Ok(upgraded) => {
                session::run(&app, &fog, &token, TokioIo::new(upgraded), stop).await;
            }
            Err(error) => log::debug!("link of {fog} did not open: {error}"),
        }
    });
    let mut answer = HeaderMap::new();
    answer.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    answer.insert(UPGRADE, HeaderValue::from_static(iofog_link::UPGRADE));
    Some(answer)
}
