//! The row of agents carried at the default intervals: each reports every 10 s, asks for changes every 20 s and pings once
//! a minute, at its own offset, while a listing of a thousand of them runs every second. An open loop: a late answer
//! delays nobody else, and counts from the moment its request was due.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::client::{Call, Connection, Target};
use super::estate::{Agent, Estate};
use super::load::{Meter, Outcome, micros_since};
use super::report::round;
use super::server::Process;

/// Requests of one agent in a minute: seconds from its offset, and what it asks.
const MINUTE: [(u64, Ask); 10] = [
    (0, Ask::Status),
    (5, Ask::Changes),
    (10, Ask::Status),
    (20, Ask::Status),
    (25, Ask::Changes),
    (30, Ask::Status),
    (40, Ask::Status),
    (45, Ask::Changes),
    (50, Ask::Status),
    (57, Ask::Ping),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Status,
    Changes,
    Ping,
}

/// What a fleet did.
#[derive(Debug)]
pub struct Carried {
    /// Agents.
    pub agents: usize,
    /// Their requests.
    pub requests: Outcome,
    /// The listings beside them.
    pub listings: Outcome,
    /// Requests that failed, with the first reason.
    pub failed: (usize, Option<String>),
}

impl Carried {
    /// As figures of a report.
    #[must_use]
    pub fn figures(&self) -> Value {
        let share =
            |time: Duration| round(time.as_secs_f64() / self.requests.took.as_secs_f64().max(1e-9));
        json!({
            "agents": self.agents,
            "requests": self.requests.requests,
            "per_s": self.requests.rate().round(),
            "failed": self.failed.0,
            "server_cores": share(self.requests.server),
            "generator_cores": share(self.requests.generator),
            "p50_ms": round(self.requests.percentile(50)),
            "p99_ms": round(self.requests.percentile(99)),
            "max_ms": round(self.requests.percentile(100)),
            "listings": self.listings.requests,
            "listing_p50_ms": round(self.listings.percentile(50)),
            "listing_max_ms": round(self.listings.percentile(100)),
        })
    }
}

struct Shared {
    target: Target,
    /// Kept connections; agents beyond their number share one. None: a new one for each request.
    kept: Vec<Mutex<Connection>>,
    latencies: RefCell<Vec<u32>>,
    failed: RefCell<(usize, Option<String>)>,
    begin: Instant,
    end: Instant,
}

/// Lets all agents of the estate live for a while. `connections` are kept and shared where agents are more; 0 means a new
/// one for each request.
///
/// # Errors
/// When the server is gone, or nothing was answered.
pub async fn carry(
    target: &Target,
    server: Process,
    estate: &Estate,
    connections: usize,
    lasting: Duration,
) -> Result<Carried> {
    // Time to make the tasks, and connections where they are kept, before anything counts.
    let begin = Instant::now() + Duration::from_secs(5);
    let shared = Rc::new(Shared {
        target: target.clone(),
        kept: (0..connections.min(estate.agents.len())).map(|_| Mutex::default()).collect(),
        latencies: RefCell::default(),
        failed: RefCell::default(),
        begin,
        end: begin + lasting,
    });
    let ping = Call::new("GET", "/status", "", 200);
    for connection in &shared.kept {
        target.call(&mut *connection.lock().await, &ping).await?;
    }
    ensure!(Instant::now() < begin + lasting / 2, "connecting took too long");
    let count = estate.agents.len();
    let mut tasks = Vec::with_capacity(count);
    for (number, agent) in estate.agents.iter().cloned().enumerate() {
        let shared = Rc::clone(&shared);
        let offset = Duration::from_secs(60).mul_f64(share(number, count));
        tasks.push(tokio::task::spawn_local(live(shared, number, agent, offset)));
    }
    sleep_until(begin.max(Instant::now())).await;
    let meter = Meter::start(server)?;
    let listing = Meter::start(server)?;
    let lists = tokio::task::spawn_local(list(Rc::clone(&shared), user(estate)?));
    sleep_until(shared.end).await;
    let requests = meter.stop(shared.latencies.take())?;
    let listings = listing.stop(lists.await??)?;
    for task in tasks {
        task.await?;
    }
    ensure!(requests.requests > 0, "nothing was answered: {:?}", shared.failed.borrow());
    let failed = shared.failed.take();
    Ok(Carried { agents: count, requests, listings, failed })
}

fn user(estate: &Estate) -> Result<String> {
    estate.users.first().cloned().context("no user")
}

fn share(number: usize, of: usize) -> f64 {
    let double = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    double(number) / double(of.max(1))
}

async fn live(shared: Rc<Shared>, number: usize, agent: Agent, offset: Duration) {
    // In the middle of its minute: at each moment every kind of request is under way.
    let mut minute = shared.begin + offset - Duration::from_secs(60);
    loop {
        for (second, ask) in MINUTE {
            let due = minute + Duration::from_secs(second);
            if due >= shared.end {
                return;
            }
            if due < shared.begin {
                continue;
            }
            sleep_until(due).await;
            ask_once(&shared, number, &agent, ask, due).await;
        }
        minute += Duration::from_secs(60);
    }
}

async fn ask_once(shared: &Shared, number: usize, agent: &Agent, ask: Ask, due: Instant) {
    let call = match ask {
        Ask::Status => Call {
            body: agent.status.clone(),
            ..Call::new("PUT", "/agent/status", &agent.token, 204)
        },
        Ask::Changes => Call::new("GET", "/agent/config/changes", &agent.token, 200),
        Ask::Ping => Call::new("GET", "/status", "", 200),
    };
    let result = match shared.kept.get(number % shared.kept.len().max(1)) {
        Some(kept) => shared.target.call(&mut *kept.lock().await, &call).await,
        None => shared.target.call(&mut Connection::default(), &call).await,
    };
    match result {
        Ok(_) => shared.latencies.borrow_mut().push(micros_since(due.into_std())),
        Err(error) => {
            let mut failed = shared.failed.borrow_mut();
            failed.0 += 1;
            failed.1.get_or_insert_with(|| format!("{error:#}"));
        }
    }
}

async fn list(shared: Rc<Shared>, user: String) -> Result<Vec<u32>> {
    let mut connection = Connection::default();
    let call = Call::new("GET", "/iofog-list", &user, 200);
    let mut latencies = Vec::new();
    let mut due = shared.begin.max(Instant::now());
    while due < shared.end {
        sleep_until(due).await;
        shared.target.call(&mut connection, &call).await?;
        latencies.push(micros_since(due.into_std()));
        due = (due + Duration::from_secs(1)).max(Instant::now());
    }
    Ok(latencies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_asks_ten_times_a_minute_at_the_default_intervals() {
        let at = |wanted: Ask| -> Vec<u64> {
            MINUTE.iter().filter(|(_, ask)| *ask == wanted).map(|(second, _)| *second).collect()
        };
        assert_eq!(at(Ask::Status), [0, 10, 20, 30, 40, 50]);
        assert_eq!(at(Ask::Changes), [5, 25, 45]);
        assert_eq!(at(Ask::Ping).len(), 1);
    }
}
