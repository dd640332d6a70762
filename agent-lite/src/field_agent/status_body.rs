//! The body of `PUT agent/status` (agent contract 3.6): odd types are the contract's own.

use std::net::IpAddr;

use iofog_sorted::SortedMap;
use serde_json::{Map, Value, json};

use crate::domain::{ContainerId, EpochMillis, Report};
use crate::ids::MicroserviceUuid;
use crate::usage::{ContainerUsage, Usage};

/// Everything the body is made of.
pub(super) struct StatusInput<'a> {
    pub(super) now: EpochMillis,
    pub(super) started: EpochMillis,
    pub(super) last_command: EpochMillis,
    pub(super) usage: Usage,
    pub(super) message_bytes: u64,
    pub(super) disk_limit_gb: f64,
    pub(super) memory_limit_mb: f64,
    pub(super) cpu_limit: f64,
    pub(super) reports: &'a [Report],
    pub(super) registries: usize,
    pub(super) address: Option<IpAddr>,
    /// Its address on the internet; empty when not known.
    pub(super) external: &'a str,
    pub(super) processed: u64,
    pub(super) per_publisher: &'a [(MicroserviceUuid, u64)],
    pub(super) speed: f64,
    pub(super) containers: &'a SortedMap<ContainerId, ContainerUsage>,
    pub(super) version: &'a str,
    /// Ready for an upgrade, for a rollback.
    pub(super) ready: (bool, bool),
    pub(super) tunnel: Value,
}

pub(super) fn encode(input: &StatusInput<'_>) -> Value {
    let usage = &input.usage;
    let memory_mb = megabytes(usage.memory);
    let disk_gb = megabytes(input.message_bytes) / 1000.0;
    let microservices: Vec<Value> =
        input.reports.iter().map(|report| microservice(report, input)).collect();
    let counts: Vec<Value> = input
        .per_publisher
        .iter()
        .map(|(id, count)| json!({"id": id, "messagecount": count}))
        .collect();
    json!({
        "daemonStatus": "RUNNING",
        "daemonOperatingDuration": input.now.0.saturating_sub(input.started.0),
        "daemonLastStart": input.started.0,
        "memoryUsage": memory_mb,
        "diskUsage": disk_gb,
        "cpuUsage": usage.cpu,
        "memoryViolation": memory_mb > input.memory_limit_mb,
        "diskViolation": disk_gb > input.disk_limit_gb,
        "cpuViolation": usage.cpu > input.cpu_limit,
        "systemAvailableDisk": usage.disk_free,
        "systemAvailableMemory": usage.memory_free,
        "systemTotalCpu": usage.system_cpu,
        "microserviceStatus": Value::Array(microservices).to_string(),
        "repositoryCount": input.registries,
        "repositoryStatus": "[]",
        "systemTime": input.now.0,
        "lastStatusTime": input.now.0,
        "ipAddress": input.address.map(|address| address.to_string()).unwrap_or_default(),
        "ipAddressExternal": input.external,
        "processedMessages": input.processed,
        "microserviceMessageCounts": Value::Array(counts).to_string(),
        "messageSpeed": input.speed,
        "lastCommandTime": input.last_command.0,
        "tunnelStatus": input.tunnel.to_string(),
        "version": input.version,
        "isReadyToUpgrade": input.ready.0,
        "isReadyToRollback": input.ready.1,
    })
}

/// An entry of `microserviceStatus`; usage figures are text in this contract.
fn microservice(report: &Report, input: &StatusInput<'_>) -> Value {
    let now = input.now;
    let mut entry = Map::new();
    let mut put = |name: &str, value: Value| entry.insert(name.to_owned(), value);
    put("id", json!(report.uuid));
    put("status", json!(report.state.as_str()));
    put("percentage", json!(report.percentage));
    if report.container.is_some() || report.started.is_some() {
        let started = report.started.unwrap_or_default().0;
        put(
            "containerId",
            json!(report.container.as_ref().map(|id| id.as_str()).unwrap_or_default()),
        );
        put("startTime", json!(started));
        put(
            "operatingDuration",
            json!(if started == 0 { 0 } else { now.0.saturating_sub(started) }),
        );
        let usage = report
            .container
            .as_ref()
            .and_then(|id| input.containers.get(id))
            .copied()
            .unwrap_or_default();
        put("cpuUsage", json!(format!("{:.2}", usage.cpu)));
        put("memoryUsage", json!(usage.memory.to_string()));
    }
    put("errorMessage", json!(report.error));
    Value::Object(entry)
}

/// Decimal megabytes with two decimals.
fn megabytes(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 10_000).unwrap_or(u32::MAX)) / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::MicroserviceState;

    #[test]
    fn body_has_the_contracts_odd_types() {
        let report = Report {
            uuid: "a".into(),
            state: MicroserviceState::Running,
            percentage: 100,
            container: Some(ContainerId::new("c")),
            started: Some(EpochMillis(400)),
            error: String::new(),
        };
        let body = encode(&StatusInput {
            now: EpochMillis(1000),
            started: EpochMillis(100),
            last_command: EpochMillis(0),
            usage: Usage { memory: 5_120_000, ..Usage::default() },
            message_bytes: 2_500_000_000,
            disk_limit_gb: 2.0,
            memory_limit_mb: 4.0,
            cpu_limit: 80.0,
            reports: &[report],
            registries: 2,
            address: "10.0.0.1".parse().ok(),
            external: "198.51.100.7",
            processed: 3,
            per_publisher: &[("a".into(), 3)],
            speed: 0.5,
            containers: &SortedMap::from([(
                ContainerId::new("c"),
                ContainerUsage { cpu: 1.25, memory: 77 },
            )]),
            version: "3.1.0",
            ready: (true, false),
            tunnel: json!({"status": "CLOSED"}),
        });
        assert_eq!(body["memoryUsage"], 5.12);
        assert_eq!((&body["diskUsage"], &body["diskViolation"]), (&json!(2.5), &json!(true)));
        assert_eq!(
            (&body["memoryViolation"], &body["cpuViolation"]),
            (&json!(true), &json!(false))
        );
        let entries: Value =
            serde_json::from_str(body["microserviceStatus"].as_str().unwrap()).unwrap();
        assert_eq!(entries[0]["operatingDuration"], 600);
        assert_eq!(
            (&entries[0]["memoryUsage"], &entries[0]["cpuUsage"]),
            (&json!("77"), &json!("1.25"))
        );
        assert_eq!(
            (&body["isReadyToUpgrade"], &body["isReadyToRollback"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(body["tunnelStatus"], r#"{"status":"CLOSED"}"#);
        assert_eq!(body["microserviceMessageCounts"], r#"[{"id":"a","messagecount":3}]"#);
    }
}
