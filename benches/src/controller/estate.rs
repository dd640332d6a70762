//! Users and provisioned agents for the load. What a former run left is used again; tokens are new in each run.

use std::cell::RefCell;
use std::rc::Rc;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::client::{Call, Connection, Target};

/// Agents of one user, so that a listing has as many.
pub const PER_USER: usize = 1000;
/// Agents that are made at one time.
const TOGETHER: usize = 32;
const PASSWORD: &str = "load-password-1";

/// A provisioned agent.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Name.
    pub name: String,
    /// Identity.
    pub uuid: String,
    /// Its token.
    pub token: String,
    /// Body of a full status report with what the agent runs.
    pub status: bytes::Bytes,
}

/// Users and their agents.
#[derive(Clone, Debug, Default)]
pub struct Estate {
    /// Tokens of the users; the n-th owns the n-th thousand of agents.
    pub users: Vec<String>,
    /// Agents.
    pub agents: Vec<Agent>,
}

/// Makes users, the system agent and `count` provisioned agents, as far as they are missing.
///
/// # Errors
/// When the Controller refuses something.
pub async fn prepare(target: &Target, count: usize) -> Result<Estate> {
    let mut users = Vec::new();
    for number in 0..count.div_ceil(PER_USER).max(1) {
        users.push(user(target, number).await?);
    }
    let first = users.first().context("no user")?;
    system_agent(target, first).await?;
    let mut wanted = Vec::new();
    for (number, token) in users.iter().enumerate() {
        let own = PER_USER.min(count.saturating_sub(number * PER_USER));
        let list = Call::new("GET", "/iofog-list", token, 200);
        let list = target.json(&mut Connection::default(), &list).await?;
        let known = list["fogs"].as_array().cloned().unwrap_or_default();
        for index in 0..own {
            let name = format!("load-{number}-{index}");
            let known = known.iter().find(|fog| fog["name"] == name.as_str());
            let uuid = known.and_then(|fog| fog["uuid"].as_str()).map(str::to_owned);
            wanted.push((token.clone(), name, uuid));
        }
    }
    let agents = make(target, wanted, TOGETHER).await?;
    let agents = learn(target, agents).await?;
    Ok(Estate { users, agents })
}

/// A user's token, after signing up where there is no account yet.
async fn user(target: &Target, number: usize) -> Result<String> {
    let mut connection = Connection::default();
    let email = format!("load-{number}@bench.example");
    let login = Call::new("POST", "/user/login", "", 200)
        .with(&json!({ "email": email, "password": PASSWORD }));
    let mut answer = target.json(&mut connection, &login).await;
    if answer.is_err() {
        let signup = json!({ "firstName": "Load", "lastName": "Bench", "email": email, "password": PASSWORD });
        target
            .call(&mut connection, &Call::new("POST", "/user/signup", "", 201).with(&signup))
            .await?;
        answer = target.json(&mut connection, &login).await;
    }
    text(&answer?, "accessToken")
}

/// Edge routers need one to dial.
async fn system_agent(target: &Target, user: &str) -> Result<()> {
    let mut connection = Connection::default();
    let list = Call::new("GET", "/iofog-list?system=true", user, 200);
    let list = target.json(&mut connection, &list).await?;
    if list["fogs"].as_array().is_some_and(|fogs| !fogs.is_empty()) {
        return Ok(());
    }
    let body = json!({ "name": "load-system", "fogType": 1, "isSystem": true, "routerMode": "interior",
        "host": "10.0.0.1", "edgeRouterPort": 56722, "interRouterPort": 56721 });
    target.call(&mut connection, &Call::new("POST", "/iofog", user, 201).with(&body)).await?;
    Ok(())
}

