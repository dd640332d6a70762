//! Group commit: messages that arrive together share one write and one sync. What was consumed in the
//! meantime never touches the disk.

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::handle::Shared;
use super::message_log::MessageLog;
use super::outbox::Outbox;

/// Settlements are only written so that a restart repeats less: they can wait.
const SETTLEMENT_DELAY: Duration = Duration::from_secs(1);
/// A slow disk must not hold up the one thread more than a fifth of the time.
const REST_FACTOR: u32 = 4;
/// Messages moved out of a pinned segment at once.
const MOVED_AT_ONCE: usize = 64;

/// Writes whenever something is dirty.
pub(super) async fn run(shared: Rc<Shared>) {
    let mut rest = Duration::ZERO;
    loop {
        shared.dirty.notified().await;
        wait(&shared, rest).await;
        let start = Instant::now();
        commit(&shared);
        rest = start.elapsed() * REST_FACTOR;
    }
}

/// Waits until something must be written now.
async fn wait(shared: &Shared, rest: Duration) {
    let mut due = None;
    loop {
        if shared.outbox.borrow().has_unwritten() {
            tokio::time::sleep(rest).await;
            ripen(shared).await;
        }
        let (messages, any) = {
            let outbox = shared.outbox.borrow();
            (outbox.has_unwritten(), outbox.needs_write())
        };
        if messages || !any {
            return;
        }
        let due = *due.get_or_insert_with(|| tokio::time::Instant::now() + SETTLEMENT_DELAY);
        tokio::select! {
            () = tokio::time::sleep_until(due) => return,
            () = shared.dirty.notified() => {}
        }
    }
}

/// Waits until the oldest message that is not on disk has waited long enough, or none is left: what is consumed as fast as
/// it comes is never written, however much it is.
async fn ripen(shared: &Shared) {
    let delay = u64::try_from(shared.options.commit_delay.as_millis()).unwrap_or(u64::MAX);
    loop {
        let Some(since) = shared.outbox.borrow().oldest_unwritten() else { return };
        let age = shared.now().saturating_sub(since);
        if age >= delay {
            return;
        }
        tokio::time::sleep(Duration::from_millis(delay - age)).await;
    }
}

/// Writes all that must be written; syncs when there are messages in it.
pub(super) fn commit(shared: &Shared) {
    let (mut outbox, mut log) = (shared.outbox.borrow_mut(), shared.log.borrow_mut());
    if !outbox.needs_write() {
        return;
    }
    if let Err(error) = write(&mut outbox, &mut log) {
        log::warn!("message log cannot be written: {error}");
        shared.failed_writes.set(shared.failed_writes.get().wrapping_add(1));
    }
    drop((outbox, log));
    shared.progress.notify_waiters();
}

/// The same without tasks around it; after an error nothing counts as written, and all is written again next time.
pub(super) fn write(outbox: &mut Outbox, log: &mut MessageLog) -> io::Result<()> {
    let settled = outbox.unwritten_settlements();
    let messages = outbox.has_unwritten();
    let stored = log.append(outbox.unwritten(), &settled)?;
    if messages && let Err(error) = log.sync() {
        stored.into_iter().for_each(|(_, at)| log.release(at));
        return Err(error);
    }
    outbox.written(stored).into_iter().for_each(|at| log.release(at));
    if let Some(segment) = log.pinning() {
        move_out(outbox, log, segment);
    }
    Ok(())
}

/// Appends the live messages of an old segment again, so that it and those behind it can go.
fn move_out(outbox: &mut Outbox, log: &mut MessageLog, segment: u32) {
    let mut stored = outbox.stored_where(|at| MessageLog::is_in(at, segment));
    stored.truncate(MOVED_AT_ONCE);
    let mut moved = Vec::new();
    for (seq, at) in stored {
        let (Ok(payload), Some((priority, lane))) = (log.read(at), outbox.about(seq)) else {
            continue;
        };
        let lane = lane.clone();
        let one = std::iter::once((seq, priority, &lane, &payload));
        let Ok(places) = log.append(one, &[]) else { break };
        moved.extend(places);
    }
    if !moved.is_empty() && log.sync().is_ok() {
        outbox.written(moved).into_iter().for_each(|at| log.release(at));
    }
}

#[cfg(test)]
mod faults;
