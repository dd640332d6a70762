//! Pauses between attempts to reach the router: 1, 2, then 5 seconds (proxy.md sections 4.3 and 7).

use std::time::Duration;

/// Counts failed attempts in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u8,
}

// === impl Backoff ===

impl Backoff {
    /// An attempt failed: how long to wait before the next.
    pub fn failed(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        Duration::from_secs(match self.failures {
            1 => 1,
            2 => 2,
            _ => 5,
        })
    }

    /// An attempt succeeded.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_stays_and_starts_over() {
        let mut backoff = Backoff::default();
        let seconds: Vec<_> = (0..5).map(|_| backoff.failed().as_secs()).collect();
        assert_eq!(seconds, [1, 2, 5, 5, 5]);
        backoff.succeeded();
        assert_eq!(backoff.failed().as_secs(), 1);
    }
}
