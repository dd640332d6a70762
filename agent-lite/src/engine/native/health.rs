//! The health check that an image brings: its rules, as Docker has them. Without I/O; the shim runs the checks.

use std::time::Duration;

use super::image::Healthcheck;
use crate::domain::Health;

const INTERVAL: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(30);
const RETRIES: u32 = 3;
/// Shorter ones would cost more than they tell.
const SHORTEST: Duration = Duration::from_millis(100);

/// A check that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    /// What to run in the container; exit code 0 passes.
    pub words: Vec<String>,
    /// From the end of one check to the next.
    pub interval: Duration,
    /// A check that takes longer fails.
    pub timeout: Duration,
    start_period: Duration,
    retries: u32,
}

/// What the checks so far say.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    check: Check,
    health: Health,
    failures: u32,
}

// === impl Check ===

impl Check {
    /// The check of an image; none when it has none or switches it off.
    pub(super) fn of(image: Option<&Healthcheck>) -> Option<Self> {
        let image = image?;
        let test = image.test.as_deref()?;
        let words = match test {
            [kind, words @ ..] if kind == "CMD" && !words.is_empty() => words.to_vec(),
            [kind, text] if kind == "CMD-SHELL" => {
                vec!["/bin/sh".to_owned(), "-c".to_owned(), text.clone()]
            }
            _ => return None,
        };
        let time = |nanos: i64, default: Duration| match u64::try_from(nanos) {
            Ok(nanos) if nanos > 0 => Duration::from_nanos(nanos).max(SHORTEST),
            _ => default,
        };
        Some(Self {
            words,
            interval: time(image.interval, INTERVAL),
            timeout: time(image.timeout, TIMEOUT),
            start_period: time(image.start_period, Duration::ZERO),
            retries: u32::try_from(image.retries).ok().filter(|one| *one > 0).unwrap_or(RETRIES),
        })
    }
}

// === impl Judge ===

impl Judge {
    /// Goes on from what was known, or begins.
    pub(super) fn new(check: Check, known: Option<Health>) -> Self {
        Self { check, health: known.unwrap_or(Health::Starting), failures: 0 }
    }

    /// The verdict at this moment.
    pub(super) fn health(&self) -> Health {
        self.health
    }

    /// Takes the outcome of a check that ended `age` after the container's start; true when the verdict changed.
    pub(super) fn judge(&mut self, age: Duration, passed: bool) -> bool {
        let before = self.health;
        if passed {
            self.health = Health::Healthy;
            self.failures = 0;
        } else if self.health != Health::Starting || age >= self.check.start_period {
            self.failures = self.failures.saturating_add(1);
            if self.failures >= self.check.retries {
                self.health = Health::Unhealthy;
            }
        }
        self.health != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(test: &[&str]) -> Healthcheck {
        Healthcheck {
            test: Some(test.iter().map(|word| (*word).to_owned()).collect()),
            start_period: 5_000_000_000,
            retries: 2,
            ..Healthcheck::default()
        }
    }

    #[test]
    fn forms_of_a_check() {
        let check = Check::of(Some(&image(&["CMD", "/bin/ok", "x"]))).unwrap();
        assert_eq!(check.words, ["/bin/ok", "x"]);
        assert_eq!((check.interval, check.timeout), (INTERVAL, TIMEOUT));
        let shell = Check::of(Some(&image(&["CMD-SHELL", "test -e /ok"]))).unwrap();
        assert_eq!(shell.words, ["/bin/sh", "-c", "test -e /ok"]);
        for none in [&["NONE"][..], &["CMD"], &[], &["CMD-SHELL", "a", "b"], &["ODD", "x"]] {
            assert_eq!(Check::of(Some(&image(none))), None, "{none:?}");
        }
        let odd = Healthcheck { interval: -1, timeout: 1, retries: -7, ..image(&["CMD", "x"]) };
        let check = Check::of(Some(&odd)).unwrap();
        assert_eq!((check.interval, check.timeout, check.retries), (INTERVAL, SHORTEST, RETRIES));
        assert_eq!(Check::of(None), None);
    }

    #[test]
    fn failures_count_after_the_start_and_in_a_row() {
        let seconds = Duration::from_secs;
        let check = Check::of(Some(&image(&["CMD", "x"]))).unwrap();
        let mut judge = Judge::new(check.clone(), None);
        for at in 1..5 {
            assert!(!judge.judge(seconds(at), false), "still starting");
        }
        assert!(!judge.judge(seconds(6), false), "the first that counts");
        assert!(judge.judge(seconds(7), false) && judge.health() == Health::Unhealthy);
        assert!(judge.judge(seconds(8), true) && judge.health() == Health::Healthy);
        assert!(!judge.judge(seconds(9), false) && !judge.judge(seconds(10), true));
        assert!(!judge.judge(seconds(11), false), "the row was broken");
        // A pass ends the start; whoever comes later goes on from what is known.
        let mut early = Judge::new(check, Some(Health::Healthy));
        assert!(!early.judge(seconds(1), false) && early.judge(seconds(2), false));
    }
}
