//! `cargo xtask test`: everything that must hold, part by part with its time, ending in one line
//! `N passed, N failed, N skipped`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use argh::FromArgs;

use super::check32::Check32;
use super::instructions::Instructions;
use super::lint;
use crate::ecn::state::Processes;
use crate::ecn::{Layout, engine};
use crate::tools::postgres::Postgres;
use crate::tools::{cargo, say};

/// Run all tests: lints, unit and behaviour tests, the 32-bit check, the whole network end to end.
#[derive(FromArgs)]
#[argh(subcommand, name = "test")]
pub struct Test {
    /// leave out formatting, lints, the 32-bit check and the count of instructions
    #[argh(switch)]
    no_lint: bool,
    /// leave out the whole network
    #[argh(switch)]
    no_network: bool,
}

impl Test {
    /// All parts.
    pub fn everything() -> Self {
        Self { no_lint: false, no_network: false }
    }

    /// Runs the command.
    ///
    /// # Errors
    /// When any part fails.
    pub fn run(&self) -> Result<()> {
        say::start_clock();
        let mut report = Report::default();
        let layout = Layout::at(&cargo::workspace().join("out/test"))?;
        layout.create()?;
        let mut processes = Processes::load(&layout)?;
        if let Err(error) = engine::ensure(&layout, &mut processes) {
            say::line(&format!("no container engine, tests that need one skip: {error:#}"));
        }
        if !self.no_lint {
            lint::checks(&mut report);
            report.check("32-bit check", || Check32 {}.run());
            report.check("instructions of the router", || Instructions::check().run());
        }
        // Outside of the checkout: the server's user may not see into root's folders.
        let postgres = Postgres::start(&std::env::temp_dir());
        if let Err(error) = &postgres {
            say::line(&format!("no PostgreSQL server, tests that need one skip: {error:#}"));
        }
        let address = postgres.as_ref().ok().map(Postgres::address);
        report.tests(
            "unit and behaviour tests",
            cargo::cargo()
                .args(["test", "--workspace", "--exclude", "iofog-tests", "--no-fail-fast"])
                .args(["--", "--show-output"])
                .envs(address.iter().map(|address| ("IOFOG_TEST_POSTGRES", address))),
        );
        match address {
            Some(address) => report.tests(
                "Controller on PostgreSQL",
                cargo::cargo()
                    .args(["test", "--package", "iofog-controller", "--test", "*"])
                    .args(["--no-fail-fast", "--", "--show-output"])
                    .env("IOFOG_TEST_STORE", "postgres")
                    .env("IOFOG_TEST_POSTGRES", address),
            ),
            None => report.skip("Controller on PostgreSQL"),
        }
        drop(postgres);
        if !self.no_network {
            report.tests(
                "whole network",
                cargo::cargo().args(["test", "--package", "iofog-tests", "--no-fail-fast"]),
            );
        }
        if let Some(pid) = engine::stop(&layout, &mut processes)? {
            say::step("engine", &format!("pid {pid} stopped"));
        }
        report.finish()
    }
}

/// Counts over all parts.
#[derive(Debug, Default)]
pub struct Report {
    parts: Vec<(String, f32, Counts)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u32,
    failed: u32,
    skipped: u32,
}

impl Report {
    /// Runs a check that counts as one test.
    pub fn check(&mut self, name: &str, check: impl FnOnce() -> Result<()>) {
        say::line(&format!("== {name}"));
        let start = Instant::now();
        let counts = match check() {
            Ok(()) => Counts { passed: 1, ..Counts::default() },
            Err(error) => {
                say::line(&format!("{name} failed: {error:#}"));
                Counts { failed: 1, ..Counts::default() }
            }
        };
        self.end(name, start, counts);
    }

