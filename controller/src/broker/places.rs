//! Asking the broker for one port: few at a time, each user a share of them, and no answer that nobody takes is lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use iofog_api::ApiError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, oneshot};
use tokio::time::{Instant, timeout_at};

use super::client::NoPort;
use super::no_port;
use crate::app::App;
use crate::domain::broker::{Given, Lease, Returned, Wanted};
use crate::settings::broker::Broker;
use crate::store;

/// Requests to the broker at one time.
static ASKING: Semaphore = Semaphore::const_new(8);
/// Of these, one user's.
const SHARE: usize = 2;
/// Users who ask, or wait for their turn.
static USERS: Mutex<Option<HashMap<i64, Arc<Semaphore>>>> = Mutex::new(None);
/// A port that no transaction has taken by then is given back: the request was refused, or the Controller ended in between.
const UNUSED_MS: i64 = 10 * 60 * 1000;

/// The places of one user.
pub(super) struct Places(Arc<Semaphore>);

impl Places {
    /// Of a user.
    pub(super) fn of(user: i64) -> Self {
        let mut users = USERS.lock().unwrap_or_else(PoisonError::into_inner);
        let users = users.get_or_insert_default();
        users.retain(|_, places| Arc::strong_count(places) > 1);
        let places = users.entry(user).or_insert_with(|| Arc::new(Semaphore::new(SHARE)));
        Self(Arc::clone(places))
    }

    /// Asks for a port. A token that nobody had before is noted as to be given back before it is used, and the port before it is told
    /// of; a transaction that takes them removes the notes.
    ///
    /// # Errors
    /// When there is none by `until`; the reason is in the log. One that comes later is given back.
    pub(super) async fn ask(
        &self,
        app: &Arc<App>,
        broker: &Broker,
        wanted: Wanted,
        until: Instant,
    ) -> Result<Given, ApiError> {
        let late = |_| {
            log::error!("port broker: it takes too long");
            no_port()
        };
        let own = Arc::clone(&self.0).acquire_owned();
        let own = timeout_at(until, own).await.map_err(late)?.map_err(|_| no_port())?;
        let turn = timeout_at(until, ASKING.acquire()).await.map_err(late)?;
        let turn = turn.map_err(|_| no_port())?;
        if wanted.is_new {
            let token = Returned::ServerToken(wanted.server_token.clone());
            note(app, token, UNUSED_MS).await?;
        }
        let (sender, mut answer) = oneshot::channel();
        let asking = Asking { app: Arc::clone(app), broker: broker.clone(), _places: (own, turn) };
        tokio::spawn(asking.run(wanted.clone(), sender));
        let lease = match timeout_at(until, &mut answer).await {
            Ok(lease) => lease.ok().flatten(),
            Err(elapsed) => {
                late(elapsed);
                // Either it is here after all, or whoever sends it finds nobody and gives it back.
                answer.close();
                answer.try_recv().ok().flatten()
            }
        };
        lease.map(|lease| Given { wanted, lease }).ok_or_else(no_port)
    }
}

/// A request to the broker that goes on when nobody waits for it any more.
struct Asking {
    app: Arc<App>,
    broker: Broker,
    /// Held to the end, so that a broker that hangs gets few requests.
    _places: (OwnedSemaphorePermit, SemaphorePermit<'static>),
}

impl Asking {
    async fn run(self, wanted: Wanted, answer: oneshot::Sender<Option<Lease>>) {
        let lease = match self.broker.open(&wanted.server_token).await {
            Ok(lease) => self.noted(lease).await,
            Err(NoPort { why, uuid }) => {
                log::error!("port broker: {why:#}");
                if let Some(uuid) = uuid {
                    self.unwanted(uuid).await;
                }
                None
            }
        };
        if let Err(Some(lease)) = answer.send(lease) {
            self.unwanted(lease.uuid).await;
        }
    }

    /// The port, noted; none when somebody has it already, which only a broker that errs gives.
    async fn noted(&self, lease: Lease) -> Option<Lease> {
        let uuid = lease.uuid.clone();
        let noting = self.app.write(move |work| {
            let port = Returned::Port(uuid.clone());
            let had = store::broker_port::has_port(work.tx, &uuid)?
                || store::broker_port::is_returned(work.tx, &port)?;
            if !had {
                store::broker_port::give_back(work.tx, &port, work.now + UNUSED_MS)?;
            }
            Ok(had)
        });
        match noting.await {
            Ok(false) => Some(lease),
            Ok(true) => {
                log::error!("port broker: it gives a port that somebody has: {}", lease.uuid);
                None
            }
            Err(error) => {
                log::error!("port broker: {error}");
                self.unwanted(lease.uuid).await;
                None
            }
        }
    }

    /// Gives a port back that nobody has: by a note, or where none can be written, at once.
    async fn unwanted(&self, uuid: String) {
        let (port, name) = (Returned::Port(uuid.clone()), uuid);
        let noted = port.clone();
        let noting = self.app.write(move |work| {
            let had = store::broker_port::has_port(work.tx, &name)?;
            if !had {
                store::broker_port::give_back(work.tx, &noted, work.now)?;
            }
            Ok(())
        });
        match noting.await {
            Ok(()) => self.app.returns.notify_one(),
            Err(_) => {
                if let Err(error) = self.broker.give_back(&port).await {
                    log::error!("port broker: a port is lost: {error:#}");
                }
            }
        }
    }
}

async fn note(app: &Arc<App>, what: Returned, in_ms: i64) -> Result<(), ApiError> {
    app.write(move |work| Ok(store::broker_port::give_back(work.tx, &what, work.now + in_ms)?))
        .await
}
