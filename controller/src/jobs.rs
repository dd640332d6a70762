//! Background jobs (controller contract 22): agents that fell silent, stopped applications, statuses and expiries written
//! behind, clean-up.

use std::sync::Arc;
use std::time::Duration;

use iofog_api::{ApiError, FogUuid, MicroserviceUuid};

use crate::app::{App, Work, now_ms};
use crate::domain::clock::Clock;
use crate::domain::fog::Fog;
use crate::domain::status::{FogStatus, MicroserviceStatus};
use crate::live::Effect;
use crate::live::sessions::Extended;
use crate::live::statuses::Changed;
use crate::stop::Stop;
use crate::store;

/// How often statuses and expiries are written behind: what matters each time, times and measurements once in a round.
const WRITE_BEHIND: Duration = Duration::from_secs(2);
/// Rows of one such transaction: what users change must not wait long for its turn.
const ROWS: usize = 500;
/// The same where other Controllers wait to hear of them.
const WRITE_BEHIND_SHARED: Duration = Duration::from_millis(500);
/// Agents read at a time, so that nobody's read waits for all of them.
const AGENTS: i64 = 200;
/// How often expired rows are removed.
const CLEAN_UP: Duration = Duration::from_secs(600);
/// How long a Controller may be cut off before it has to read everything again.
const EFFECTS_KEPT_MS: i64 = 10 * 60 * 1000;

enum Job {
    Status,
    Flush,
    Clean,
}

/// Runs the jobs until `stop` turns true; writes behind once more at the end.
pub async fn run(app: Arc<App>, mut stop: Stop) {
    let mut status = tokio::time::interval(Duration::from_millis(app.settings.status_job_ms));
    let behind = if app.store().is_shared() { WRITE_BEHIND_SHARED } else { WRITE_BEHIND };
    let mut flush = tokio::time::interval(behind);
    let mut clean = tokio::time::interval(CLEAN_UP);
    let mut clock = Clock::new(now_ms(), app.steady_ms());
    // Silence is counted from here at the earliest: what a crash lost makes nobody silent.
    let mut since = now_ms();
    // Others can hear of a report only once it is written.
    let all = app.store().is_shared();
    let mut is_well = true;
    loop {
        let which = tokio::select! {
            () = stop.wait() => break,
            _ = status.tick() => Job::Status,
            _ = flush.tick() => Job::Flush,
            _ = clean.tick() => Job::Clean,
        };
        if let Some(jump) = clock.look(now_ms(), app.steady_ms()) {
            log::warn!("the clock jumped by {} ms", jump.to.saturating_sub(jump.from));
            app.live.sessions.jumped(jump.from, jump.to);
            since = jump.to;
        }
        is_well = watch(&app, is_well);
        let (what, result) = match which {
            Job::Status => {
                let silent = mark_silent(&app, since).await;
                ("agent status", silent.and(mark_stopped(&app).await))
            }
            Job::Flush => ("write behind", write_behind(&app, all).await),
            Job::Clean => ("clean up", clean_up(&app).await),
        };
        if let Err(error) = result {
            log::error!("job {what}: {error}");
        }
    }
    if let Err(error) = write_behind(&app, true).await {
        log::error!("job write behind: {error}");
    }
}

/// Says when what is stored would not be found again, and when it would once more; true while it would.
fn watch(app: &App, was_well: bool) -> bool {
    match app.store().check() {
        Ok(()) => {
            if !was_well {
                log::warn!("the database file is back in its place: writes are taken again");
            }
            true
        }
        Err(error) => {
            if was_well {
                log::error!("writes are refused until the database is put back: {error}");
            }
            false
        }
    }
}

/// Agents that run but have not reported for several intervals become unknown, and so do their microservices. The time of
/// receipt counts, not the agent's clock; nobody was silent before `since`.
async fn mark_silent(app: &Arc<App>, since: i64) -> Result<(), ApiError> {
    if !app.store().leads() {
        return Ok(());
    }
    let mut last = None;
    loop {
        let from = last.take();
        let fogs =
            app.read(move |work| Ok(store::fog::after(work.tx, from.as_ref(), AGENTS)?)).await?;
        let Some(fog) = fogs.last() else { return Ok(()) };
        last = Some(fog.uuid.clone());
        let now = now_ms();
        fogs.iter().for_each(|fog| judge(app, fog, since, now));
    }
}

