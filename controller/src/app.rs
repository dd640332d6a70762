//! The running Controller: settings, store and live state, and the way to run a transaction.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use iofog_api::{ApiError, FogUuid, MicroserviceUuid, time};
use tokio::sync::{mpsc, oneshot};

use crate::domain::change::Flags;
use crate::domain::microservice::Microservice;
use crate::domain::status::{FogStatus, MicroserviceStatus};
use crate::http::budget::Budget;
use crate::http::limits::Limits;
use crate::http::metrics::Metrics;
use crate::live::{Effect, Live};
use crate::notify::{self, Notice};
use crate::ops::broker_port::Exchange;
use crate::settings::Settings;
use crate::store::{self, Done, Job, Store, Tx};
use crate::viewer;

/// Rows of change flags that may wait for an agent before they become one: it may be away for months.
const UNHEARD: usize = 32;

/// Everything that requests share.
pub struct App {
    /// Settings.
    pub settings: Settings,
    /// Live state.
    pub live: Live,
    /// When the program started.
    pub started: Instant,
    /// Names this process among the Controllers on its database.
    pub origin: String,
    /// Guesses that failed.
    pub limits: Limits,
    /// Memory for bodies and answers.
    pub budget: Arc<Budget>,
    /// Counters.
    pub metrics: Metrics,
    /// Version of the viewer, as far as its folder tells; else the contract's.
    pub viewer_version: String,
    /// Something is noted as to be given back to the port broker.
    pub returns: tokio::sync::Notify,
    /// Somebody asked for the end.
    asked: tokio::sync::Notify,
    notices: mpsc::Sender<Notice>,
    noticed: Mutex<Option<mpsc::Receiver<Notice>>>,
    store: Box<dyn Store>,
}

/// A transaction in progress, with what it leaves behind once committed.
pub struct Work<'a> {
    /// The rows.
    pub tx: &'a mut dyn Tx,
    /// Settings.
    pub settings: &'a Settings,
    /// Live state as of the last commit.
    pub live: &'a Live,
    /// Now, epoch ms.
    pub now: i64,
    /// Ports of the port broker that are at hand, and those that are lacking.
    pub broker: Exchange,
    store: &'a dyn Store,
    stamp: Option<i64>,
    effects: Vec<Effect>,
    notices: Vec<Notice>,
}