    /// Runs a command that reports as the test harness does and counts its tests.
    pub fn tests(&mut self, name: &str, command: &mut Command) {
        say::line(&format!("== {name}"));
        let start = Instant::now();
        let counts = run_counted(command).unwrap_or_else(|error| {
            say::line(&format!("{name} failed: {error:#}"));
            Counts { failed: 1, ..Counts::default() }
        });
        self.end(name, start, counts);
    }

    /// A part that cannot run here.
    pub fn skip(&mut self, name: &str) {
        self.end(name, Instant::now(), Counts { skipped: 1, ..Counts::default() });
    }

    fn end(&mut self, name: &str, start: Instant, counts: Counts) {
        let seconds = start.elapsed().as_secs_f32();
        say::line(&format!("== {name}: {} in {seconds:.1} s", counts.text()));
        self.parts.push((name.to_owned(), seconds, counts));
    }

    /// Prints the times and the sum.
    ///
    /// # Errors
    /// When something failed.
    pub fn finish(&self) -> Result<()> {
        say::line("");
        let mut sum = Counts::default();
        for (name, seconds, counts) in &self.parts {
            say::line(&format!("{seconds:8.1} s  {name}: {}", counts.text()));
            sum.passed += counts.passed;
            sum.failed += counts.failed;
            sum.skipped += counts.skipped;
        }
        say::line(&sum.text());
        ensure!(sum.failed == 0, "{} failed", sum.failed);
        Ok(())
    }
}

impl Counts {
    fn text(self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }

    /// Adds what one line of a test run says.
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        let words: Vec<&str> = result.split([' ', ';']).filter(|w| !w.is_empty()).collect();
        let number = |label: &str| {
            let at = words.iter().position(|word| *word == label)?;
            words.get(at.checked_sub(1)?)?.parse::<u32>().ok()
        };
        self.passed += number("passed").unwrap_or(0);
        self.failed += number("failed").unwrap_or(0);
        self.skipped += number("ignored").unwrap_or(0);
    }
}

fn run_counted(command: &mut Command) -> Result<Counts> {
    let shown = cargo::describe(command);
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run {shown}"))?;
    let output = child.stdout.take().context("no output to read")?;
    let mut counts = count(BufReader::new(output), &mut say::line);
    let status = child.wait()?;
    if !status.success() && counts.failed == 0 {
        say::line(&format!("{shown}: {status}"));
        counts.failed += 1;
    }
    Ok(counts)
}

/// Counts what a test run prints and passes every line on.
fn count(output: impl BufRead, echo: &mut dyn FnMut(&str)) -> Counts {
    let mut counts = Counts::default();
    // A test that could not run prints `skipped: why` and returns, which the harness takes for
    // passed. Such lines come before the result line of their program.
    let mut skipped = 0;
    for line in output.split(b'\n') {
        let line = String::from_utf8_lossy(&line.unwrap_or_default()).into_owned();
        echo(&line);
        if line.starts_with("skipped") {
            skipped += 1;
        } else if line.starts_with("test result: ") {
            counts.add(&line);
            counts.skipped += skipped;
            counts.passed = counts.passed.saturating_sub(skipped);
            skipped = 0;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_summed() {
        let mut counts = Counts::default();
        counts.add("test result: ok. 5 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out");
        counts.add("test result: FAILED. 1 passed; 3 failed; 0 ignored; 0 measured");
        counts.add("test some::test ... ok");
        assert_eq!(counts, Counts { passed: 6, failed: 3, skipped: 2 });
    }

    #[test]
    fn skipped_tests_are_not_passed() {
        let text = "skipped: no engine\ntest result: ok. 2 passed; 0 failed; 0 ignored\n";
        let mut lines = 0;
        let counts = count(text.as_bytes(), &mut |_| lines += 1);
        assert_eq!((counts, lines), (Counts { passed: 1, failed: 0, skipped: 1 }, 2));
    }

    #[test]
    fn a_crash_is_a_failure() {
        let counts = run_counted(Command::new("sh").args(["-c", "exit 101"])).unwrap();
        assert_eq!(counts.failed, 1);
    }
}
