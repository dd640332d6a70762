//! The row of provisioning agents: create, key and provision for each. They are removed again afterwards.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};

use super::client::{Call, Target};
use super::estate::{self, Estate};
use super::load::{self, Meter, Outcome, Shape};
use super::server::Process;

/// Makes `count` agents, `together` at one time. The outcome's requests are agents, of three requests each.
///
/// # Errors
/// When a request fails.
pub async fn provision(
    target: &Target,
    server: Process,
    estate: &Estate,
    count: usize,
    together: usize,
) -> Result<Outcome> {
    let run = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let token = estate.users.first().context("no user")?.clone();
    let wanted =
        (0..count).map(|number| (token.clone(), format!("new-{run}-{number}"), None)).collect();
    let meter = Meter::start(server)?;
    let made = estate::make(target, wanted, together).await?;
    let outcome = meter.stop(vec![0; made.len()])?;
    let shape = Shape { requests: made.len(), connections: together, kept: true };
    let delete = move |number: usize| {
        let uuid = made.get(number).map_or("", |agent| &agent.uuid);
        Call::new("DELETE", format!("/iofog/{uuid}"), &token, 202)
    };
    load::run(target, server, shape, delete).await?;
    Ok(outcome)
}
