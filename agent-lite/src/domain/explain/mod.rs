//! `explain`: from what each part of the node knows of one microservice to what keeps it from its work, and
//! the next step. Facts and time come in, findings go out.

mod container;
mod hints;
mod messages;
mod order;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::Serialize;

use super::{ContainerId, EpochMillis, Health, Kind, MicroserviceState, RegistryId};
use crate::ids::MicroserviceUuid;

/// How a fact is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Good,
    /// On its way, or worth to know.
    Pending,
    /// Keeps the microservice from its work.
    Problem,
}

/// One fact and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its weight.
    pub level: Level,
    /// The part it is about: one word.
    pub subject: &'static str,
    /// What is so, with times.
    pub text: String,
    /// What to do about it; nothing when nothing needs doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Whose.
    pub microservice: MicroserviceUuid,
    /// When it was asked for, as the device's clock has it (RFC 3339, UTC).
    pub at: String,
    /// State as reported to the Controller; none when nothing was done for it here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
    /// The worst level among the findings.
    pub level: Level,
    /// The step to take first; none when nothing needs doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// All findings, in the order in which one depends on the other: Controller first, messages last.
    pub findings: Vec<Finding>,
}

/// What the node knows at one moment.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Which microservice.
    pub uuid: MicroserviceUuid,
    /// The device's wall clock.
    pub now: EpochMillis,
    /// The Controller.
    pub contact: Contact,
    /// When a list of microservices was last taken by this process.
    pub listed: Option<EpochMillis>,
    /// The order, when the list names it.
    pub wanted: Option<Wanted>,
    /// The container engine.
    pub engine: EngineFacts,
    /// What the reconciler remembers, or the module reports.
    pub insight: Option<Insight>,
    /// Free bytes and size of the disk with the Agent's state; 0 and 0 when unknown.
    pub disk: (u64, u64),
    /// The message bus.
    pub flow: Flow,
}

/// The link to the Controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Its state.
    pub state: ContactState,
    /// Since when.
    pub since: EpochMillis,
    /// Last error; empty when it works.
    pub error: String,
}

/// State of the link to the Controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactState {
    /// The node belongs to no Controller.
    NotProvisioned,
    /// The Controller's certificate is refused.
    BrokenCertificate,
    /// The last call failed.
    Lost,
    /// The last call succeeded.
    Connected,
}

/// What the Controller ordered, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How it is realised.
    pub kind: Kind,
    /// Image reference.
    pub image: String,
    /// Registry number, when that registry is not known to the node.
    pub unknown_registry: Option<RegistryId>,
    /// Ordered to go.
    pub delete: bool,
    /// Destinations of its messages, and whether each is on this node.
    pub routes: Vec<(MicroserviceUuid, bool)>,
    /// Some route ends at it.
    pub is_consumer: bool,
    /// Microservices of this node with a route to it.
    pub publishers: Vec<MicroserviceUuid>,
}

/// How the container engine answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineFacts {
    /// Its address, as configured.
    pub url: String,
    /// Last error; empty when the last question was answered.
    pub error: String,
    /// When it last answered.
    pub answered: Option<EpochMillis>,
}

/// What the node did for a microservice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Insight {
    /// State as reported.
    pub state: MicroserviceState,
    /// Since when it has this state.
    pub since: EpochMillis,
    /// Image pull progress, 0 to 100.
    pub percentage: u8,
    /// Its container.
    pub container: Option<ContainerId>,
    /// When that started.
    pub started: Option<EpochMillis>,
    /// What the image's own health check says.
    pub health: Option<Health>,
    /// When its container last ended for lack of memory.
    pub out_of_memory: Option<EpochMillis>,
    /// Last failed step; empty after success.
    pub error: String,
    /// When that was.
    pub failed_at: Option<EpochMillis>,
    /// Failures in a row.
    pub failures: u32,
    /// When the failed step is tried again.
    pub retry_at: Option<EpochMillis>,
    /// When the ended container is started again.
    pub restart_at: Option<EpochMillis>,
    /// Restarts within the last ten minutes.
    pub restarts: usize,
}

