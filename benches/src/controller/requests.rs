//! The rows of single requests: `GET agent/config/changes`, `PUT agent/status`, `GET iofog-list`; and the memory that
//! listing takes.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::client::{Call, Target};
use super::estate::Estate;
use super::load::{self, Outcome, Shape};
use super::report::Report;
use super::server::Process;

/// `GET agent/config/changes`, by all agents in turn.
///
/// # Errors
/// When a request fails.
pub async fn changes(
    target: &Target,
    server: Process,
    estate: &Estate,
    shape: Shape,
) -> Result<Outcome> {
    let agents = estate.agents.clone();
    let call = move |number: usize| {
        let token = agents.get(number % agents.len().max(1)).map_or("", |agent| &agent.token);
        Call::new("GET", "/agent/config/changes", token, 200)
    };
    load::run(target, server, shape, call).await
}

/// `PUT agent/status`, by all agents in turn.
///
/// # Errors
/// When a request fails.
pub async fn status(
    target: &Target,
    server: Process,
    estate: &Estate,
    shape: Shape,
) -> Result<Outcome> {
    let agents = estate.agents.clone();
    let call = move |number: usize| {
        let agent = agents.get(number % agents.len().max(1));
        let (token, body) =
            agent.map_or(("", bytes::Bytes::new()), |one| (&one.token, one.status.clone()));
        Call { body, ..Call::new("PUT", "/agent/status", token, 204) }
    };
    load::run(target, server, shape, call).await
}

/// `GET iofog-list` of the first user.
///
/// # Errors
/// When a request fails.
pub async fn list(
    target: &Target,
    server: Process,
    estate: &Estate,
    shape: Shape,
) -> Result<Outcome> {
    let token = estate.users.first().context("no user")?.clone();
    let call = move |_| Call::new("GET", "/iofog-list", &token, 200);
    load::run(target, server, shape, call).await
}

/// Resident memory with the agents present: at rest, and the highest while they are listed, one by one and four at a
/// time.
///
/// # Errors
/// When a request fails, or the memory cannot be read.
pub async fn memory(
    target: &Target,
    server: Process,
    estate: &Estate,
    report: &mut Report,
) -> Result<()> {
    tokio::time::sleep(Duration::from_secs(5)).await;
    report.memory("memory", "idle, agents present", server.memory()?.now_kb);
    for connections in [1, 4] {
        server.forget_peak()?;
        let shape = Shape { requests: 20, connections, kept: true };
        list(target, server, estate, shape).await?;
        let way = format!("peak, {connections} listings at a time");
        report.memory("memory", &way, server.memory()?.peak_kb);
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    report.memory("memory", "idle again", server.memory()?.now_kb);
    Ok(())
}
