//! The Local API of an Agent, asked in the name of its device's root: over SSH, or of the container here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{device, local};
use crate::config::AgentRecord;
use crate::docker::Engine;
use crate::ssh::{Answer, Session};
use crate::text::{Error, Result};

/// Its port.
const PORT: u16 = 54321;
/// Where an Agent keeps the token that opens it.
const TOKEN: &str = "/etc/iofog-agent/local-api";
/// Longest time for an answer of the Agent here.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Most bytes of an answer.
const MAX_ANSWER: u64 = 16 << 20;

/// A Local API that can be reached.
pub(super) struct LocalApi {
    /// None for the Agent on this machine.
    session: Option<Session>,
    /// Empty where the Agent has none.
    token: String,
}

// === impl LocalApi ===

impl LocalApi {
    /// That of an Agent.
    ///
    /// # Errors
    /// The device or the container cannot be reached.
    pub(super) fn open(agent: &AgentRecord) -> Result<Self> {
        let AgentRecord::Remote(agent) = agent else {
            let token = match Engine::open()?.read_file(local::AGENT, TOKEN) {
                Err(Error::NotFound(_)) => Vec::new(),
                token => token?,
            };
            let token = String::from_utf8_lossy(&token).trim().to_owned();
            return Ok(Self { session: None, token });
        };
        let session = device::session(&agent.host, &agent.ssh, "Agent")?;
        let token = device::run_in(&session, &format!("sudo cat {TOKEN} 2>/dev/null || true"))?;
        Ok(Self { session: Some(session), token: token.trim().to_owned() })
    }

    /// Seconds since 1970 by the clock of the device.
    ///
    /// # Errors
    /// It does not tell.
    pub(super) fn now(&self) -> Result<u64> {
        let unknown = || Error::plain("the device does not tell its time");
        match &self.session {
            Some(session) => {
                device::run_in(session, "date +%s")?.trim().parse().map_err(|_| unknown())
            }
            None => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH);
                since.map(|since| since.as_secs()).map_err(|_| unknown())
            }
        }
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// Nothing answers.
    pub(super) fn post(&self, path: &str, body: &str) -> Result<Answer> {
        match &self.session {
            Some(session) => session.post(PORT, path, &self.token, body),
            None => post_here(path, &self.token, body),
        }
    }
}

fn post_here(path: &str, token: &str, body: &str) -> Result<Answer> {
    let failed = |error: ureq::Error| Error::Plain(format!("port {PORT} of this machine: {error}"));
    let client = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(TIMEOUT))
        .build()
        .new_agent();
    let mut answer = client
        .post(format!("http://127.0.0.1:{PORT}{path}"))
        .header("Content-Type", "application/json")
        .header("Authorization", token)
        .send(body)
        .map_err(failed)?;
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().map_err(failed)?;
    Ok(Answer { status, body })
}
