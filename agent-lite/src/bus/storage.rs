//! Opening the folder of messages: a bus without it runs, and tries again.

use std::rc::Rc;

use super::former;
use super::handle::Shared;
use super::message_log::MessageLog;

/// Opens the folder and takes back what it holds; false when that failed, which is noted.
pub(super) fn open(shared: &Shared) -> bool {
    let folder = shared.context.place().message_dir.join("outbox");
    let (mut log, mut recovery) = match MessageLog::open(&folder, shared.options.segment_bytes) {
        Ok(opened) => opened,
        Err(error) => {
            let reason = format!("{} cannot be used: {error}", folder.display());
            let mut closed = shared.closed.borrow_mut();
            let since = closed.as_ref().map_or_else(|| shared.now(), |(_, since)| *since);
            if closed.as_ref().is_none_or(|(known, _)| *known != reason) {
                log::error!(target: "bus", "messages wait for their folder: {reason}");
            }
            *closed = Some((reason, since));
            return false;
        }
    };
    former::bring_over(shared.context.state_dir(), &folder, &mut log, &mut recovery);
    if recovery.lost_bytes > 0 {
        log::warn!(target: "bus", "message log ended torn: {} bytes cut off", recovery.lost_bytes);
    }
    let mut outbox = shared.outbox.borrow_mut();
    outbox.take_back(recovery, shared.now());
    shared.log.replace(log);
    if shared.closed.take().is_some() {
        log::info!(target: "bus", "the folder of messages is open");
    }
    let lanes: Vec<_> = outbox.lanes().cloned().collect();
    drop(outbox);
    lanes.into_iter().for_each(|lane| shared.wake(lane));
    true
}

/// Tries again until the folder is open.
pub(super) async fn reopen(shared: Rc<Shared>) {
    loop {
        tokio::time::sleep(shared.options.reopen).await;
        if open(&shared) {
            return;
        }
    }
}
