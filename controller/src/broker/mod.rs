//! The external port broker beside the transactions: ports are asked for before the transaction that needs them is kept, and given
//! back after the one that no longer does (decision 0090).

mod client;
mod places;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use iofog_api::{ApiError, ErrorClass};
use tokio::time::Instant;

use crate::app::{App, Work, now_ms};
use crate::domain::broker::{Given, Wanted};
use crate::http::{Caller, Request};
use crate::ops::broker_port::Exchange;
use crate::settings::broker::Broker;
use crate::stop::Stop;
use crate::store;

use places::Places;

/// How long one request may wait for the broker altogether.
const PATIENCE: Duration = Duration::from_secs(30);
/// Ports that a try may ask for.
const MOST: usize = 64;
/// What others change between two tries makes a third one needed, and so on; not for ever.
const TRIES: usize = 4;
/// How often the notes of what is to be given back are read when nobody says that there are some.
const ROUND: Duration = Duration::from_secs(5);
/// Pause before something is tried again that the broker did not take.
const AGAIN_MS: i64 = 30 * 1000;
/// Notes read at a time.
const AT_A_TIME: i64 = 64;

/// Runs a transaction of a user's that may need ports of the broker. It is run without them first and tells, by what it notes in
/// [`Exchange::wanted`], which; those are asked for and it is run again. Agents order no ports: theirs is run once.
///
/// # Errors
/// What `body` refuses; or that the broker gave no port, the reason is in the log.
pub async fn write<T: Send + 'static>(
    app: &Arc<App>,
    mut request: Request,
    body: impl Fn(&mut Work<'_>, &mut Request) -> Result<T, ApiError> + Copy + Send + 'static,
) -> Result<T, ApiError> {
    let (Some(broker), Caller::User(user)) = (app.settings.broker.clone(), &request.caller) else {
        return app.write(move |work| body(work, &mut request)).await;
    };
    let (app, places) = (Arc::clone(app), Places::of(*user));
    // In a task of its own: who hangs up does not keep it from giving back what was not taken.
    let exchange = tokio::spawn(async move {
        let mut given = Vec::new();
        let outcome = with_ports(&app, &broker, &places, &request, body, &mut given).await;
        if !given.is_empty() {
            give_back_soon(&app, given).await;
        }
        app.returns.notify_one();
        outcome
    });
    exchange.await.unwrap_or_else(|_| Err(no_port()))
}

/// Those that were not taken; the note of a taken one is gone.
async fn give_back_soon(app: &Arc<App>, given: Vec<Given>) {
    let noting = app.write(move |work| {
        for what in given.iter().flat_map(Given::notes) {
            store::broker_port::set_due(work.tx, &what, work.now)?;
        }
        Ok(())
    });
    if let Err(error) = noting.await {
        // They are given back when their notes are due.
        log::error!("port broker: {error}");
    }
}

async fn with_ports<T: Send + 'static>(
    app: &Arc<App>,
    broker: &Broker,
    places: &Places,
    request: &Request,
    body: impl Fn(&mut Work<'_>, &mut Request) -> Result<T, ApiError> + Copy + Send + 'static,
    given: &mut Vec<Given>,
) -> Result<T, ApiError> {
    let until = Instant::now() + PATIENCE;
    for _ in 0..TRIES {
        let lacking: Arc<Mutex<Vec<Wanted>>> = Arc::default();
        let (told, mut request, leases) = (Arc::clone(&lacking), request.clone(), given.clone());
        let outcome = app
            .write(move |work| {
                work.broker = Exchange { given: leases, wanted: Vec::new() };
                let outcome = body(work, &mut request)?;
                if work.broker.wanted.is_empty() {
                    return Ok(outcome);
                }
                *told.lock().unwrap_or_else(PoisonError::into_inner) =
                    std::mem::take(&mut work.broker.wanted);
                // Never told: it rolls back what was tried without the ports.
                Err(no_port())
            })
            .await;
        let wanted = std::mem::take(&mut *lacking.lock().unwrap_or_else(PoisonError::into_inner));
        if wanted.is_empty() {
            return outcome;
        }
        if wanted.len() > MOST {
            let text = format!("A request may ask for at most {MOST} ports of the port broker");
            return Err(ApiError::validation(text));
        }
        for one in wanted {
            given.push(places.ask(app, broker, one, until).await?);
        }
    }
    log::error!("port broker: others change what a request needs each time it is tried");
    Err(no_port())
}

fn no_port() -> ApiError {
    ApiError::new(ErrorClass::PortBroker, "The port broker gave no port, try again later")
}

/// Gives back what is noted until `stop`; a crash leaves the notes.
pub async fn run(app: Arc<App>, mut stop: Stop) {
    let Some(broker) = app.settings.broker.clone() else { return };
    let mut round = tokio::time::interval(ROUND);
    loop {
        tokio::select! {
            () = stop.wait() => break,
            () = app.returns.notified() => {}
            _ = round.tick() => {}
        }
        if !app.store().leads() {
            continue;
        }
        tokio::select! {
            () = stop.wait() => break,
            result = give_back(&app, &broker) => if let Err(error) = result {
                log::error!("port broker: {error}");
            }
        }
    }
}

async fn give_back(app: &Arc<App>, broker: &Broker) -> Result<(), ApiError> {
    loop {
        let due = app
            .read(move |work| Ok(store::broker_port::due(work.tx, now_ms(), AT_A_TIME)?))
            .await?;
        if due.is_empty() {
            return Ok(());
        }
        for what in due {
            let result = broker.give_back(&what).await;
            if let Err(error) = &result {
                log::warn!("port broker: something was not given back: {error:#}");
            }
            app.write(move |work| {
                match result {
                    Ok(()) => drop(store::broker_port::keep(work.tx, &what)?),
                    Err(_) => store::broker_port::set_due(work.tx, &what, work.now + AGAIN_MS)?,
                }
                Ok(())
            })
            .await?;
        }
    }
}
