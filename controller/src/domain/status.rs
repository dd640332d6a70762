//! What agents report: their own status and that of their microservices (controller contract 6.1). Newest values
//! live in memory and are written behind; numbers are checked on the way in.

use iofog_api::{ApiError, Fields, MicroserviceUuid, number};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Status of an agent, with the contract's names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(
    missing_docs,
    reason = "fields carry the contract's names and meanings, sections 5.2 and 6.1"
)]
pub struct FogStatus {
    pub last_active: i64,
    /// When the Controller received the last status, epoch ms (not the agent's clock).
    pub received: i64,
    pub daemon_status: String,
    pub daemon_operating_duration: i64,
    pub daemon_last_start: i64,
    pub memory_usage: f64,
    pub disk_usage: f64,
    pub cpu_usage: f64,
    pub memory_violation: Option<String>,
    pub disk_violation: Option<String>,
    pub cpu_violation: Option<String>,
    pub system_available_disk: Option<i64>,
    pub system_available_memory: Option<i64>,
    pub system_total_cpu: Option<f64>,
    pub security_status: String,
    pub security_violation_info: String,
    pub repository_count: i64,
    pub repository_status: Option<String>,
    pub system_time: i64,
    pub last_status_time: i64,
    pub ip_address: String,
    pub ip_address_external: String,
    pub processed_messages: i64,
    pub message_speed: f64,
    pub last_command_time: i64,
    pub version: Option<String>,
    pub is_ready_to_upgrade: bool,
    pub is_ready_to_rollback: bool,
}