/// Creates and provisions agents, `together` at one time: token of the user, name, and uuid where it is there already.
///
/// # Errors
/// When the Controller refuses something.
pub async fn make(
    target: &Target,
    wanted: Vec<(String, String, Option<String>)>,
    together: usize,
) -> Result<Vec<Agent>> {
    let wanted = Rc::new(RefCell::new(wanted.into_iter().enumerate()));
    let mut workers = Vec::new();
    for _ in 0..together.max(1) {
        let (target, wanted) = (target.clone(), Rc::clone(&wanted));
        workers.push(tokio::task::spawn_local(async move {
            let mut connection = Connection::default();
            let mut made = Vec::new();
            loop {
                let next = wanted.borrow_mut().next();
                let Some((number, (user, name, uuid))) = next else { break };
                made.push((number, one(&target, &mut connection, &user, name, uuid).await?));
            }
            Ok::<_, anyhow::Error>(made)
        }));
    }
    let mut agents = Vec::new();
    for worker in workers {
        agents.extend(worker.await??);
    }
    agents.sort_by_key(|(number, _)| *number);
    Ok(agents.into_iter().map(|(_, agent)| agent).collect())
}

async fn one(
    target: &Target,
    connection: &mut Connection,
    user: &str,
    name: String,
    uuid: Option<String>,
) -> Result<Agent> {
    let uuid = match uuid {
        Some(uuid) => uuid,
        None => {
            let body = json!({ "name": name, "fogType": 1, "host": "10.0.0.2" });
            let create = Call::new("POST", "/iofog", user, 201).with(&body);
            text(&target.json(connection, &create).await?, "uuid")?
        }
    };
    let key = Call::new("GET", format!("/iofog/{uuid}/provisioning-key"), user, 201);
    let key = text(&target.json(connection, &key).await?, "key")?;
    let provision = Call::new("POST", "/agent/provision", "", 200);
    let provision = provision.with(&json!({ "type": 1, "key": key }));
    let token = text(&target.json(connection, &provision).await?, "token")?;
    Ok(Agent { name, uuid, token, status: bytes::Bytes::new() })
}

/// Asks each agent's list, so that its reports name what it runs.
async fn learn(target: &Target, agents: Vec<Agent>) -> Result<Vec<Agent>> {
    let mut connection = Connection::default();
    let mut learned = Vec::with_capacity(agents.len());
    for agent in agents {
        let list = Call::new("GET", "/agent/microservices", &agent.token, 200);
        let list = target.json(&mut connection, &list).await?;
        let items = list["microservices"].as_array().cloned().unwrap_or_default();
        let running: Vec<Value> = items.iter().map(|item| running(&item["uuid"])).collect();
        learned.push(Agent { status: report(&running), ..agent });
    }
    Ok(learned)
}

fn running(uuid: &Value) -> Value {
    json!({ "id": uuid, "containerId": "8f2a5d1c9e7b4a60", "status": "RUNNING", "startTime": 1_795_430_261_484_u64,
        "operatingDuration": 86_400_000, "cpuUsage": 0.8, "memoryUsage": 5_242_880 })
}

/// A report as an agent of another make sends it, field by field.
fn report(running: &[Value]) -> bytes::Bytes {
    let body = json!({
        "daemonStatus": "RUNNING", "daemonOperatingDuration": 86_400_000.0, "daemonLastStart": 1_795_430_261_484_u64,
        "memoryUsage": 12.5, "diskUsage": 0.4, "cpuUsage": 3.2, "memoryViolation": false, "diskViolation": false,
        "cpuViolation": false, "systemAvailableDisk": 20_000_000_000_u64, "systemAvailableMemory": 800_000_000,
        "systemTotalCpu": 12.5, "securityStatus": "OK", "securityViolationInfo": "No violation",
        "microserviceStatus": Value::from(running).to_string(), "repositoryCount": 2, "repositoryStatus": "[]",
        "systemTime": 1_795_430_261_484_u64, "lastStatusTime": 1_795_430_261_484_u64, "ipAddress": "10.1.1.1",
        "ipAddressExternal": "192.0.2.7", "processedMessages": 1200, "microserviceMessageCounts": "[]",
        "messageSpeed": 0.5, "lastCommandTime": 0, "tunnelStatus": "{}", "version": "3.1.0",
        "isReadyToUpgrade": false, "isReadyToRollback": false,
    });
    bytes::Bytes::from(body.to_string())
}

fn text(answer: &Value, name: &str) -> Result<String> {
    let text = answer[name].as_str().with_context(|| format!("no {name} in the answer"))?;
    Ok(text.to_owned())
}
