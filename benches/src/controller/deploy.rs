//! The row of `POST application` with three microservices and a route, each on agents of its own.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::client::{Call, Target};
use super::estate::Estate;
use super::load::{self, Outcome, Shape};
use super::server::Process;

/// Creates applications; gives what creating and what deleting them cost.
///
/// # Errors
/// When a request fails.
pub async fn deploy(
    target: &Target,
    server: Process,
    estate: &Estate,
    shape: Shape,
) -> Result<(Outcome, Outcome)> {
    // Names of other runs are not taken again.
    let run = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let token = estate.users.first().context("no user")?.clone();
    let names: Vec<String> = estate
        .agents
        .iter()
        .take(super::estate::PER_USER)
        .map(|agent| agent.name.clone())
        .collect();
    let user = token.clone();
    let create = move |number: usize| {
        let body = application(&format!("load-{run}-{number}"), number, &names);
        Call::new("POST", "/application", &user, 201).with(&body)
    };
    let created = load::run(target, server, shape, create).await?;
    let delete = move |number: usize| {
        Call::new("DELETE", format!("/application/load-{run}-{number}"), &token, 204)
    };
    let deleted = load::run(target, server, shape, delete).await?;
    Ok((created, deleted))
}

fn application(name: &str, number: usize, agents: &[String]) -> Value {
    let microservice = |role: &str, place: usize| {
        let agent = agents.get((number * 3 + place) % agents.len().max(1));
        json!({
            "name": role,
            "agentName": agent,
            "registryId": 1,
            "config": "{\"interval\":5}",
            "images": [{ "containerImage": format!("example/{role}:1.0"), "fogTypeId": 1 }],
            "env": [{ "key": "MODE", "value": "load" }],
            "volumeMappings": [],
            "ports": [],
        })
    };
    json!({
        "name": name,
        "isActivated": true,
        "microservices": [
            microservice("sensor", 0), microservice("filter", 1), microservice("sink", 2),
        ],
        "routes": [{ "name": "readings", "from": "sensor", "to": "filter" }],
    })
}