impl Default for FogStatus {
    fn default() -> Self {
        Self {
            last_active: 0,
            received: 0,
            daemon_status: "UNKNOWN".to_owned(),
            daemon_operating_duration: 0,
            daemon_last_start: 0,
            memory_usage: 0.0,
            disk_usage: 0.0,
            cpu_usage: 0.0,
            memory_violation: None,
            disk_violation: None,
            cpu_violation: None,
            system_available_disk: None,
            system_available_memory: None,
            system_total_cpu: None,
            security_status: "OK".to_owned(),
            security_violation_info: "No violation".to_owned(),
            repository_count: 0,
            repository_status: None,
            system_time: 0,
            last_status_time: 0,
            ip_address: "0.0.0.0".to_owned(),
            ip_address_external: "0.0.0.0".to_owned(),
            processed_messages: 0,
            message_speed: 0.0,
            last_command_time: 0,
            version: None,
            is_ready_to_upgrade: true,
            is_ready_to_rollback: false,
        }
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

impl FogStatus {
    /// Takes the fields that are present.
    ///
    /// # Errors
    /// When one has the wrong type or is negative where the contract wants it not to be.
    pub fn update(&mut self, body: &Fields<'_>, now: i64) -> Result<(), ApiError> {
        set(&mut self.daemon_status, body.string("daemonStatus")?);
        for (field, name) in [
            (&mut self.daemon_operating_duration, "daemonOperatingDuration"),
            (&mut self.daemon_last_start, "daemonLastStart"),
            (&mut self.repository_count, "repositoryCount"),
            (&mut self.system_time, "systemTime"),
            (&mut self.last_status_time, "lastStatusTime"),
            (&mut self.processed_messages, "processedMessages"),
            (&mut self.last_command_time, "lastCommandTime"),
        ] {
            set(field, body.integer(name, 0, i64::MAX)?);
        }
        for (field, name) in [
            (&mut self.memory_usage, "memoryUsage"),
            (&mut self.disk_usage, "diskUsage"),
            (&mut self.cpu_usage, "cpuUsage"),
            (&mut self.message_speed, "messageSpeed"),
        ] {
            set(field, body.number(name, 0.0, f64::MAX)?);
        }
        for (field, name) in [
            (&mut self.memory_violation, "memoryViolation"),
            (&mut self.disk_violation, "diskViolation"),
            (&mut self.cpu_violation, "cpuViolation"),
        ] {
            // Booleans on the way in, texts on the way out (contract 0.3).
            if let Some(violated) = body.boolean(name)? {
                *field = Some(if violated { "1" } else { "0" }.to_owned());
            }
        }
        for (field, name) in [
            (&mut self.system_available_disk, "systemAvailableDisk"),
            (&mut self.system_available_memory, "systemAvailableMemory"),
        ] {
            *field = body.integer(name, i64::MIN, i64::MAX)?.or(*field);
        }
        self.system_total_cpu =
            body.number("systemTotalCpu", f64::MIN, f64::MAX)?.or(self.system_total_cpu);
        set(&mut self.security_status, body.string("securityStatus")?);
        set(&mut self.security_violation_info, body.string("securityViolationInfo")?);
        if let Some(text) = body.string("repositoryStatus")? {
            self.repository_status = Some(text);
        }
        set(&mut self.ip_address, body.string("ipAddress")?);
        set(&mut self.ip_address_external, body.string("ipAddressExternal")?);
        if let Some(version) = body.string("version")? {
            self.version = Some(version);
        }
        set(&mut self.is_ready_to_upgrade, body.boolean("isReadyToUpgrade")?);
        set(&mut self.is_ready_to_rollback, body.boolean("isReadyToRollback")?);
        self.received = now;
        Ok(())
    }
}

impl FogStatus {
    /// True when `after` differs by more than times and measurements, which change with each report.
    #[must_use]
    pub fn differs_in_kind(&self, after: &Self) -> bool {
        self.daemon_status != after.daemon_status
            || self.daemon_last_start != after.daemon_last_start
            || self.memory_violation != after.memory_violation
            || self.disk_violation != after.disk_violation
            || self.cpu_violation != after.cpu_violation
            || self.security_status != after.security_status
            || self.security_violation_info != after.security_violation_info
            || self.repository_count != after.repository_count
            || self.repository_status != after.repository_status
            || self.ip_address != after.ip_address
            || self.ip_address_external != after.ip_address_external
            || self.last_command_time != after.last_command_time
            || self.version != after.version
            || self.is_ready_to_upgrade != after.is_ready_to_upgrade
            || self.is_ready_to_rollback != after.is_ready_to_rollback
    }
}

/// Status of a microservice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "fields carry the contract's names and meanings, section 6.1")]
pub struct MicroserviceStatus {
    pub status: String,
    pub start_time: i64,
    pub operating_duration: i64,
    pub cpu_usage: f64,
    pub memory_usage: f64,
    pub container_id: String,
    pub percentage: f64,
    pub error_message: String,
    pub created: i64,
    pub updated: i64,
}

impl Default for MicroserviceStatus {
    fn default() -> Self {
        Self {
            status: "QUEUED".to_owned(),
            start_time: 0,
            operating_duration: 0,
            cpu_usage: 0.0,
            memory_usage: 0.0,
            container_id: String::new(),
            percentage: 0.0,
            error_message: String::new(),
            created: 0,
            updated: 0,
        }
    }
}

impl MicroserviceStatus {
    /// A microservice that waits for its agent.
    #[must_use]
    pub fn queued(now: i64) -> Self {
        Self { created: now, updated: now, ..Self::default() }
    }

    /// True when `after` differs by more than times and measurements, which change with each report.
    #[must_use]
    pub fn differs_in_kind(&self, after: &Self) -> bool {
        self.status != after.status
            || self.start_time != after.start_time
            || self.container_id != after.container_id
            || self.error_message != after.error_message
            || self.created != after.created
    }

    /// Takes the fields that are present; lenient, as agents of all makes report here.
    pub fn update(&mut self, item: &Value, now: i64) {
        let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        set(&mut self.status, text("status"));
        set(&mut self.container_id, text("containerId"));
        set(&mut self.error_message, text("errorMessage"));
        set(&mut self.start_time, item.get("startTime").and_then(number::integer_of));
        set(
            &mut self.operating_duration,
            item.get("operatingDuration").and_then(number::integer_of),
        );
        set(&mut self.cpu_usage, lenient(item.get("cpuUsage")));
        set(&mut self.memory_usage, lenient(item.get("memoryUsage")));
        set(&mut self.percentage, lenient(item.get("percentage")));
        self.updated = now;
    }
}

/// A number, or a text that holds one, be it with thousands separators (contract 6.1).
fn lenient(value: Option<&Value>) -> Option<f64> {
    let found = match value? {
        Value::String(text) => text.replace(',', "").parse().ok()?,
        other => other.as_f64()?,
    };
    found.is_finite().then_some(found)
}

/// Items of the text in `microserviceStatus`: an array of objects; anything else counts as none.
#[must_use]
pub fn reported_microservices(text: &str) -> Vec<(MicroserviceUuid, Value)> {
    let Ok(Value::Array(items)) = serde_json::from_str(text) else { return Vec::new() };
    items
        .into_iter()
        .filter_map(|item| {
            let uuid = MicroserviceUuid::from(item.get("id")?.as_str()?);
            Some((uuid, item))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn java_agents_report_numbers_as_texts() {
        let mut status = MicroserviceStatus::queued(1);
        status
            .update(&json!({ "cpuUsage": "1,234.5", "memoryUsage": "77", "status": "RUNNING" }), 2);
        assert_eq!((status.cpu_usage, status.memory_usage), (1234.5, 77.0));
        status.update(&json!({ "cpuUsage": "∞" }), 3);
        assert_eq!((status.cpu_usage, status.status.as_str()), (1234.5, "RUNNING"));
    }

    #[test]
    fn an_object_instead_of_a_list_reports_nothing() {
        assert!(reported_microservices("{\"status\":\"UNKNOWN\"}").is_empty());
        assert_eq!(reported_microservices("[{\"id\":\"a\"},{}]").len(), 1);
    }

    #[test]
    fn measurements_and_times_are_no_change_of_kind() {
        let before = FogStatus::default();
        let body = json!({ "cpuUsage": 5.5, "systemTime": 7, "daemonOperatingDuration": 9 });
        let mut after = before.clone();
        after.update(&Fields::of(&body).unwrap(), 9).unwrap();
        assert!(after != before && !before.differs_in_kind(&after));
        let body = json!({ "daemonStatus": "RUNNING" });
        after.update(&Fields::of(&body).unwrap(), 9).unwrap();
        assert!(before.differs_in_kind(&after));
        let mut one = MicroserviceStatus::queued(1);
        one.update(&json!({ "cpuUsage": 1, "operatingDuration": 5 }), 2);
        assert!(!MicroserviceStatus::queued(1).differs_in_kind(&one));
        one.update(&json!({ "status": "RUNNING" }), 3);
        assert!(MicroserviceStatus::queued(1).differs_in_kind(&one));
    }

    #[test]
    fn violations_become_texts() {
        let mut status = FogStatus::default();
        let body = json!({ "memoryViolation": false, "diskViolation": true });
        status.update(&Fields::of(&body).unwrap(), 9).unwrap();
        assert_eq!(status.memory_violation.as_deref(), Some("0"));
        assert_eq!(status.disk_violation.as_deref(), Some("1"));
        assert_eq!((status.cpu_violation, status.received), (None, 9));
    }
}
