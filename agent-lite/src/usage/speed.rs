//! Messages per second over the last minute.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::Mono;

const WINDOW: Duration = Duration::from_secs(60);

/// Remembers the counter of about a minute ago.
#[derive(Debug, Default)]
pub struct SpeedMeter {
    samples: RefCell<VecDeque<(Mono, u64)>>,
}

impl SpeedMeter {
    /// Takes the counter's value at `now`.
    pub fn note(&self, count: u64, now: Mono) {
        let mut samples = self.samples.borrow_mut();
        samples.push_back((now, count));
        while samples.len() > 2 && samples.get(1).is_some_and(|(at, _)| now.since(*at) >= WINDOW) {
            samples.pop_front();
        }
    }

    /// The rate between the oldest and the newest sample.
    pub fn per_second(&self) -> f64 {
        let samples = self.samples.borrow();
        let (Some((start, before)), Some((end, after))) = (samples.front(), samples.back()) else {
            return 0.0;
        };
        let seconds = end.since(*start).as_secs_f64();
        let grown = f64::from(u32::try_from(after.saturating_sub(*before)).unwrap_or(u32::MAX));
        if seconds > 0.0 { grown / seconds } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_is_that_of_the_last_minute() {
        let meter = SpeedMeter::default();
        assert_eq!(meter.per_second(), 0.0);
        for step in 0..=12 {
            meter
                .note(if step < 6 { 0 } else { (step - 6) * 60 }, Mono::from_millis(step * 10_000));
        }
        assert_eq!(meter.per_second(), 6.0);
    }
}