/// Epoch ms of the system clock.
#[must_use]
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl App {
    /// Puts the Controller together; [`crate::start`] fills it.
    #[must_use]
    pub fn new(settings: Settings, store: Box<dyn Store>, origin: String) -> Arc<Self> {
        let (live, started) = (Live::default(), Instant::now());
        let (limits, metrics) = (Limits::default(), Metrics::default());
        let budget = Budget::new(settings.buffers);
        let viewer = settings.viewer.as_ref();
        let viewer_version = viewer
            .and_then(|viewer| viewer::version(&viewer.folder))
            .unwrap_or_else(|| viewer::CONTRACT_VERSION.to_owned());
        let (returns, asked) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
        let (notices, noticed) = mpsc::channel(notify::WAITING);
        let noticed = Mutex::new(Some(noticed));
        Arc::new(Self {
            settings,
            live,
            started,
            origin,
            limits,
            budget,
            metrics,
            viewer_version,
            returns,
            asked,
            notices,
            noticed,
            store,
        })
    }

    /// What is to be told of agents; the first who asks gets it.
    #[must_use]
    pub fn notices(&self) -> Option<mpsc::Receiver<Notice>> {
        self.noticed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Asks the program to end, as SIGTERM does.
    pub fn ask_to_stop(&self) {
        self.asked.notify_one();
    }

    /// Waits for that.
    pub async fn asked_to_stop(&self) {
        self.asked.notified().await;
    }

    /// Milliseconds since the start, on a clock that never jumps.
    #[must_use]
    pub fn steady_ms(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// The database behind it.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Runs a transaction that may write; answers after its commit.
    ///
    /// # Errors
    /// What `body` refuses, after rolling back; or a failure of the store.
    pub async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        body: impl FnOnce(&mut Work<'_>) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let (sender, receiver) = oneshot::channel();
        self.store.write(self.job(body, sender));
        receiver.await.unwrap_or_else(|_| Err(ApiError::internal("store gave no answer")))
    }

    /// Runs a transaction that only reads.
    ///
    /// # Errors
    /// What `body` refuses, or a failure of the store.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        body: impl FnOnce(&mut Work<'_>) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let (sender, receiver) = oneshot::channel();
        self.store.read(self.job(body, sender));
        receiver.await.unwrap_or_else(|_| Err(ApiError::internal("store gave no answer")))
    }

    /// Queues a transaction nobody waits for; a failure is logged.
    pub fn write_behind(
        self: &Arc<Self>,
        what: &'static str,
        body: impl FnOnce(&mut Work<'_>) -> Result<(), ApiError> + Send + 'static,
    ) {
        let (sender, receiver) = oneshot::channel::<Result<(), ApiError>>();
        self.store.write(self.job(body, sender));
        tokio::spawn(async move {
            if let Ok(Err(error)) = receiver.await {
                log::error!("{what}: {error}");
            }
        });
    }

    /// An agent fell silent: it becomes unknown, and so do its microservices.
    pub fn mark_unknown(&self, fog: &FogUuid) {
        if self.live.statuses.with_fog(fog, |status| status.daemon_status != "RUNNING") {
            return;
        }
        log::warn!("agent {fog} fell silent");
        self.live.statuses.update_fog(fog, |status| {
            "UNKNOWN".clone_into(&mut status.daemon_status);
        });
        for uuid in self.live.owners.on(fog) {
            self.live.statuses.update_microservice(&uuid, |status| {
                "UNKNOWN".clone_into(&mut status.status);
            });
        }
    }

    fn job<T: Send + 'static>(
        self: &Arc<Self>,
        body: impl FnOnce(&mut Work<'_>) -> Result<T, ApiError> + Send + 'static,
        sender: oneshot::Sender<Result<T, ApiError>>,
    ) -> Job {
        let app = Arc::clone(self);
        Box::new(move |tx| {
            let mut work = Work::new(tx, &app);
            let mut result = body(&mut work);
            let effects = std::mem::take(&mut work.effects);
            let notices = std::mem::take(&mut work.notices);
            if result.is_ok()
                && let Err(error) = work.publish(&app.origin, &effects)
            {
                result = Err(error);
            }
            let keep = result.is_ok();
            let answer = Box::new(move |stored: Result<(), String>| {
                let result = match stored {
                    Ok(()) => result,
                    Err(error) => result.and(Err(ApiError::internal(error))),
                };
                if result.is_ok() {
                    app.live.apply(effects);
                    // Too many wait: those are not told.
                    notices.into_iter().for_each(|notice| drop(app.notices.try_send(notice)));
                }
                // A caller that went away needs no answer.
                let _ = sender.send(result);
            });
            Done { keep, answer }
        })
    }
}

impl<'a> Work<'a> {
    fn new(tx: &'a mut dyn Tx, app: &'a App) -> Self {
        Self {
            tx,
            settings: &app.settings,
            live: &app.live,
            now: now_ms(),
            broker: Exchange::default(),
            store: &*app.store,
            stamp: None,
            effects: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// Tells the other Controllers on the database, with the commit, what it changes in memory.
    fn publish(&mut self, origin: &str, effects: &[Effect]) -> Result<(), ApiError> {
        if effects.is_empty() || !self.store.is_shared() {
            return Ok(());
        }
        let document = serde_json::to_string(effects).map_err(store::StoreError::from)?;
        Ok(store::effect::insert(self.tx, origin, self.now, &document)?)
    }

    /// Rows were inserted with ids of their own: ids that the database gives follow them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn ids_given(&mut self) -> Result<(), ApiError> {
        Ok(self.store.ids_given(self.tx)?)
    }

    /// The stamp of this transaction's flags.
    fn stamp(&mut self) -> Result<i64, ApiError> {
        if let Some(stamp) = self.stamp {
            return Ok(stamp);
        }
        // Above what was given here, and above what is written down: the clock may have gone back since the last start.
        let floor = self.live.board.stamp(self.now);
        let stamp = store::change::next_stamp(self.tx, floor)?;
        self.stamp = Some(stamp);
        Ok(stamp)
    }

    /// Sets change flags for an agent.
    ///
    /// # Errors
    /// When the database fails.
    pub fn flag(&mut self, fog: &FogUuid, flags: Flags) -> Result<(), ApiError> {
        let stamp = self.stamp()?;
        let mut flags = flags;
        if self.live.board.waiting(fog) >= UNHEARD {
            // One row for all: whoever has read some of them already is told of those once more.
            let (all, newest) = store::change::take_all(self.tx, fog)?;
            flags = flags.with(all);
            self.effects.push(Effect::Flags(fog.clone(), stamp, flags));
            if newest < time::iso(stamp) {
                self.effects.push(Effect::Acknowledged(fog.clone(), newest));
            }
        } else {
            self.effects.push(Effect::Flags(fog.clone(), stamp, flags));
        }
        store::change::insert(self.tx, fog, &time::iso(stamp), flags)?;
        Ok(())
    }

    /// Adds a microservice's row; it waits for its agent.
    ///
    /// # Errors
    /// When the database fails or the name is taken.
    pub fn insert_microservice(&mut self, new: &Microservice) -> Result<(), ApiError> {
        store::microservice::insert(self.tx, new)?;
        self.effects.push(Effect::Placed(new.uuid.clone(), new.fog.clone()));
        self.set_status(&new.uuid, Some(MicroserviceStatus::queued(self.now)));
        Ok(())
    }

    /// Writes a microservice's row.
    ///
    /// # Errors
    /// When the database fails or the name is taken.
    pub fn update_microservice(&mut self, changed: &Microservice) -> Result<(), ApiError> {
        store::microservice::update(self.tx, changed)?;
        self.effects.push(Effect::Placed(changed.uuid.clone(), changed.fog.clone()));
        Ok(())
    }

    /// Removes a microservice's row and status.
    ///
    /// # Errors
    /// When the database fails.
    pub fn delete_microservice(&mut self, uuid: &MicroserviceUuid) -> Result<(), ApiError> {
        store::microservice::delete(self.tx, uuid)?;
        self.effects.push(Effect::Placed(uuid.clone(), None));
        self.set_status(uuid, None);
        Ok(())
    }

    /// Sets, or with none forgets, a microservice's status once committed.
    pub fn set_status(&mut self, uuid: &MicroserviceUuid, status: Option<MicroserviceStatus>) {
        self.effects.push(Effect::Microservice(uuid.clone(), status));
    }

    /// Sets an agent's status once committed.
    pub fn set_fog_status(&mut self, uuid: &FogUuid, status: FogStatus) {
        self.effects.push(Effect::Fog(uuid.clone(), Box::new(status)));
    }

    /// Tells a virtual node once committed.
    pub fn notice(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// Leaves something else behind once committed.
    pub fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }
}
