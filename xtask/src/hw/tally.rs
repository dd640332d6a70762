//! What the gateways came to, told as the standard test harness tells it, so that `cargo xtask test` counts scenarios.

use std::fmt;

/// Scenarios over all gateways.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that held.
    pub passed: usize,
    /// Those that did not: gateway and scenario, and why.
    pub failed: Vec<(String, String)>,
    /// Those behind a failed one, whose disk they would have worked on, or that cannot run here at all.
    pub left_out: usize,
    /// Those that held only from a new disk, with what was said the first time.
    pub unstable: Vec<(String, String)>,
}

impl Tally {
    /// Adds a gateway that had `wanted` scenarios to pass: how it went, and how before, if that was its second attempt.
    pub fn add(&mut self, wanted: usize, attempt: &Attempt, before: Option<&Attempt>) {
        self.passed += attempt.passed;
        match (&attempt.failure, before.and_then(|attempt| attempt.failure.clone())) {
            (Some(failure), _) => {
                self.failed.push(failure.clone());
                self.left_out += wanted.saturating_sub(attempt.passed + 1);
            }
            (None, Some(first)) => self.unstable.push(first),
            (None, None) => {}
        }
    }
}

/// One gateway's way through its scenarios.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    /// Scenarios that held.
    pub passed: usize,
    /// Gateway and scenario at which it ended, and why.
    pub failure: Option<(String, String)>,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, why) in &self.unstable {
            writeln!(f, "unstable: {name}: {}", why.replace('\n', " "))?;
        }
        if !self.failed.is_empty() {
            writeln!(f, "failures:\n")?;
        }
        for (name, why) in &self.failed {
            writeln!(f, "---- {name} ----\nerror: {why}\n")?;
        }
        let word = if self.failed.is_empty() { "ok" } else { "FAILED" };
        write!(
            f,
            "test result: {word}. {} passed; {} failed; {} ignored",
            self.passed,
            self.failed.len(),
            self.left_out
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::harness::{Counts, Harness};

    fn attempt(passed: usize, failed: Option<&str>) -> Attempt {
        let failure = failed.map(|name| (name.to_owned(), "the guest\nhangs".to_owned()));
        Attempt { passed, failure }
    }

    fn read(tally: &Tally) -> (Counts, usize, usize) {
        let mut harness = Harness::default();
        harness.read(tally.to_string().as_bytes(), &mut |_| {});
        let outcome = harness.end();
        (outcome.counts, outcome.names.len(), outcome.unstable.len())
    }

    #[test]
    fn the_harness_counts_scenarios() {
        let mut tally = Tally::default();
        tally.add(3, &attempt(3, None), None);
        tally.add(3, &attempt(3, None), Some(&attempt(1, Some("mipsel: power-cuts"))));
        assert_eq!(read(&tally), (Counts { passed: 6, failed: 0, skipped: 0 }, 0, 1));
        let again = attempt(0, Some("armv7: joins"));
        tally.add(3, &again, Some(&again));
        assert_eq!(read(&tally), (Counts { passed: 6, failed: 1, skipped: 2 }, 1, 1));
    }

    #[test]
    fn what_cannot_run_is_skipped() {
        let tally = Tally { left_out: 6, ..Tally::default() };
        assert_eq!(read(&tally), (Counts { passed: 0, failed: 0, skipped: 6 }, 0, 0));
    }
}
