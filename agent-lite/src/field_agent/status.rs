//! The status loop: regular, and soon after a microservice's state changed, but never more than once a second.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::status_body::{StatusInput, encode};
use super::{FieldAgent, VERSION};
use crate::config::Setting;
use crate::domain::{MicroserviceState, Report};

const SHORTEST_GAP: Duration = Duration::from_secs(1);
/// The same over the device link, where a report is a few bytes.
const LINK_GAP: Duration = Duration::from_millis(200);
/// How long reports are gathered for the device link.
const LINK_GATHER: Duration = Duration::from_millis(20);
/// How long reports are gathered before the first look.
const GATHER: Duration = Duration::from_millis(100);
/// How long a passing state is waited out, so that a quick start is one report.
const SETTLE: Duration = Duration::from_millis(700);

impl FieldAgent {
    pub(super) async fn status_loop(&self) {
        let mut containers = self.core.processes.watch_reports();
        let mut modules = self.core.modules.watch_reports();
        let mut last = Instant::now();
        loop {
            let due = last + self.core.config.borrow().seconds(Setting::StatusFrequency);
            tokio::select! {
                () = sleep_until(due) => {}
                () = self.core.status_due.notified() => {}
                _ = containers.changed() => self.settle(&mut containers, &mut modules).await,
                _ = modules.changed() => self.settle(&mut containers, &mut modules).await,
            }
            let gap = if self.is_linked() { LINK_GAP } else { SHORTEST_GAP };
            sleep_until(last + gap).await;
            containers.mark_unchanged();
            modules.mark_unchanged();
            last = Instant::now();
            if self.core.config.borrow().is_provisioned() {
                self.send_status().await;
            }
        }
    }

    /// Waits while something is on its way to its final state, but not for long.
    async fn settle(
        &self,
        containers: &mut watch::Receiver<u32>,
        modules: &mut watch::Receiver<u32>,
    ) {
        if self.is_linked() {
            tokio::time::sleep(LINK_GATHER).await;
            return;
        }
        // One order often moves several microservices; the others follow within moments.
        tokio::time::sleep(GATHER).await;
        let limit = Instant::now() + SETTLE;
        while self.reports().iter().any(is_passing) {
            let change = async {
                tokio::select! {
                    _ = containers.changed() => {}
                    _ = modules.changed() => {}
                }
            };
            if timeout_at(limit, change).await.is_err() {
                return;
            }
        }
    }

    async fn send_status(&self) {
        if self.report_over_link() {
            if !self.core.processes.pulled_is_empty() {
                self.save_state();
            }
            return;
        }
        self.put_status().await;
        if !self.core.processes.pulled_is_empty() {
            self.save_state();
        }
    }

    /// The whole status, as the contract has it.
    pub(super) async fn put_status(&self) {
        let reports = self.reports();
        let body = self.status_body(&reports);
        match self.core.client.status(&body).await {
            Ok(()) => {
                self.core.processes.reported();
                self.note_success();
            }
            Err(error) => self.note_failure("status", &error),
        }
    }

    pub(super) fn reports(&self) -> Vec<Report> {
        let mut reports = self.core.modules.reports();
        reports.extend(self.core.processes.reports());
        reports
    }

    fn status_body(&self, reports: &[Report]) -> serde_json::Value {
        self.sample();
        let (processed, per_publisher) = self.core.context.published();
        let interface = self.core.interface.borrow();
        let config = self.core.config.borrow();
        encode(&StatusInput {
            now: self.core.clock.epoch(),
            started: self.core.started,
            last_command: self.core.last_command.get(),
            usage: self.core.usage.get(),
            message_bytes: self.core.message_bytes.get(),
            disk_limit_gb: config.decimal(Setting::DiskLimit),
            memory_limit_mb: config.decimal(Setting::MemoryLimit),
            cpu_limit: config.decimal(Setting::CpuLimit),
            reports,
            registries: self.core.state.borrow().desired.registries.len(),
            address: interface.address,
            external: &self.core.whereabouts.external(),
            processed,
            per_publisher: &per_publisher,
            speed: self.core.speed.per_second(),
            containers: &self.core.processes.container_usage(),
            version: VERSION,
            ready: self.core.updater.readiness(),
            tunnel: self.core.tunnel.status(),
        })
    }

    /// Notes that a command arrived, for `lastCommandTime`.
    pub fn note_command(&self) {
        self.core.last_command.set(self.core.clock.epoch());
    }

    /// When the daemon started.
    pub fn started(&self) -> crate::domain::EpochMillis {
        self.core.started
    }
}

fn is_passing(report: &Report) -> bool {
    use MicroserviceState::{Creating, Pulling, Queued, Restarting, Starting, Updating};
    matches!(report.state, Queued | Pulling | Creating | Starting | Updating | Restarting)
}
