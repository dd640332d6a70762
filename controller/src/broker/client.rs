//! The broker's three requests (controller contract 20.7).

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::call::{self, Call};
use crate::domain::broker::{Lease, Returned};
use crate::settings::broker::Broker;

/// How long the broker may take for one request.
const PATIENCE: Duration = Duration::from_secs(10);
const KEY: &str = "x-api-key";

impl Broker {
    /// Asks for a port.
    ///
    /// # Errors
    /// When it gives none, or its answer makes no sense.
    pub(super) async fn open(&self, server_token: &str) -> Result<Lease> {
        let body = json!({ "token": server_token }).to_string();
        let (status, answer) = self.call(Method::POST, "/port", Some(body)).await?;
        if !status.is_success() {
            bail!("it answers {status}");
        }
        let answer: Value = serde_json::from_slice(&answer).context("its answer is no JSON")?;
        Lease::read(server_token, &answer).map_err(|what| anyhow::anyhow!("its answer: {what}"))
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
        match self.call(Method::DELETE, &path, None).await?.0 {
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
    ) -> Result<(StatusCode, bytes::Bytes)> {
        let uri = format!("{}{path}", self.url).parse()?;
        let header = Some((KEY, self.token.as_str()));
        let call = Call { method, uri, header, body };
        tokio::time::timeout(PATIENCE, call::send(call, self.tls.clone()))
            .await
            .with_context(|| format!("it takes longer than {} s", PATIENCE.as_secs()))?
    }
}
