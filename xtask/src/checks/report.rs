//! What a run of checks and tests comes to: each part's time and counts, the sum, and what failed
//! or held only when it was run again, by name, last, where a person looks first.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::again;
use super::harness::{Counts, Harness, Outcome};
use crate::tools::{cargo, say};

/// Counts over all parts.
#[derive(Debug, Default)]
pub(crate) struct Report {
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    name: String,
    seconds: f32,
    counts: Counts,
    /// Each failed test with what it said, in the order of the run.
    failures: Vec<String>,
    /// The same of tests that held when they were run again.
    unstable: Vec<String>,
}

impl Report {
    /// Runs a check that counts as one test.
    pub(crate) fn check(&mut self, name: &str, check: impl FnOnce() -> Result<()>) {
        self.part(name, || match check() {
            Ok(()) => of(Counts { passed: 1, ..Counts::default() }).into(),
            Err(error) => failed(format!("{error:#}")).into(),
        });
    }

    /// Runs a command that reports as the test harness does and counts its tests.
    pub(crate) fn tests(&mut self, name: &str, command: &mut Command) {
        self.part(name, || run(command).unwrap_or_else(|e| failed(format!("{e:#}"))).into());
    }

    /// The same for the standard harness: the few tests that fail are run once more, without the others beside them. One that
    /// holds then is told apart.
    pub(crate) fn independent_tests(&mut self, name: &str, command: &mut Command) {
        self.part(name, || {
            let first = run(command).unwrap_or_else(|error| failed(format!("{error:#}")));
            let Some(mut command) = again::command(command, &first) else { return first.into() };
            say::line(&format!("== {name}: what failed, once more"));
            let second = run(&mut command).unwrap_or_else(|error| failed(format!("{error:#}")));
            again::joined(first, second)
        });
    }

    /// A part that cannot run here.
    pub(crate) fn skip(&mut self, name: &str) {
        self.part(name, || of(Counts { skipped: 1, ..Counts::default() }).into());
    }

    fn part(&mut self, name: &str, work: impl FnOnce() -> Judged) {
        say::line(&format!("== {name}"));
        let start = Instant::now();
        let Judged { counts, failures, unstable } = work();
        let seconds = start.elapsed().as_secs_f32();
        say::line(&format!("== {name}: {counts} in {seconds:.1} s{}", free_disk()));
        self.parts.push(Part { name: name.to_owned(), seconds, counts, failures, unstable });
    }

    /// Prints what failed, the times and the sum.
    ///
    /// # Errors
    /// When something failed.
    pub(crate) fn finish(&self) -> Result<()> {
        say::line("");
        for part in &self.parts {
            for unstable in &part.unstable {
                say::line(&format!(
                    "UNSTABLE  {}: held only when run again: {unstable}",
                    part.name
                ));
            }
        }
        for failure in self.failures() {
            say::line(&format!("FAILED  {failure}"));
        }
        for Part { name, seconds, counts, .. } in &self.parts {
            say::line(&format!("{seconds:8.1} s  {name}: {counts}"));
        }
        let sum = self.sum();
        say::line(&sum.to_string());
        ensure!(sum.failed == 0, "{} failed", sum.failed);
        Ok(())
    }

    fn sum(&self) -> Counts {
        let mut sum = Counts::default();
        self.parts.iter().for_each(|part| sum += part.counts);
        sum
    }

    /// Part and test of each failure, with what it said.
    fn failures(&self) -> Vec<String> {
        let of = |part: &Part| {
            let named = part.failures.iter().map(|failure| format!("{}: {failure}", part.name));
            named.collect::<Vec<_>>()
        };
        self.parts.iter().flat_map(of).collect()
    }
}

/// What the builds may still use; a full disk fails in ways that do not say so.
fn free_disk() -> String {
    rustix::fs::statvfs(cargo::workspace()).map_or_else(
        |_| String::new(),
        |disk| format!(", {} MB of disk free", disk.f_bavail * disk.f_frsize / 1_000_000),
    )
}

/// What a part comes to.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) counts: Counts,
    pub(super) failures: Vec<String>,
    pub(super) unstable: Vec<String>,
}

// === impl Judged ===

impl From<Outcome> for Judged {
    fn from(outcome: Outcome) -> Self {
        let Outcome { counts, failures, unstable, .. } = outcome;
        Self { counts, failures, unstable }
    }
}

fn of(counts: Counts) -> Outcome {
    Outcome { counts, ..Outcome::default() }
}

fn failed(why: String) -> Outcome {
    Outcome { failures: vec![why], ..of(Counts { failed: 1, ..Counts::default() }) }
}

fn run(command: &mut Command) -> Result<Outcome> {
    let shown = cargo::describe(command);
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run {shown}"))?;
    let output = child.stdout.take().context("no output to read")?;
    let mut harness = Harness::default();
    harness.read(std::io::BufReader::new(output), &mut say::line);
    let status = child.wait()?;
    let mut outcome = harness.end();
    if !status.success() && outcome.counts.failed == 0 {
        outcome.counts.failed += 1;
        outcome.failures.push(format!("{shown}: {status}"));
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_is_a_failure() {
        let outcome = run(Command::new("sh").args(["-c", "exit 101"])).unwrap();
        assert_eq!((outcome.counts.failed, outcome.failures.len()), (1, 1));
    }

    #[test]
    fn what_failed_makes_the_whole_fail() {
        let mut report = Report::default();
        report.check("of a test of this report, first", || Ok(()));
        assert!(report.sum().failed == 0 && report.failures().is_empty());
        report.check("of a test of this report, second", || anyhow::bail!("why"));
        assert_eq!(report.sum(), Counts { passed: 1, failed: 1, skipped: 0 });
        assert_eq!(report.failures(), ["of a test of this report, second: why"]);
    }
}
