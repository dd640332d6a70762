//! Reads what the standard test harness (or one that reports alike) prints with `--show-output`:
//! counts, skipped tests, and what failed. What tests that passed have said is left out.

use std::fmt;
use std::io::BufRead;
use std::ops::AddAssign;

/// How tests ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Ran and held.
    pub(crate) passed: u32,
    /// Ran and did not hold, or could not be run at all.
    pub(crate) failed: u32,
    /// Marked as ignored, or without something they need.
    pub(crate) skipped: u32,
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Over all programs.
    pub(crate) counts: Counts,
    /// Each failed test with the first lines of its panic, or why tests could not be run.
    pub(crate) failures: Vec<String>,
    /// Names of the failed tests.
    pub(crate) names: Vec<String>,
    /// Each test that held only when it was repeated, with what it said the first time.
    pub(crate) unstable: Vec<String>,
}

/// State of the reading.
#[derive(Debug, Default)]
pub(crate) struct Harness {
    counts: Counts,
    failures: Vec<String>,
    /// Names of the failed tests.
    names: Vec<String>,
    unstable: Vec<String>,
    /// Tests of the program under way that printed `skipped: why` and returned, which the harness
    /// takes for passed.
    skipped: u32,
    section: Section,
    /// Lines of the panic under way still to keep.
    panic_lines: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Section {
    /// Names and results.
    #[default]
    Results,
    /// Output of tests that passed.
    Successes,
    /// Output of tests that failed.
    Failures,
}

/// Lines of a panic kept for the end of the report.
const PANIC_LINES: usize = 4;

impl Harness {
    /// Reads to the end; `echo` gets what a person wants to see.
    pub(crate) fn read(&mut self, output: impl BufRead, echo: &mut dyn FnMut(&str)) {
        for line in output.split(b'\n') {
            let line = String::from_utf8_lossy(&line.unwrap_or_default()).into_owned();
            if self.line(&line) {
                echo(&line);
            }
        }
    }

    /// Counts, and each failed test with the first lines of its panic.
    pub(crate) fn end(self) -> Outcome {
        let Self { counts, failures, names, unstable, .. } = self;
        Outcome { counts, failures, names, unstable }
    }

    /// Takes one line; whether it is worth showing.
    fn line(&mut self, line: &str) -> bool {
        match line {
            "successes:" => self.section = Section::Successes,
            "failures:" => {
                self.section = Section::Failures;
                self.panic_lines = 0;
            }
            _ => {}
        }
        if line.starts_with("skipped") {
            self.skipped += 1;
            return true;
        }
        if let Some(told) = line.strip_prefix("unstable: ") {
            self.unstable.push(told.to_owned());
            return true;
        }
        if let Some(result) = line.strip_prefix("test result: ") {
            self.result(result);
            return true;
        }
        if self.section == Section::Failures {
            self.failure(line);
        }
        self.section != Section::Successes
    }

    /// The last line of a program.
    fn result(&mut self, result: &str) {
        let words: Vec<&str> = result.split([' ', ';']).filter(|w| !w.is_empty()).collect();
        let number = |label: &str| {
            let at = words.iter().position(|word| *word == label)?;
            words.get(at.checked_sub(1)?)?.parse::<u32>().ok()
        };
        let number = |label| number(label).unwrap_or(0);
        self.counts += Counts {
            passed: number("passed").saturating_sub(self.skipped),
            failed: number("failed"),
            skipped: number("ignored") + self.skipped,
        };
        self.skipped = 0;
        self.section = Section::Results;
        self.panic_lines = 0;
    }

    /// A line of what failed tests have printed.
    fn failure(&mut self, line: &str) {
        let name = line.strip_prefix("---- ").map(|line| line.trim_end_matches(" stdout ----"));
        if let Some(name) = name {
            self.panic_lines = 0;
            self.failures.push(name.to_owned());
            self.names.push(name.to_owned());
            return;
        }
        if line.contains("panicked at") || line.starts_with("error: ") {
            self.panic_lines = PANIC_LINES;
        }
        if self.panic_lines > 0 {
            self.panic_lines -= 1;
            self.keep(line);
        }
    }

    fn keep(&mut self, line: &str) {
        if let Some(failure) = self.failures.last_mut() {
            failure.push_str("\n        ");
            failure.push_str(line);
        }
    }
}

// === impl Counts ===

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "test one ... ok
test two ... FAILED

successes:

---- one stdout ----
long story

failures:

---- two stdout ----
controller: a line

thread 'two' panicked at tests/x.rs:1:2:
left is not right
 left: 1

failures:
    two

test result: FAILED. 1 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out
";

    fn read(text: &str) -> (Counts, Vec<String>, String) {
        let (mut harness, mut shown) = (Harness::default(), String::new());
        harness.read(text.as_bytes(), &mut |line| shown = format!("{shown}{line}\n"));
        let Outcome { counts, failures, names, .. } = harness.end();
        assert_eq!(names.len(), failures.len());
        (counts, failures, shown)
    }

    #[test]
    fn failed_tests_are_named_with_their_panic() {
        let (counts, failures, shown) = read(RUN);
        assert_eq!(counts, Counts { passed: 1, failed: 1, skipped: 2 });
        assert_eq!(failures.len(), 1, "{failures:?}");
        assert!(failures[0].starts_with("two\n"), "{failures:?}");
        assert!(failures[0].contains("left is not right"), "{failures:?}");
        assert!(!shown.contains("long story") && shown.contains("a line"), "{shown}");
    }

    #[test]
    fn result_lines_are_summed() {
        let (counts, ..) = read(&format!("{RUN}\n{RUN}"));
        assert_eq!(counts, Counts { passed: 2, failed: 2, skipped: 4 });
    }

    #[test]
    fn skipped_tests_are_not_passed() {
        let text = "successes:\n---- a stdout ----\nskipped: no engine\n\
                    test result: ok. 2 passed; 0 failed; 0 ignored\n";
        let (counts, _, shown) = read(text);
        assert_eq!(counts, Counts { passed: 1, failed: 0, skipped: 1 });
        assert!(shown.contains("skipped: no engine"));
    }
}
