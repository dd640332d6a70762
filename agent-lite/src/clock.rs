//! Reading time: the only place that asks the operating system.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::domain::explain::Clocks;
use crate::domain::{EpochMillis, Mono};

/// The clocks of the process.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock whose monotonic side starts now.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }

    /// Time since start.
    pub fn mono(&self) -> Mono {
        Mono::default().after(self.start.elapsed())
    }

    /// Both sides at once, to tell times of the one on the other.
    pub fn both(&self) -> Clocks {
        Clocks { mono: self.mono(), epoch: self.epoch() }
    }

    /// Wall time, as the device believes.
    pub fn epoch(&self) -> EpochMillis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        EpochMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
