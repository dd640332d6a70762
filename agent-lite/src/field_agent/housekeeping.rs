//! What the field agent does from time to time: resource figures, pruning, releases.

use std::time::Duration;

use super::{FieldAgent, Link};
use crate::config::Setting;
use crate::domain::{MicroserviceState, Report};
use crate::update::Facts;
use crate::usage::folder_bytes;

const USAGE_PERIOD: Duration = Duration::from_secs(10);

impl FieldAgent {
    /// Refreshes the resource figures, and saves what the disk refused.
    pub(super) async fn usage_loop(&self) {
        loop {
            if self.is_config_unsaved() && self.save_config() {
                log::info!(target: "field-agent", "the configuration is saved");
            }
            self.look_for_address();
            self.look_for_position();
            self.sample();
            self.core.message_bytes.set(folder_bytes(&self.core.context.place().message_dir));
            self.core.speed.note(self.core.context.published().0, self.core.clock.mono());
            tokio::time::sleep(USAGE_PERIOD).await;
        }
    }

    /// Prunes when the disk runs full, as often as configured.
    pub(super) async fn prune_loop(&self) {
        loop {
            let hours = u32::try_from(self.core.config.borrow().integer(Setting::PruningFrequency))
                .unwrap_or(1)
                .max(1);
            tokio::time::sleep(Duration::from_secs(3600) * hours).await;
            let usage = self.core.usage.get();
            let threshold = self.core.config.borrow().integer(Setting::DiskThreshold);
            if usage.disk_total > 0 && usage.disk_free / (usage.disk_total / 100).max(1) < threshold
            {
                self.request_prune();
            }
        }
    }

    /// Asks for releases as often as configured, carries out version commands, watches a trial.
    pub(super) async fn update_loop(&self) {
        let hours = u32::try_from(self.core.config.borrow().integer(Setting::UpgradeFrequency));
        let period = Duration::from_secs(3600) * hours.unwrap_or(24).max(1);
        self.core.updater.clone().run(period, || self.facts()).await;
    }

    fn facts(&self) -> Facts {
        let running = |report: &Report| report.state == MicroserviceState::Running;
        Facts {
            provisioned: self.core.config.borrow().is_provisioned(),
            connected: self.core.link.get() == Link::Ok,
            running: self
                .reports()
                .into_iter()
                .filter(running)
                .map(|report| report.uuid.as_str().to_owned())
                .collect(),
        }
    }

    pub(super) fn sample(&self) {
        let folder = self.core.context.state_dir().to_owned();
        self.core.usage.set(self.core.sampler.sample(&folder));
    }
}
