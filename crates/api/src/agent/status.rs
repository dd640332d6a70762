//! Status reports of an agent (spec section 6.1).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::MicroserviceUuid;
use crate::number;

/// Body of `PUT /agent/status`; everything is optional and only what is present is updated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusReport {
    /// `RUNNING` in practice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemon_status: Option<String>,
    /// Milliseconds since the daemon started.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::int_opt")]
    pub daemon_operating_duration: Option<i64>,
    /// Epoch ms.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::int_opt")]
    pub daemon_last_start: Option<i64>,
    /// MB used by the agent process.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number::plain_opt")]
    pub memory_usage: Option<f64>,
    /// GB used by the message archive.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number::plain_opt")]
    pub disk_usage: Option<f64>,
    /// Percent of all CPUs used by the agent process.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number::plain_opt")]
    pub cpu_usage: Option<f64>,
    /// Above the configured limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_violation: Option<bool>,
    /// Above the configured limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_violation: Option<bool>,
    /// Above the configured limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_violation: Option<bool>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::int_opt")]
    pub system_available_disk: Option<i64>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::int_opt")]
    pub system_available_memory: Option<i64>,
    /// Percent.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number::plain_opt")]
    pub system_total_cpu: Option<f64>,
    /// `OK` unless tampering was noticed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_status: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_violation_info: Option<String>,
    /// JSON text of an array of [`MicroserviceReport`]; see [`StatusReport::microservices`]. Some agents send
    /// an object here when they fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub microservice_status: Option<Value>,
    /// Registries known.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::int_opt")]
    pub repository_count: Option<i64>,
    /// JSON text, `[{"id":1,"linkStatus":""}]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_status: Option<String>,
    /// Epoch ms of the agent's clock.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::int_opt")]
    pub system_time: Option<i64>,
    /// Epoch ms of the last change of status, by the agent's clock.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::int_opt")]
    pub last_status_time: Option<i64>,
    /// Address in the local network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// Address seen from outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address_external: Option<String>,
    /// Messages published since start.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::int_opt")]
    pub processed_messages: Option<i64>,
    /// JSON text `[{"id","messagecount"}]`; a Controller discards it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub microservice_message_counts: Option<String>,
    /// Messages per second over the last minute.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number::plain_opt")]
    pub message_speed: Option<f64>,
    /// Epoch ms or 0.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::int_opt")]
    pub last_command_time: Option<i64>,
    /// JSON text; a Controller discards it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel_status: Option<String>,
    /// Three numbers with dots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// A newer package is at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_ready_to_upgrade: Option<bool>,
    /// An older package is at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_ready_to_rollback: Option<bool>,
}

/// State of one microservice inside [`StatusReport::microservice_status`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MicroserviceReport {
    /// The microservice; unknown ones are ignored by a Controller.
    pub id: MicroserviceUuid,
    /// State name in capitals, for example `PULLING` or `RUNNING`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Empty for system microservices that the agent realises itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_id: Option<String>,
    /// Epoch ms.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::int_opt")]
    pub start_time: Option<i64>,
    /// Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number::int_opt")]
    pub operating_duration: Option<i64>,
    /// Share of the CPUs; the Java Agent sends text.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "number::text_opt",
        serialize_with = "number::plain_opt"
    )]
    pub cpu_usage: Option<f64>,
    /// Bytes; the Java Agent sends text.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "number::text_opt",
        serialize_with = "number::plain_opt"
    )]
    pub memory_usage: Option<f64>,
    /// Pull progress, 0 to 100.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "number::text_opt",
        serialize_with = "number::plain_opt"
    )]
    pub percentage: Option<f64>,
    /// Last pull, create or start error; empty after success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

impl StatusReport {
    /// Puts the state of all microservices into the report.
    pub fn set_microservices(
        &mut self,
        reports: &[MicroserviceReport],
    ) -> Result<(), serde_json::Error> {
        self.microservice_status = Some(Value::String(serde_json::to_string(reports)?));
        Ok(())
    }

    /// The state of the microservices; empty when the field is absent or is not an array of states.
    pub fn microservices(&self) -> Vec<MicroserviceReport> {
        let items = match &self.microservice_status {
            Some(Value::String(text)) => serde_json::from_str(text).unwrap_or(Value::Null),
            Some(other) => other.clone(),
            None => Value::Null,
        };
        let Value::Array(items) = items else { return Vec::new() };
        items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_agent_text_numbers_are_read() {
        let report: StatusReport = serde_json::from_str(
            r#"{"daemonStatus":"RUNNING","cpuUsage":1.5,"lastStatusTime":123.0,"unknown":{},
               "microserviceStatus":"[{\"id\":\"a\",\"cpuUsage\":\"1,000.5\",\"memoryUsage\":\"77\"},7]"}"#,
        )
        .unwrap();
        let microservices = report.microservices();
        assert_eq!(report.last_status_time, Some(123));
        assert_eq!(microservices.len(), 1);
        assert_eq!(microservices[0].cpu_usage, Some(1000.5));
        assert_eq!(microservices[0].memory_usage, Some(77.0));
    }

    #[test]
    fn an_object_instead_of_the_array_is_no_microservice() {
        let report: StatusReport =
            serde_json::from_str(r#"{"microserviceStatus":{"status":"UNKNOWN"}}"#).unwrap();
        assert!(report.microservices().is_empty());
        assert!(StatusReport::default().microservices().is_empty());
    }

    #[test]
    fn a_written_report_reads_back() {
        let mut report = StatusReport::default();
        let states = [MicroserviceReport {
            id: "m".into(),
            status: Some("RUNNING".into()),
            ..MicroserviceReport::default()
        }];
        report.set_microservices(&states).unwrap();
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            r#"{"microserviceStatus":"[{\"id\":\"m\",\"status\":\"RUNNING\"}]"}"#
        );
        assert_eq!(report.microservices(), states);
    }
}