/// Marks an agent unknown if it has been silent for too long.
fn judge(app: &App, fog: &Fog, since: i64, now: i64) {
    let mut received = app.live.statuses.with_fog(&fog.uuid, |status| status.received);
    if received > now {
        // The clock went back: from now on its silence counts again.
        app.live.statuses.update_fog(&fog.uuid, |status| status.received = now);
        received = now;
    }
    // An open link notices silence by itself.
    if app.live.links.get(&fog.uuid).is_none()
        && is_silent(fog, received.max(since), now, app.settings.status_tolerance)
    {
        app.mark_unknown(&fog.uuid);
    }
}

/// Microservices of stopped applications whose containers are going or gone count as stopped: their agent says no more of them.
async fn mark_stopped(app: &Arc<App>) -> Result<(), ApiError> {
    if !app.store().leads() {
        return Ok(());
    }
    let stopped =
        app.read(|work| Ok(store::microservice::of_stopped_applications(work.tx)?)).await?;
    for uuid in stopped {
        app.live.statuses.update_microservice(&uuid, |status| {
            if matches!(status.status.as_str(), "DELETING" | "DELETED") {
                "STOPPED".clone_into(&mut status.status);
            }
        });
    }
    Ok(())
}

fn is_silent(fog: &Fog, received: i64, now: i64, tolerance: i64) -> bool {
    let interval = fog.settings.status_frequency.max(1).saturating_mul(1000);
    now.saturating_sub(received) > interval.saturating_mul(tolerance)
}

/// Writes what is due, or all that changed.
async fn write_behind(app: &Arc<App>, all: bool) -> Result<(), ApiError> {
    let Changed { mut fogs, mut microservices } = app.live.statuses.take_changed(all);
    let mut extended = app.live.sessions.take_extended(now_ms(), all);
    while !(fogs.is_empty() && microservices.is_empty() && extended.is_empty()) {
        let fogs = first(&mut fogs);
        let microservices = first(&mut microservices);
        let extended = first(&mut extended);
        app.write(move |work| write_rows(work, &fogs, &microservices, extended)).await?;
    }
    Ok(())
}

/// Takes up to [`ROWS`] off a list.
fn first<T>(list: &mut Vec<T>) -> Vec<T> {
    list.split_off(list.len().saturating_sub(ROWS))
}

fn write_rows(
    work: &mut Work<'_>,
    fogs: &[(FogUuid, FogStatus)],
    microservices: &[(MicroserviceUuid, MicroserviceStatus)],
    extended: Vec<Extended>,
) -> Result<(), ApiError> {
    for (uuid, status) in fogs {
        store::fog::put_status(work.tx, uuid, status)?;
    }
    for (uuid, status) in microservices {
        store::microservice::put_status(work.tx, uuid, status)?;
    }
    for (hash, is_agent, expires) in &extended {
        if *is_agent {
            store::token::extend_fog(work.tx, hash, *expires)?;
        } else {
            store::token::extend_user(work.tx, hash, *expires)?;
        }
    }
    work.effect(Effect::Written(
        fogs.iter().map(|(uuid, _)| uuid.clone()).collect(),
        microservices.iter().map(|(uuid, _)| uuid.clone()).collect(),
    ));
    work.effect(Effect::Extended(extended));
    Ok(())
}

async fn clean_up(app: &Arc<App>) -> Result<(), ApiError> {
    if !app.store().leads() {
        return Ok(());
    }
    let shared = app.store().is_shared();
    // What was extended in memory has not expired.
    write_behind(app, true).await?;
    app.write(move |work| {
        store::token::delete_expired(work.tx, work.now)?;
        store::activation::delete_expired(work.tx, work.now)?;
        if shared {
            store::effect::delete_before(work.tx, work.now - EFFECTS_KEPT_MS)?;
        }
        Ok(())
    })
    .await
}
