//! Administration routes, for holders of the Local API token (agent contract, 8.3).

use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::reply::{self, Answer, Refusal};
use super::request;
use super::server::Shared;
use crate::bus::ledger::Ledger;

/// Version of the upstream contract that is spoken.
const CONTRACT_VERSION: &str = "3.1.0";

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Command,
    Status,
    Info,
    Version,
    Provision,
    Deprovision,
    Configure,
    Explain,
    Ledger,
}

/// Refuses a caller without the token; upper and lower case are the same, as upstream has it.
pub(super) fn authorize(shared: &Shared, headers: &HeaderMap) -> Result<(), Refusal> {
    let token = &shared.context.place().local_api_token;
    let given = headers.get(AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
    if !token.is_empty() && same_ignoring_case(token.as_bytes(), given) {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::UNAUTHORIZED, "authorization is missing or wrong"))
}

/// Takes the same time wherever the difference is.
fn same_ignoring_case(left: &[u8], right: &[u8]) -> bool {
    let pairs = left.iter().zip(right);
    let differences =
        pairs.fold(0, |sum, (l, r)| sum | (l.to_ascii_lowercase() ^ r.to_ascii_lowercase()));
    left.len() == right.len() && differences == 0
}

/// Answers an authorised request; `rest` is what follows the route's prefix in the path.
pub(super) async fn serve(
    shared: &Shared,
    action: Action,
    rest: &str,
    body: &[u8],
) -> Result<Answer, Refusal> {
    let administration = &shared.administration;
    match action {
        Action::Command => command(shared, body).await,
        Action::Status => Ok(pairs(administration.status())),
        Action::Info => Ok(pairs(administration.info())),
        Action::Version => Ok(reply::json(StatusCode::OK, &json!({ "version": CONTRACT_VERSION }))),
        Action::Provision => provision(shared, body).await,
        Action::Deprovision => Ok(deprovision(shared).await),
        Action::Configure => configure(shared, body).await,
        Action::Explain => explain(shared, rest),
        Action::Ledger => Ok(ledger(shared)),
    }
}

async fn command(shared: &Shared, body: &[u8]) -> Result<Answer, Refusal> {
    let object = request::object(body)?;
    let answer = shared.administration.command(request::text(&object, "command")?).await;
    // Line ends travel as the two characters backslash and n.
    let text = answer.text.replace('\n', "\\n");
    Ok(if answer.succeeded {
        reply::json(StatusCode::OK, &json!({ "response": text }))
    } else {
        let body = json!({ "response": text, "error": "Internal server error" });
        reply::json(StatusCode::INTERNAL_SERVER_ERROR, &body)
    })
}

async fn provision(shared: &Shared, body: &[u8]) -> Result<Answer, Refusal> {
    let object = request::object(body)?;
    let key = request::text(&object, "provisioning-key")?;
    Ok(match shared.administration.provision(key).await {
        Ok(granted) => {
            let body = json!({ "status": "success", "uuid": granted.uuid });
            reply::json(StatusCode::OK, &body)
        }
        Err(text) => {
            let body = json!({ "status": "failed", "errorMessage": text });
            reply::json(StatusCode::INTERNAL_SERVER_ERROR, &body)
        }
    })
}

async fn deprovision(shared: &Shared) -> Answer {
    match shared.administration.deprovision().await {
        Ok(()) => {
            let body = json!({ "status": "success", "message": "deprovisioned" });
            reply::json(StatusCode::OK, &body)
        }
        Err(text) => {
            let body = json!({ "status": "failed", "message": text });
            reply::json(StatusCode::INTERNAL_SERVER_ERROR, &body)
        }
    }
}

async fn configure(shared: &Shared, body: &[u8]) -> Result<Answer, Refusal> {
    let mut settings = Vec::new();
    for (key, value) in request::object(body)? {
        match value {
            Value::String(text) => settings.push((key, text)),
            _ => return Err(Refusal::bad_request(format!("{key} must be a string"))),
        }
    }
    let refused = shared.administration.configure(&settings).await;
    let refused = refused.ok_or_else(|| Refusal::bad_request("no known setting in the body"))?;
    let body: Map<String, Value> =
        refused.into_iter().map(|one| (one.setting, one.reason.into())).collect();
    Ok(reply::json(StatusCode::OK, &body.into()))
}

fn explain(shared: &Shared, microservice: &str) -> Result<Answer, Refusal> {
    let found = shared.administration.explain(microservice);
    let found = found.map_err(|text| Refusal::new(StatusCode::NOT_FOUND, text))?;
    Ok(reply::json(StatusCode::OK, &json!(found)))
}

/// The books of the message bus, for the node and for each microservice that sent something since the Agent began:
/// accepted and recovered are together as many as delivered, expired, dropped and waiting.
fn ledger(shared: &Shared) -> Answer {
    let entry = |ledger: Ledger, waiting: usize, bytes: u64| {
        let mut body = json!(ledger);
        body["waiting"] = waiting.into();
        body["waitingBytes"] = bytes.into();
        body
    };
    let status = shared.bus.status();
    let mut body = entry(status.ledger, status.pending, status.pending_bytes);
    let each: Map<String, Value> = shared
        .bus
        .publishers()
        .into_iter()
        .map(|(who, ledger, waiting, bytes)| (who.to_string(), entry(ledger, waiting, bytes)))
        .collect();
    body["microservices"] = each.into();
    reply::json(StatusCode::OK, &body)
}

fn pairs(pairs: Vec<(String, String)>) -> Answer {
    let body: Map<String, Value> =
        pairs.into_iter().map(|(key, value)| (key, value.into())).collect();
    reply::json(StatusCode::OK, &body.into())
}
