//! Restart back-off: 10 s more after each real restart, at most 5 minutes; ten restarts in ten minutes are "stuck".

use std::collections::VecDeque;
use std::time::Duration;

use super::Mono;

const STEP: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(300);
const WINDOW: Duration = Duration::from_secs(600);
const STUCK: usize = 10;

/// Real restarts of one microservice.
#[derive(Clone, Debug, Default)]
pub struct RestartLog {
    restarts: VecDeque<Mono>,
    streak: u32,
    stuck: bool,
}

impl RestartLog {
    /// Notes a restart that is being done at `now`.
    pub fn note(&mut self, now: Mono) {
        if self.restarts.back().is_some_and(|last| now.since(*last) > WINDOW + LONGEST) {
            self.streak = 0;
        }
        self.streak = self.streak.saturating_add(1);
        self.restarts.push_back(now);
        while self.restarts.front().is_some_and(|first| now.since(*first) > WINDOW)
            || self.restarts.len() > STUCK
        {
            self.restarts.pop_front();
        }
        self.stuck |= self.restarts.len() >= STUCK;
    }

    /// How long to wait before the next restart.
    pub fn delay(&self) -> Duration {
        (STEP * (self.streak.saturating_add(1).min(60))).min(LONGEST)
    }

    /// Restarts within the last ten minutes.
    pub fn recent(&self, now: Mono) -> usize {
        self.restarts.iter().filter(|at| now.since(**at) <= WINDOW).count()
    }

    /// Ten restarts happened within ten minutes: left alone until the order changes.
    pub fn is_stuck(&self) -> bool {
        self.stuck
    }

    /// A run of ten minutes ends the streak.
    pub fn ran_for(&mut self, duration: Duration) {
        if duration >= WINDOW {
            self.streak = 0;
        }
    }

    /// A changed order starts anew.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_loop_is_slowed_down_and_then_stuck() {
        let mut log = RestartLog::default();
        let mut now = Mono::from_millis(0);
        for expected in 1..=10 {
            assert!(!log.is_stuck());
            assert_eq!(log.delay(), Duration::from_secs(10 * expected));
            now = now.after(log.delay());
            log.note(now);
        }
        assert!(log.is_stuck());
        log.reset();
        assert!(!log.is_stuck());
    }

    #[test]
    fn rare_restarts_are_never_stuck() {
        let mut log = RestartLog::default();
        for hour in 0..50 {
            log.note(Mono::from_millis(hour * 3_600_000));
            assert_eq!(log.delay(), Duration::from_secs(20));
        }
        assert!(!log.is_stuck());
        log.ran_for(Duration::from_secs(600));
        assert_eq!(log.delay(), Duration::from_secs(10));
    }
}
