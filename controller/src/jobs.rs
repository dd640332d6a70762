//! Background jobs (controller contract 22): agents that fell silent, statuses and expiries written behind, clean-up.

use std::sync::Arc;
use std::time::Duration;

use iofog_api::ApiError;

use crate::app::{App, Work, now_ms};
use crate::domain::clock::Clock;
use crate::domain::fog::Fog;
use crate::live::Effect;
use crate::stop::Stop;
use crate::store;

/// How often statuses and expiries are written behind.
const WRITE_BEHIND: Duration = Duration::from_secs(2);
/// The same where other Controllers wait to hear of them.
const WRITE_BEHIND_SHARED: Duration = Duration::from_millis(500);
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
    // Silence is counted from here at the earliest.
    let mut since = 0;
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
        let (what, result) = match which {
            Job::Status => ("agent status", mark_silent(&app, since).await),
            Job::Flush => ("write behind", write_behind(&app).await),
            Job::Clean => ("clean up", clean_up(&app).await),
        };
        if let Err(error) = result {
            log::error!("job {what}: {error}");
        }
    }
    if let Err(error) = write_behind(&app).await {
        log::error!("job write behind: {error}");
    }
}

/// Agents that run but have not reported for several intervals become unknown, and so do their microservices. The time of
/// receipt counts, not the agent's clock.
async fn mark_silent(app: &Arc<App>, since: i64) -> Result<(), ApiError> {
    if !app.store().leads() {
        return Ok(());
    }
    let fogs = app.read(|work| Ok(store::fog::all(work.tx)?)).await?;
    let now = now_ms();
    for fog in fogs {
        let mut received = app.live.statuses.fog(&fog.uuid).received;
        if received > now {
            // The clock went back: from now on its silence counts again.
            app.live.statuses.update_fog(&fog.uuid, |status| status.received = now);
            received = now;
        }
        // An open link notices silence by itself.
        if app.live.links.get(&fog.uuid).is_none()
            && is_silent(&fog, received.max(since), now, app.settings.status_tolerance)
        {
            app.mark_unknown(&fog.uuid);
        }
    }
    Ok(())
}

fn is_silent(fog: &Fog, received: i64, now: i64, tolerance: i64) -> bool {
    let interval = fog.settings.status_frequency.max(1).saturating_mul(1000);
    now.saturating_sub(received) > interval.saturating_mul(tolerance)
}

async fn write_behind(app: &Arc<App>) -> Result<(), ApiError> {
    let changed = app.live.statuses.take_changed();
    let extended = app.live.sessions.take_extended(now_ms());
    if changed.fogs.is_empty() && changed.microservices.is_empty() && extended.is_empty() {
        return Ok(());
    }
    app.write(move |work: &mut Work<'_>| {
        work.effect(Effect::Written(
            changed.fogs.iter().map(|(uuid, _)| uuid.clone()).collect(),
            changed.microservices.iter().map(|(uuid, _)| uuid.clone()).collect(),
        ));
        for (uuid, status) in &changed.fogs {
            store::fog::put_status(work.tx, uuid, status)?;
        }
        for (uuid, status) in &changed.microservices {
            store::microservice::put_status(work.tx, uuid, status)?;
        }
        for (hash, is_agent, expires) in &extended {
            if *is_agent {
                store::token::extend_fog(work.tx, hash, *expires)?;
            } else {
                store::token::extend_user(work.tx, hash, *expires)?;
            }
        }
        work.effect(Effect::Extended(extended));
        Ok(())
    })
    .await
}

async fn clean_up(app: &Arc<App>) -> Result<(), ApiError> {
    if !app.store().leads() {
        return Ok(());
    }
    let shared = app.store().is_shared();
    // What was extended in memory has not expired.
    write_behind(app).await?;
    app.write(move |work| {
        store::token::delete_expired(work.tx, work.now)?;
        if shared {
            store::effect::delete_before(work.tx, work.now - EFFECTS_KEPT_MS)?;
        }
        Ok(())
    })
    .await
}
