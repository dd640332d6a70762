//! The changes loop: asks for flags, acts on them, acknowledges what was done (agent contract 3.5).

use std::time::Duration;

use iofog_api::agent::{Change, ChangeSet};

use super::FieldAgent;
use super::link::FIRST_TRY;
use crate::config::Setting;
use crate::controller_client::ControllerError;
use crate::domain::{Verdict, Workload};
use crate::fault;
use crate::update::Command;

const FIRST_RETRY: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// A Controller that answers held requests at once without end must not keep the processor busy.
const SHORTEST_ROUND: Duration = Duration::from_millis(20);

impl FieldAgent {
    pub(super) async fn changes_loop(&self) {
        let mut retry = FIRST_RETRY;
        loop {
            if !self.core.config.borrow().is_provisioned() || self.is_linked() {
                self.core.changes_due.notified().await;
                continue;
            }
            if !self.core.link_tried.get() {
                tokio::select! {
                    () = tokio::time::sleep(FIRST_TRY) => self.core.link_tried.set(true),
                    () = self.core.changes_due.notified() => {}
                }
                continue;
            }
            let mut pause = match self.round().await {
                Ok(held) => {
                    retry = FIRST_RETRY;
                    self.note_success();
                    if held {
                        SHORTEST_ROUND
                    } else {
                        self.core.config.borrow().seconds(Setting::ChangeFrequency)
                    }
                }
                Err(error) => {
                    self.note_failure("changes", &error);
                    retry = (retry * 2).min(LONGEST_RETRY);
                    retry
                }
            };
            pause = self.until_confirmation().map_or(pause, |due| pause.min(due));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.core.changes_due.notified() => {}
            }
        }
    }

    /// How long until an empty list is to be confirmed, if one is.
    fn until_confirmation(&self) -> Option<Duration> {
        let due = self.core.gate.borrow().due()?;
        Some(due.since(self.core.clock.mono()))
    }

    /// Asks once and acts; true when the Controller held the request.
    async fn round(&self) -> Result<bool, ControllerError> {
        if !self.core.initialised.get() {
            self.initialise().await?;
        }
        if self.until_confirmation().is_some_and(|wait| wait.is_zero()) {
            self.fetch_microservices(false).await?;
        }
        let confirmation = self.until_confirmation();
        let answer = tokio::select! {
            answer = self.guarded(self.core.client.changes()) => answer?,
            // A new identity or Controller: the held request is of no use any more. Only this one may be
            // dropped: a lost list would lose its rebuild orders.
            () = self.core.changes_due.notified() => return Ok(true),
            () = tokio::time::sleep(confirmation.unwrap_or_default()), if confirmation.is_some() => {
                return Ok(true);
            }
        };
        self.note_success();
        let is_old = !answer.raised.is_empty() && self.is_older(&answer.last_updated);
        if self.act(answer.raised, is_old).await? {
            fault::before("changes.acknowledge");
            self.core.client.acknowledge(answer.last_updated).await?;
            fault::after("changes.acknowledge");
        }
        Ok(answer.held)
    }

    /// The first pass of a process or identity loads everything, whatever the flags say.
    async fn initialise(&self) -> Result<(), ControllerError> {
        // Only the list is needed to go on: a Controller that fails at the rest must not keep workloads waiting.
        tolerate("registries", self.fetch_registries().await)?;
        self.fetch_microservices(false).await?;
        tolerate("configuration", self.fetch_config(true).await)?;
        tolerate("edge resources", self.fetch_edge_resources().await)?;
        self.core.initialised.set(true);
        self.core.status_due.notify_one();
        Ok(())
    }

    /// True when a Controller's stamp says that its database is older than what this node was told. A newer one is noted.
    fn is_older(&self, stamp: &str) -> bool {
        let generation = iofog_link::generation(stamp);
        let known = &mut self.core.state.borrow_mut().generation;
        let is_older = generation < *known;
        if is_older {
            log::warn!(target: "field-agent", "the controller went back in time: nothing is removed");
        }
        *known = generation.max(*known);
        is_older
    }

    /// Does what the flags ask; false when the node has no identity left to acknowledge with. A list of a Controller
    /// that `is_old` removes nothing.
    pub(super) async fn act(
        &self,
        changes: ChangeSet,
        is_old: bool,
    ) -> Result<bool, ControllerError> {
        if changes.has(Change::DeleteNode) {
            log::info!(target: "field-agent", "the controller deletes this node");
            tolerate("deleting the node", self.core.client.delete_node().await)?;
            self.drop_identity();
            return Ok(false);
        }
        if changes.has(Change::IsImageSnapshot) {
            tolerate("image snapshot", self.fetch_snapshot().await)?;
        }
        if changes.has(Change::Version) {
            tolerate("version command", self.fetch_version().await)?;
        }
        if changes.has(Change::Config) || changes.has(Change::RouterChanged) {
            self.fetch_config(false).await?;
        }
        if changes.has(Change::Registries) {
            self.fetch_registries().await?;
            self.core.processes.forgive();
        }
        if ChangeSet::FULL.iter().any(|flag| changes.has(flag)) {
            self.fetch_microservices(is_old).await?;
        }
        if changes.has(Change::LinkedEdgeResources) {
            self.fetch_edge_resources().await?;
        }
        if changes.has(Change::Tunnel) {
            tolerate("tunnel", self.fetch_tunnel().await)?;
        }
        if changes.has(Change::Diagnostics) {
            tolerate("traces", self.fetch_traces().await)?;
        }
        if changes.has(Change::Prune) {
            self.request_prune();
        }
        if changes.has(Change::Reboot) {
            reboot();
        }
        Ok(true)
    }

    /// Fetches the list, writes it down, and only then lets it act: a rebuild order comes once.
    async fn fetch_microservices(&self, is_old: bool) -> Result<(), ControllerError> {
        let mut list = self.guarded(self.core.client.microservices()).await?;
        let present = self.core.state.borrow().desired.workloads.len();
        if is_old {
            let known = self.core.state.borrow();
            let kept = known.desired.workloads.iter();
            let kept = kept.filter(|one| !list.iter().any(|item| item.uuid == one.uuid));
            let kept: Vec<_> = kept.map(|one| Workload { rebuild: 0, ..one.clone() }).collect();
            list.extend(kept);
        }
        let verdict =
            self.core.gate.borrow_mut().judge(list.len(), present, self.core.clock.mono());
        if let Verdict::ConfirmAt(_) = verdict {
            log::warn!(target: "field-agent", "the list of microservices is empty; asking again before anything is removed");
            return Ok(());
        }
        log::debug!(target: "field-agent", "{} microservices", list.len());
        self.core.documents.borrow_mut().clear();
        let mut desired = self.core.state.borrow().desired.clone();
        desired.accept(list, self.core.clock.epoch().0);
        self.core.listed.set(Some(self.core.clock.mono()));
        if self.core.state.borrow().desired != desired {
            self.core.state.borrow_mut().desired = desired;
            self.save_state();
            self.spread_desired();
        }
        Ok(())
    }

    async fn fetch_registries(&self) -> Result<(), ControllerError> {
        let registries = self.guarded(self.core.client.registries()).await?;
        if self.core.state.borrow().desired.registries == registries {
            return Ok(());
        }
        self.core.documents.borrow_mut().clear();
        self.core.state.borrow_mut().desired.registries = registries;
        self.save_state();
        self.spread_desired();
        Ok(())
    }

    async fn fetch_edge_resources(&self) -> Result<(), ControllerError> {
        let list = self.guarded(self.core.client.edge_resources()).await?;
        let text = serde_json::to_string(&list.edge_resources)
            .map_err(|error| ControllerError::malformed(error.to_string()))?;
        if self.core.state.borrow().edge_resources != text {
            self.core.documents.borrow_mut().clear();
            self.core.state.borrow_mut().edge_resources = text;
            self.save_state();
            self.spread_desired();
        }
        Ok(())
    }

    /// Hands a version command on (agent contract 12.5). Its key is not used: the identity stays.
    async fn fetch_version(&self) -> Result<(), ControllerError> {
        let command = match self.guarded(self.core.client.version()).await?.as_str() {
            "upgrade" => Command::Upgrade,
            "rollback" => Command::Rollback,
            other => {
                log::warn!(target: "field-agent", "unknown version command '{other}', ignored");
                return Ok(());
            }
        };
        self.core.updater.order(command);
        Ok(())
    }

    /// An answer counts only for the identity that asked.
    pub(super) async fn guarded<T>(
        &self,
        call: impl Future<Output = Result<T, ControllerError>>,
    ) -> Result<T, ControllerError> {
        let asking = self.core.config.borrow().token().to_owned();
        let answer = call.await?;
        if self.core.config.borrow().token() != asking {
            return Err(ControllerError::Superseded);
        }
        Ok(answer)
    }

    /// Prunes in the background: it may take long.
    pub(super) fn request_prune(&self) {
        let agent = self.clone();
        iofog_task::spawn(async move {
            match agent.prune().await {
                Ok(bytes) => log::info!(target: "field-agent", "pruning freed {bytes} bytes"),
                Err(error) => log::warn!(target: "field-agent", "pruning failed: {error}"),
            }
        });
    }

    /// Removes images that this Agent pulled and no microservice needs; says how many bytes that freed.
    pub async fn prune(&self) -> Result<u64, crate::domain::Failure> {
        self.save_state();
        let unused: Vec<String> = {
            let state = self.core.state.borrow();
            let needed =
                |image: &String| state.desired.workloads.iter().any(|one| one.image == *image);
            state.pulled.iter().filter(|image| !needed(image)).cloned().collect()
        };
        let freed = self.core.processes.prune(unused.clone()).await?;
        self.core.state.borrow_mut().pulled.retain(|image| !unused.contains(image));
        self.save_state();
        Ok(freed)
    }
}

/// Passes on what says that there is no Controller to talk to; the rest is logged and let be.
fn tolerate(doing: &str, result: Result<(), ControllerError>) -> Result<(), ControllerError> {
    match result {
        Err(error @ (ControllerError::Status { .. } | ControllerError::Malformed { .. }))
            if error.code() != Some(401) =>
        {
            log::warn!(target: "field-agent", "{doing}: {error}");
            Ok(())
        }
        result => result,
    }
}

fn reboot() {
    log::warn!(target: "field-agent", "rebooting by order of the controller");
    if let Err(error) = std::process::Command::new("shutdown").args(["-r", "now"]).spawn() {
        log::error!(target: "field-agent", "cannot reboot: {error}");
    }
}
