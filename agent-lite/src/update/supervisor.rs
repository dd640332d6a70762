//! Carries out version commands and watches a trial: the side of self-update that lives in the running Agent.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;

use super::gate::{Gate, Verdict};
use super::inquiry::{Inquiry, Trouble};
use super::launcher::{self, Launch};
use super::manifest::{MAX_BYTES, Manifest, ManifestError};
use super::plan::Refusal;
use super::record::{Program, Record, Trial};
use super::settings::{RELEASE, Settings, TARGET};
use super::slots::{self, Slots};
use super::source;
use crate::clock::Clock;

const LOOK: Duration = Duration::from_secs(1);
/// Microservices that a trial is judged by.
const MAX_WATCHED: usize = 64;

/// What the Controller may order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// To the newest release.
    Upgrade,
    /// To the program before.
    Rollback,
}

/// The node's health, as a trial is judged by it.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// It has an identity.
    pub provisioned: bool,
    /// The Controller is reached.
    pub connected: bool,
    /// Microservices that run.
    pub running: Vec<String>,
}

/// Why an update did not happen.
#[derive(Debug, thiserror::Error)]
enum UpdateError {
    /// No `update.conf`.
    #[error("no update source is configured")]
    NotConfigured,
    /// The rules forbid it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The manifest is not to be trusted or has nothing for this device.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Network or disk.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Handle on self-update; cheap to clone.
#[derive(Clone)]
pub struct Updater {
    shared: Rc<Shared>,
}

struct Shared {
    slots: Slots,
    settings: Option<Settings>,
    launch: Launch,
    record: RefCell<Record>,
    clock: Clock,
    offered: Cell<bool>,
    order: Cell<Option<Command>>,
    ordered: Notify,
    restart: Notify,
}

impl Updater {
    /// Takes over the boot record as the launcher left it.
    pub fn new(slots: Slots, settings: Option<Settings>, launch: Launch, clock: Clock) -> Self {
        let record = slots.load().unwrap_or_default();
        Self {
            shared: Rc::new(Shared {
                slots,
                settings,
                launch,
                record: RefCell::new(record),
                clock,
                offered: Cell::new(false),
                order: Cell::new(None),
                ordered: Notify::new(),
                restart: Notify::new(),
            }),
        }
    }

    /// `isReadyToUpgrade` and `isReadyToRollback` of the status.
    pub fn readiness(&self) -> (bool, bool) {
        let record = self.shared.record.borrow();
        let idle = record.trial.is_none();
        (idle && self.shared.offered.get(), idle && record.previous.is_some())
    }

    /// Takes an order; it is carried out by [`Updater::run`].
    pub fn order(&self, command: Command) {
        self.shared.order.set(Some(command));
        self.shared.ordered.notify_one();
    }

    /// Ends when the process is to start over from the installed program.
    pub async fn restart(&self) {
        self.shared.restart.notified().await;
    }

    /// Path of the installed program.
    pub fn factory(&self) -> &std::path::Path {
        &self.shared.launch.factory
    }

    /// Watches a trial first, then asks the source every `period`, sooner while it does not answer ([`Inquiry`]), and
    /// carries out orders.
    pub async fn run(self, period: Duration, facts: impl Fn() -> Facts) {
        self.watch_trial(&facts).await;
        let mut inquiry = Inquiry::new(period);
        loop {
            let pause = self.inquire(&mut inquiry).await;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.shared.ordered.notified() => {}
            }
            if let Some(command) = self.shared.order.take() {
                match self.carry_out(command, &facts).await {
                    Ok(()) => {
                        self.shared.restart.notify_one();
                        return std::future::pending().await;
                    }
                    Err(error) => {
                        log::warn!(target: "update", "{command:?} did not happen: {error}")
                    }
                }
            }
        }
    }

    /// Looks every second until the trial is decided. Without one it returns at once.
    async fn watch_trial(&self, facts: &impl Fn() -> Facts) {
        let Some(trial) = self.shared.record.borrow().trial.clone() else { return };
        if trial.program != self.shared.launch.program {
            // The launcher could not count the start: this is not the program on trial.
            return;
        }
        let (settle, window) = self
            .shared
            .settings
            .as_ref()
            .map_or((Duration::from_secs(60), Duration::from_secs(600)), |settings| {
                (settings.settle, settings.window)
            });
        log::info!(target: "update", "on trial for {} s", window.as_secs());
        let mut gate = Gate::new(self.shared.clock.mono(), settle, window);
        loop {
            tokio::time::sleep(LOOK).await;
            match gate.look(self.shared.clock.mono(), is_healthy(&trial, &facts())) {
                Verdict::Wait => {}
                Verdict::Keep => {
                    let next = self.shared.record.borrow().confirmed(RELEASE);
                    // Undecided on disk means that the next start may go back: tried again until it is written.
                    if let Err(error) = self.store(next) {
                        log::error!(target: "update", "the trial cannot be confirmed: {error}");
                        continue;
                    }
                    launcher::decided();
                    log::info!(target: "update", "release {} stays", self.version(self.shared.launch.program));
                    return;
                }
                Verdict::GiveUp => {
                    log::error!(target: "update", "release {} did not become healthy: going back", self.version(trial.program));
                    let next = self.shared.record.borrow().given_up(RELEASE);
                    if let Err(error) = self.store(next) {
                        log::error!(target: "update", "the trial cannot be ended: {error}");
                    }
                    launcher::decided();
                    self.shared.restart.notify_one();
                    return std::future::pending().await;
                }
            }
        }
    }

