//! When the source of releases is asked again: soon after a failure, then less and less often, up to the period.
//! A gateway whose network comes up after its Agent must not wait a day for its update.

use std::io;
use std::time::Duration;

use super::manifest::ManifestError;

/// Pause after the first failure; each further one doubles it.
pub const FIRST_RETRY: Duration = Duration::from_secs(10);

/// Kinds of failure; each is told once until an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The source is not reached, or does not have it.
    Source(io::ErrorKind),
    /// What it has is not to be trusted.
    Manifest(ManifestError),
}

/// Where an inquiry stands. Without time of its own: it says how long to wait.
#[derive(Clone, Debug)]
pub struct Inquiry {
    period: Duration,
    failures: u32,
    told: Vec<Trouble>,
}

impl Inquiry {
    /// A source that is asked every `period` while it answers.
    pub fn new(period: Duration) -> Self {
        Self { period, failures: 0, told: Vec::new() }
    }

    /// It answered; the pause until the next question.
    pub fn answered(&mut self) -> Duration {
        self.failures = 0;
        self.told.clear();
        self.period
    }

    /// It did not; the pause until the next question, and whether this kind of failure is new.
    pub fn failed(&mut self, trouble: Trouble) -> (Duration, bool) {
        let pause = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        let new = !self.told.contains(&trouble);
        if new {
            self.told.push(trouble);
        }
        (pause.min(self.period), new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const REFUSED: Trouble = Trouble::Source(io::ErrorKind::ConnectionRefused);

    #[test]
    fn a_silent_source_is_asked_soon_and_then_less_and_less_often() {
        let mut inquiry = Inquiry::new(DAY);
        let pauses: Vec<u64> = (0..16).map(|_| inquiry.failed(REFUSED).0.as_secs()).collect();
        assert_eq!(pauses[..5], [10, 20, 40, 80, 160]);
        assert_eq!(pauses[13..], [81_920, 86_400, 86_400], "never more seldom than without");
        assert_eq!(inquiry.answered(), DAY);
        assert_eq!(inquiry.failed(REFUSED), (FIRST_RETRY, true), "an answer ends the growth");
        for _ in 0..100 {
            inquiry.failed(REFUSED);
        }
        assert_eq!(inquiry.failed(REFUSED), (DAY, false));
    }

    #[test]
    fn each_kind_of_failure_is_told_once_until_an_answer() {
        let mut inquiry = Inquiry::new(DAY);
        let forged = Trouble::Manifest(ManifestError::Signature);
        let told: Vec<bool> = [REFUSED, REFUSED, forged, REFUSED, forged]
            .into_iter()
            .map(|one| inquiry.failed(one).1)
            .collect();
        assert_eq!(told, [true, false, true, false, false]);
        inquiry.answered();
        assert!(inquiry.failed(forged).1);
    }

    #[test]
    fn a_short_period_bounds_the_first_pause_too() {
        let second = Duration::from_secs(1);
        assert_eq!(Inquiry::new(second).failed(REFUSED).0, second);
    }
}