/// Messages of a microservice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The way to the Router.
    pub router: RouterFacts,
    /// Messages it sent since the process began, and when the last one.
    pub sent: Option<(u64, EpochMillis)>,
    /// Messages from it that wait or are under way, by destination.
    pub outgoing: Vec<(MicroserviceUuid, usize)>,
    /// Messages of this node for it that wait or are under way, by publisher.
    pub incoming: Vec<(MicroserviceUuid, usize)>,
    /// What its mailbox holds.
    pub mailbox: MailboxFacts,
    /// Messages from it that were given up since the process began, by reason.
    pub given_up: Vec<(u64, &'static str)>,
    /// Why the node's folder of messages cannot be used, and since when.
    pub closed: Option<(String, EpochMillis)>,
}

/// The way to the Router.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterFacts {
    /// Where it is; none when the node knows no Router.
    pub place: Option<String>,
    /// Whether it is reached.
    pub connected: bool,
    /// Since when.
    pub since: EpochMillis,
}

/// A mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailboxFacts {
    /// Messages that nobody fetched yet.
    pub waiting: usize,
    /// Messages handed out and not acknowledged yet.
    pub handed: usize,
    /// When one last arrived.
    pub arrived: Option<EpochMillis>,
    /// When the microservice last fetched or opened its socket.
    pub asked: Option<EpochMillis>,
    /// Its message socket is open.
    pub listening: bool,
}

/// Judges the facts.
pub fn explain(facts: &Facts) -> Explanation {
    let mut findings = order::findings(facts);
    findings.extend(container::findings(facts));
    findings.extend(messages::findings(facts));
    let level = findings.iter().map(|one| one.level).max().unwrap_or(Level::Good);
    // What comes first in the chain is to be mended first.
    let next = findings.iter().filter(|one| one.level == level).find_map(|one| one.next.clone());
    Explanation {
        microservice: facts.uuid.clone(),
        at: facts.now.to_string(),
        state: facts.insight.as_ref().map(|insight| insight.state.as_str()),
        level,
        next,
        findings,
    }
}

// === impl Explanation ===

impl Explanation {
    /// For people: one line per finding, its next step below.
    pub fn text(&self) -> String {
        let state = self.state.unwrap_or("nothing done for it here");
        let mut lines =
            vec![format!("Microservice {}: {state} (at {})", self.microservice, self.at)];
        for finding in &self.findings {
            let mark = match finding.level {
                Level::Good => "ok     ",
                Level::Pending => "note   ",
                Level::Problem => "PROBLEM",
            };
            lines.push(format!("{mark} {:<11}{}", finding.subject, finding.text));
            if let Some(next) = &finding.next {
                lines.push(format!("        {:<11}-> {next}", ""));
            }
        }
        lines.join("\n")
    }
}

// === impl Finding ===

impl Finding {
    fn good(subject: &'static str, text: impl Into<String>) -> Self {
        Self { level: Level::Good, subject, text: text.into(), next: None }
    }

    fn pending(subject: &'static str, text: impl Into<String>) -> Self {
        Self { level: Level::Pending, ..Self::good(subject, text) }
    }

    fn problem(subject: &'static str, text: impl Into<String>, next: impl Into<String>) -> Self {
        Self { level: Level::Problem, ..Self::good(subject, text) }.and(next)
    }

    fn and(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }
}

/// Wall clock times of instants that were noted on the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// Now, monotonic.
    pub mono: super::Mono,
    /// Now, wall clock.
    pub epoch: EpochMillis,
}

impl Clocks {
    /// `at` on the present wall clock, before or after now.
    pub fn wall(self, at: super::Mono) -> EpochMillis {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let ahead = millis(at.since(self.mono));
        let behind = millis(self.mono.since(at));
        EpochMillis(self.epoch.0.saturating_add(ahead).saturating_sub(behind))
    }
}