    /// Asks the source, tells what is new about its failure, and gives the pause until the next question.
    async fn inquire(&self, inquiry: &mut Inquiry) -> Duration {
        let error = match self.ask().await {
            Ok(()) => return inquiry.answered(),
            Err(error) => error,
        };
        let trouble = match &error {
            UpdateError::Io(error) => Trouble::Source(error.kind()),
            UpdateError::Manifest(error) => Trouble::Manifest(*error),
            // Nothing is wrong: there is nothing to ask.
            UpdateError::NotConfigured | UpdateError::Refused(_) => return inquiry.answered(),
        };
        let (pause, is_new) = inquiry.failed(trouble);
        let level = if is_new { log::Level::Warn } else { log::Level::Debug };
        log::log!(target: "update", level, "source: {error}; asking again in {} s", pause.as_secs());
        pause
    }

    /// Reads the manifest and notes whether it offers something.
    async fn ask(&self) -> Result<(), UpdateError> {
        let manifest = self.manifest().await?;
        let judged = self.shared.record.borrow().judge(manifest.version, RELEASE);
        self.shared.offered.set(judged.is_ok() && manifest.artefact(TARGET).is_ok());
        Ok(())
    }

    async fn manifest(&self) -> Result<Manifest, UpdateError> {
        let settings = self.shared.settings.as_ref().ok_or(UpdateError::NotConfigured)?;
        let mut text = Vec::new();
        source::fetch(&settings.source, "manifest", |piece| {
            text.extend_from_slice(piece);
            if text.len() > MAX_BYTES {
                Err(io::Error::other(ManifestError::TooLong))
            } else {
                Ok(())
            }
        })
        .await?;
        Ok(Manifest::verify(&text, &settings.keys)?)
    }

    async fn carry_out(
        &self,
        command: Command,
        facts: &impl Fn() -> Facts,
    ) -> Result<(), UpdateError> {
        let facts = facts();
        let mut running = facts.running;
        running.truncate(MAX_WATCHED);
        let trial =
            Trial { program: Program::Factory, starts: 0, provisioned: facts.provisioned, running };
        match command {
            Command::Rollback => {
                let next = self.shared.record.borrow().rolled_back(RELEASE, trial)?;
                log::info!(target: "update", "going back to the program before");
                self.store(next)?;
            }
            Command::Upgrade => self.install(trial).await?,
        }
        Ok(())
    }

    async fn install(&self, trial: Trial) -> Result<(), UpdateError> {
        let manifest = self.manifest().await?;
        self.shared.record.borrow().judge(manifest.version, RELEASE)?;
        let artefact = manifest.artefact(TARGET)?;
        let settings = self.shared.settings.as_ref().ok_or(UpdateError::NotConfigured)?;
        let slot = self.shared.record.borrow().free_slot();
        log::info!(target: "update", "fetching release {} ({})", manifest.version.0, manifest.name);
        let cleared = self.shared.record.borrow().cleared(slot);
        self.store(cleared)?;
        self.shared.slots.clear(slot);
        let mut incoming = self.shared.slots.receive(slot, artefact)?;
        source::fetch(&settings.source, &artefact.file, |piece| incoming.write(piece)).await?;
        incoming.finish(&self.shared.slots, slot, artefact)?;
        let installed = slots::installed(manifest.version, artefact);
        let staged = self.shared.record.borrow().staged(slot, installed, trial);
        self.store(staged)?;
        log::info!(target: "update", "release {} is in place; starting it", manifest.version.0);
        Ok(())
    }

    /// On disk first, then in memory.
    fn store(&self, next: Record) -> io::Result<()> {
        self.shared.slots.save(&next)?;
        *self.shared.record.borrow_mut() = next;
        Ok(())
    }

    fn version(&self, program: Program) -> u32 {
        self.shared.record.borrow().version_of(program, RELEASE).0
    }
}

fn is_healthy(trial: &Trial, facts: &Facts) -> bool {
    (facts.connected || !trial.provisioned)
        && trial.running.iter().all(|uuid| facts.running.contains(uuid))
}

#[cfg(test)]
mod tests;
