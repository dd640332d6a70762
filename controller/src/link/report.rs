//! Reports of an agent: deltas become the contract's status body, and an open link keeps it fresh in between.

use std::collections::BTreeMap;
use std::sync::Arc;

use iofog_api::{FogUuid, MicroserviceUuid};
use iofog_link::{Id, MicroserviceDelta, NodeDelta, StatusDelta};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::ops;

/// What is remembered of one link's reports.
pub(super) struct Reporter {
    fog: FogUuid,
    /// The agent's clock and ours at the same moment, epoch ms.
    clock: Option<(i64, i64)>,
    started: i64,
    /// When the container of each running microservice started, by the agent's clock.
    running: BTreeMap<Id, i64>,
}

// === impl Reporter ===

impl Reporter {
    pub(super) fn new(fog: FogUuid) -> Self {
        Self { fog, clock: None, started: 0, running: BTreeMap::new() }
    }

    /// Takes a delta over.
    pub(super) fn take(&mut self, app: &Arc<App>, delta: &StatusDelta, now: i64) {
        if let Some(clock) = delta.node.clock_ms {
            self.clock = Some((whole(clock), now));
        }
        if let Some(started) = delta.node.started_ms {
            self.started = whole(started);
        }
        let mut body = self.node(&delta.node, now);
        let items: Vec<Value> =
            delta.microservices.iter().map(|one| self.microservice(one, now)).collect();
        body.insert("microserviceStatus".to_owned(), Value::from(Value::Array(items).to_string()));
        self.store(app, Value::Object(body), now);
    }

    /// An open link is a status in which nothing changed but times.
    pub(super) fn freshen(&self, app: &Arc<App>, now: i64) {
        if self.clock.is_none() {
            return;
        }
        let clock = self.agent_clock(now).max(0);
        app.live.statuses.update_fog(&self.fog, |status| {
            "RUNNING".clone_into(&mut status.daemon_status);
            status.system_time = clock;
            status.last_status_time = clock;
            status.daemon_last_start = self.started;
            status.daemon_operating_duration = self.since(self.started, now);
            status.received = now;
            status.last_active = now;
        });
        for (id, started) in &self.running {
            let uuid = MicroserviceUuid::from(id.as_str());
            if app.live.owners.is_on(&uuid, &self.fog) {
                app.live.statuses.update_microservice(&uuid, |status| {
                    status.operating_duration = self.since(*started, now);
                    status.updated = now;
                });
            }
        }
    }

    fn store(&self, app: &Arc<App>, body: Value, now: i64) {
        if let Err(error) = ops::agent::take_status(app, &self.fog, &body, now) {
            log::warn!("status of agent {}: {error}", self.fog);
        }
        // As each call with the agent's token does.
        app.live.statuses.touch(&self.fog, now);
    }

    /// The agent's clock at our `now`.
    fn agent_clock(&self, now: i64) -> i64 {
        self.clock.map_or(now, |(theirs, ours)| theirs.saturating_add(now.saturating_sub(ours)))
    }

    fn since(&self, started: i64, now: i64) -> i64 {
        if started == 0 { 0 } else { self.agent_clock(now).saturating_sub(started).max(0) }
    }

