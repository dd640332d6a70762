//! Orders of the system to end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT, as they come.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

// === impl Signals ===

impl Signals {
    /// Hears them from now on, in the place of their default, which ends the process.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn listen() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Resolves at the next of either.
    pub(crate) async fn given(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Whether one has come that nobody waited for.
    pub(crate) async fn came(&mut self) -> bool {
        // The runtime hears of signals between two rounds of its tasks.
        tokio::task::yield_now().await;
        tokio::select! {
            biased;
            () = self.given() => true,
            () = std::future::ready(()) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};
    use tokio::task::LocalSet;

    use super::Signals;

    /// An update's start-over and an order to end at the same time: the order is not lost.
    #[test]
    fn a_signal_that_nobody_waits_for_is_noted() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let (mut signals, mut other) = (Signals::listen().unwrap(), Signals::listen().unwrap());
            assert!(!signals.came().await);
            kill_process(getpid(), Signal::TERM).unwrap();
            // Another thread may take it, some time.
            other.given().await;
            assert!(signals.came().await);
            assert!(!signals.came().await);
        });
    }
}
