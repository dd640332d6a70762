//! The time certificates are judged by. A device without a battery-backed clock starts in 1970: the floor
//! keeps its own certificates valid until it has been told the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

/// No release of this program is older (2026-11-01), so neither is any moment it runs in. A constant and
/// not the moment of the build: two builds of one commit are identical.
const RELEASED: u32 = 1_793_491_200;

/// The system clock, but never before the floor. Clones share the floor.
#[derive(Debug, Clone)]
pub struct FloorClock {
    floor: Arc<AtomicU32>,
}

impl FloorClock {
    /// The floor is the date of the release.
    pub fn new() -> Self {
        Self { floor: Arc::new(AtomicU32::new(RELEASED)) }
    }

    /// A moment that is known to have passed, in seconds since 1970 (a time remembered on disk, a
    /// server's `Date`). Lifts the floor; never lowers it.
    pub fn passed(&self, seconds: u32) {
        self.floor.fetch_max(seconds, Ordering::Relaxed);
    }

    /// Seconds since 1970 by the system clock, or the floor where that is later.
    pub fn seconds(&self) -> u64 {
        let floor = u64::from(self.floor.load(Ordering::Relaxed));
        let system = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs());
        system.max(floor)
    }
}

impl Default for FloorClock {
    fn default() -> Self {
        Self::new()
    }
}

impl TimeProvider for FloorClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.seconds())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floor_rises_and_never_falls() {
        let clock = FloorClock::new();
        let ahead = u32::try_from(clock.seconds() + 1000).unwrap();
        clock.clone().passed(ahead);
        assert_eq!(clock.seconds(), u64::from(ahead));
        clock.passed(5);
        assert_eq!(clock.seconds(), u64::from(ahead));
    }
}
