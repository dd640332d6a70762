//! What a run of checks and tests comes to: each part's time and counts, the sum, and what failed
//! by name, last, where a person looks first.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::harness::{Counts, Harness};
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
}

impl Report {
    /// Runs a check that counts as one test.
    pub(crate) fn check(&mut self, name: &str, check: impl FnOnce() -> Result<()>) {
        self.part(name, || match check() {
            Ok(()) => (Counts { passed: 1, ..Counts::default() }, Vec::new()),
            Err(error) => failed(format!("{error:#}")),
        });
    }

    /// Runs a command that reports as the test harness does and counts its tests.
    pub(crate) fn tests(&mut self, name: &str, command: &mut Command) {
        self.part(name, || run(command).unwrap_or_else(|error| failed(format!("{error:#}"))));
    }

    /// A part that cannot run here.
    pub(crate) fn skip(&mut self, name: &str) {
        self.part(name, || (Counts { skipped: 1, ..Counts::default() }, Vec::new()));
    }

    fn part(&mut self, name: &str, work: impl FnOnce() -> (Counts, Vec<String>)) {
        say::line(&format!("== {name}"));
        let start = Instant::now();
        let (counts, failures) = work();
        let seconds = start.elapsed().as_secs_f32();
        say::line(&format!("== {name}: {counts} in {seconds:.1} s{}", free_disk()));
        self.parts.push(Part { name: name.to_owned(), seconds, counts, failures });
    }

    /// Prints what failed, the times and the sum.
    ///
    /// # Errors
    /// When something failed.
    pub(crate) fn finish(&self) -> Result<()> {
        say::line("");
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

fn failed(why: String) -> (Counts, Vec<String>) {
    (Counts { failed: 1, ..Counts::default() }, vec![why])
}

fn run(command: &mut Command) -> Result<(Counts, Vec<String>)> {
    let shown = cargo::describe(command);
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run {shown}"))?;
    let output = child.stdout.take().context("no output to read")?;
    let mut harness = Harness::default();
    harness.read(std::io::BufReader::new(output), &mut say::line);
    let status = child.wait()?;
    let (mut counts, mut failures) = harness.end();
    if !status.success() && counts.failed == 0 {
        counts.failed += 1;
        failures.push(format!("{shown}: {status}"));
    }
    Ok((counts, failures))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_is_a_failure() {
        let (counts, failures) = run(Command::new("sh").args(["-c", "exit 101"])).unwrap();
        assert_eq!((counts.failed, failures.len()), (1, 1));
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
