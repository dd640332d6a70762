//! The broker's three requests (controller contract 20.7).

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::call::{self, Call};
use crate::domain::broker::{Lease, Returned};
use crate::settings::broker::Broker;

/// How long the broker may take to give something back.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take to open a port; who asked may have gone by then, and the port is given back.
const PATIENT: Duration = Duration::from_secs(60);
const KEY: &str = "x-api-key";

/// Why there is no port.
#[derive(Debug)]
pub(super) struct NoPort {
    /// For the log.
    pub(super) why: anyhow::Error,
    /// The port that the broker opened nevertheless.
    pub(super) uuid: Option<String>,
}

impl Broker {
    /// Asks for a port.
    ///
    /// # Errors
    /// When it gives none, or its answer makes no sense.
    pub(super) async fn open(&self, server_token: &str) -> Result<Lease, NoPort> {
        let answer = self.ask(server_token).await;
        let answer = answer.map_err(|why| NoPort { why, uuid: None })?;
        Lease::read(server_token, &answer)
            .map_err(|what| NoPort { why: anyhow!("its answer: {}", what.why), uuid: what.uuid })
    }

    async fn ask(&self, server_token: &str) -> Result<Value> {
        let body = json!({ "token": server_token }).to_string();
        let (status, answer) = self.call(Method::POST, "/port", Some(body), PATIENT).await?;
        if !status.is_success() {
            bail!("it answers {status}");
        }
        serde_json::from_slice(&answer).context("its answer is no JSON")
    }

    /// Gives something back; what it does not know any more has been given back.
    ///
    /// # Errors
    /// When it did not take it.
    pub(super) async fn give_back(&self, what: &Returned) -> Result<()> {
        let path = match what {
            Returned::Port(uuid) => format!("/port/{uuid}"),
            Returned::ServerToken(token) => format!("/server-token/{token}"),
        };
        match self.call(Method::DELETE, &path, None, PATIENCE).await?.0 {
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(()),
            status if status.is_success() => Ok(()),
            status => bail!("it answers {status}"),
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        patience: Duration,
    ) -> Result<(StatusCode, bytes::Bytes)> {
        let uri = format!("{}{path}", self.url).parse()?;
        let header = Some((KEY, self.token.as_str()));
        let call = Call { method, uri, header, body };
        tokio::time::timeout(patience, call::send(call, self.tls.clone()))
            .await
            .with_context(|| format!("it takes longer than {} s", patience.as_secs()))?
    }
}
