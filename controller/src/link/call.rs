//! Calls to an agent: HTTP over a stream of its link.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::Request;
use hyper::header::HOST;
use iofog_api::{ApiError, ErrorClass, FogUuid};
use smol_hyper::rt::FuturesIo;

use crate::app::App;

/// Longest time an agent may take to answer.
const ANSWER: Duration = Duration::from_secs(30);
/// Largest answer taken.
const LIMIT: usize = 1024 * 1024;

/// `GET path` at an agent: status and body.
///
/// # Errors
/// When the agent has no link at this Controller, or does not answer.
pub async fn get(app: &Arc<App>, fog: &FogUuid, path: &str) -> Result<(u16, Bytes), ApiError> {
    let absent = |text: &str| ApiError::new(ErrorClass::NotFound, format!("Agent '{fog}' {text}"));
    let link = app.live.links.get(fog).ok_or_else(|| absent("has no open device link"))?;
    let stream = link.open().ok_or_else(|| absent("is busy with other calls"))?;
    let broke = |error: &dyn std::fmt::Display| absent(&format!("did not answer: {error}"));
    let call = async {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(FuturesIo::new(stream))
                .await
                .map_err(|error| broke(&error))?;
        let driver = tokio::spawn(connection);
        let request = Request::get(path)
            .header(HOST, "agent")
            .body(Empty::<Bytes>::new())
            .map_err(|error| broke(&error))?;
        let answer = sender.send_request(request).await.map_err(|error| broke(&error))?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), LIMIT).collect().await;
        driver.abort();
        Ok((status, body.map_err(|error| broke(&error))?.to_bytes()))
    };
    tokio::time::timeout(ANSWER, call)
        .await
        .unwrap_or_else(|_| Err(absent("did not answer in time")))
}
