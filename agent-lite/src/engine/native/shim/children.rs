//! Processes that end under this one: the container's first, a health check, whatever else was left to it.

use std::cell::Cell;

use rustix::process::{Pid, WaitOptions};
use tokio::sync::Notify;

/// Collects all of them in one place: nobody else may wait for children.
#[derive(Debug)]
pub(super) struct Children {
    main: u32,
    check: Cell<Option<u32>>,
    check_code: Cell<Option<i32>>,
    check_ended: Notify,
}

// === impl Children ===

impl Children {
    /// `main` is the container's first process.
    pub(super) fn new(main: u32) -> Self {
        Self {
            main,
            check: Cell::default(),
            check_code: Cell::default(),
            check_ended: Notify::new(),
        }
    }

    /// Collects what ended; the exit code of the container when it is among them: 128 and the signal when it was
    /// killed.
    pub(super) fn reap(&self) -> Option<i32> {
        loop {
            let (child, status) = rustix::process::wait(WaitOptions::NOHANG).ok()??;
            let signal = status.terminating_signal().map(|signal| 128 + signal);
            let code = status.exit_status().or(signal);
            let is = |pid: u32| Some(child) == Pid::from_raw(pid.cast_signed());
            if is(self.main) {
                return code;
            }
            if self.check.get().is_some_and(is) {
                self.check.set(None);
                self.check_code.set(code);
                self.check_ended.notify_one();
            }
        }
    }

    /// A child that was started just now is a health check; its end is told by [`Self::check_ended`].
    pub(super) fn expect_check(&self, pid: u32) {
        self.check.set(Some(pid));
        self.check_code.set(None);
    }

    /// Nobody waits for the check any more.
    pub(super) fn forget_check(&self) {
        self.check.set(None);
    }

    /// Exit code of the check once it ended.
    pub(super) async fn check_ended(&self) -> i32 {
        loop {
            if let Some(code) = self.check_code.take() {
                return code;
            }
            self.check_ended.notified().await;
        }
    }
}