    fn node(&self, delta: &NodeDelta, now: i64) -> Map<String, Value> {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        let clock = self.agent_clock(now).max(0);
        put("daemonStatus", json!("RUNNING"));
        put("systemTime", json!(clock));
        put("lastStatusTime", json!(clock));
        put("daemonLastStart", json!(self.started));
        put("daemonOperatingDuration", json!(self.since(self.started, now)));
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                put(name, value);
            }
        };
        set("version", delta.version.as_ref().map(|text| json!(text)));
        set("ipAddress", delta.address.as_ref().map(|text| json!(text)));
        set("memoryUsage", delta.memory_kb.map(|kb| json!(f64::from(kb) / 1000.0)));
        set("cpuUsage", delta.cpu.map(hundredths));
        set("diskUsage", delta.disk_mb.map(|mb| json!(f64::from(mb) / 1000.0)));
        let marked = |bit| delta.marks.map(|marks| json!(marks & bit != 0));
        set("memoryViolation", marked(NodeDelta::MEMORY));
        set("diskViolation", marked(NodeDelta::DISK));
        set("cpuViolation", marked(NodeDelta::PROCESSOR));
        // An Agent that says nothing of it stays what it was.
        if delta.marks.is_some_and(|marks| marks & NodeDelta::READINESS != 0) {
            set("isReadyToUpgrade", marked(NodeDelta::UPGRADE));
            set("isReadyToRollback", marked(NodeDelta::ROLLBACK));
        }
        set("systemAvailableMemory", delta.free_memory_mb.map(megabytes));
        set("systemAvailableDisk", delta.free_disk_mb.map(megabytes));
        set("systemTotalCpu", delta.system_cpu.map(hundredths));
        set("repositoryCount", delta.registries.map(|count| json!(count)));
        set("repositoryStatus", delta.registries.map(|_| json!("[]")));
        set("processedMessages", delta.processed.map(|count| json!(whole(count))));
        set("messageSpeed", delta.speed.map(hundredths));
        set("lastCommandTime", delta.last_command_ms.map(|time| json!(whole(time))));
        body
    }

    fn microservice(&mut self, delta: &MicroserviceDelta, now: i64) -> Value {
        if let Some(started) = delta.started_ms {
            self.running.insert(delta.id.clone(), whole(started));
        }
        if delta.state.as_ref().is_some_and(|state| state != "RUNNING") {
            self.running.remove(&delta.id);
        }
        let mut item = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                item.insert(name.to_owned(), value);
            }
        };
        set("id", Some(json!(delta.id)));
        set("status", delta.state.as_ref().map(|text| json!(text)));
        set("percentage", delta.percentage.map(|share| json!(share)));
        set("containerId", delta.container.as_ref().map(|text| json!(text)));
        set("startTime", delta.started_ms.map(|time| json!(whole(time))));
        let running = self.running.get(&delta.id).copied();
        set("operatingDuration", running.map(|started| json!(self.since(started, now))));
        set("cpuUsage", delta.cpu.map(hundredths));
        set("memoryUsage", delta.memory_kb.map(|kb| json!(u64::from(kb) * 1000)));
        set("errorMessage", delta.error.as_ref().map(|text| json!(text)));
        Value::Object(item)
    }
}

fn hundredths(value: u32) -> Value {
    json!(f64::from(value) / 100.0)
}

fn megabytes(value: u32) -> Value {
    json!(u64::from(value) * 1_000_000)
}

fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_the_contracts_fields() {
        let body = |marks| {
            Reporter::new("fog".into()).node(&NodeDelta { marks, ..NodeDelta::default() }, 0)
        };
        let told = body(Some(NodeDelta::DISK | NodeDelta::READINESS | NodeDelta::ROLLBACK));
        assert_eq!(
            ["memoryViolation", "diskViolation", "cpuViolation"].map(|name| &told[name]),
            [&json!(false), &json!(true), &json!(false)]
        );
        assert_eq!(
            ["isReadyToUpgrade", "isReadyToRollback"].map(|name| &told[name]),
            [&json!(false), &json!(true)]
        );
        // Bits that do not count, and an older Agent.
        for marks in [Some(NodeDelta::UPGRADE), Some(0), None] {
            assert_eq!(body(marks).get("isReadyToUpgrade"), None, "{marks:?}");
        }
    }

    #[test]
    fn the_agents_clock_goes_on_between_reports() {
        let mut reporter = Reporter::new("fog".into());
        reporter.clock = Some((5_000, 1_000_000));
        reporter.started = 4_000;
        let body =
            reporter.node(&NodeDelta { memory_kb: Some(5_120), ..NodeDelta::default() }, 1_002_000);
        assert_eq!(
            (&body["lastStatusTime"], &body["daemonOperatingDuration"]),
            (&json!(7_000), &json!(3_000))
        );
        assert_eq!((&body["memoryUsage"], body.get("cpuUsage")), (&json!(5.12), None));
        let delta = MicroserviceDelta {
            id: "m".try_into().unwrap(),
            state: "RUNNING".try_into().ok(),
            started_ms: Some(6_500),
            ..MicroserviceDelta::default()
        };
        assert_eq!(reporter.microservice(&delta, 1_002_000)["operatingDuration"], 500);
    }
}
