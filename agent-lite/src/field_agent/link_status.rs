//! Status over the device link: what the tracker finds worth sending.

use iofog_link::{MicroserviceStatus, NodeDelta, NodeStatus};

use super::{FieldAgent, VERSION};
use crate::config::Setting;
use crate::domain::Report;

impl FieldAgent {
    /// Reports over the open link, if there is one; true when it did.
    pub(super) fn report_over_link(&self) -> bool {
        if !self.is_linked() {
            return false;
        }
        let reports = self.reports();
        let (node, microservices) = self.link_status(&reports);
        let mut open = self.core.open_link.borrow_mut();
        let Some(open) = open.as_mut() else { return false };
        let deltas = open.tracker.deltas(open.link.now(), &node, &microservices);
        if !deltas.is_empty() {
            open.link.with(|session| deltas.into_iter().for_each(|delta| session.report(delta)));
        }
        self.core.processes.reported();
        true
    }

    fn link_status(&self, reports: &[Report]) -> (NodeStatus, Vec<MicroserviceStatus>) {
        self.sample();
        let usage = self.core.usage.get();
        let config = self.core.config.borrow();
        let (processed, _) = self.core.context.published();
        let message_bytes = self.core.message_bytes.get();
        let exceeds = |value: f64, limit| value > config.decimal(limit);
        let (upgrade, rollback) = self.core.updater.readiness();
        let marks = [
            (NodeDelta::MEMORY, exceeds(hundredth(usage.memory / 10_000), Setting::MemoryLimit)),
            (NodeDelta::DISK, exceeds(hundredth(message_bytes / 10_000_000), Setting::DiskLimit)),
            (NodeDelta::PROCESSOR, exceeds(usage.cpu, Setting::CpuLimit)),
            (NodeDelta::READINESS, true),
            (NodeDelta::UPGRADE, upgrade),
            (NodeDelta::ROLLBACK, rollback),
        ];
        let address = self.core.interface.borrow().address;
        let node = NodeStatus {
            clock_ms: self.core.clock.epoch().0,
            started_ms: self.core.started.0,
            version: VERSION.try_into().unwrap_or_default(),
            address: address
                .and_then(|address| address.to_string().as_str().try_into().ok())
                .unwrap_or_default(),
            memory_kb: small(usage.memory / 1000),
            cpu: centi(usage.cpu),
            disk_mb: small(message_bytes / 1_000_000),
            marks: marks.iter().filter(|(_, is)| *is).map(|(bit, _)| bit).sum(),
            free_memory_mb: small(usage.memory_free / 1_000_000),
            free_disk_mb: small(usage.disk_free / 1_000_000),
            system_cpu: centi(usage.system_cpu),
            registries: u16::try_from(self.core.state.borrow().desired.registries.len())
                .unwrap_or(u16::MAX),
            processed,
            speed: centi(self.core.speed.per_second()),
            last_command_ms: self.core.last_command.get().0,
        };
        let containers = self.core.processes.container_usage();
        let microservices = reports.iter().filter_map(|report| {
            let container = report.container.as_ref();
            let usage = container.and_then(|id| containers.get(id)).copied().unwrap_or_default();
            Some(MicroserviceStatus {
                // A foreign id too long for the link cannot come from a Controller that speaks it.
                id: report.uuid.as_str().try_into().ok()?,
                state: report.state.as_str().try_into().unwrap_or_default(),
                percentage: report.percentage,
                container: container.and_then(|id| id.as_str().try_into().ok()).unwrap_or_default(),
                started_ms: report.started.unwrap_or_default().0,
                cpu: centi(usage.cpu),
                memory_kb: small(usage.memory / 1000),
                error: shortened(&report.error),
            })
        });
        (node, microservices.collect())
    }
}

fn small(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn hundredth(value: u64) -> f64 {
    f64::from(small(value)) / 100.0
}

/// Hundredths of a figure that is never negative.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn centi(value: f64) -> u32 {
    (value * 100.0).round().clamp(0.0, f64::from(u32::MAX)) as u32
}

/// As much of a text as fits, at a character's end.
fn shortened<const N: usize>(text: &str) -> heapless::String<N> {
    let mut short = heapless::String::new();
    // The first letter that does not fit ends it.
    let _ = text.chars().try_for_each(|letter| short.push(letter));
    short
}
