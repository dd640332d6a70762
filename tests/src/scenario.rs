//! Runs scenarios one after the other and reports as the standard harness does.

use std::io::Write;
use std::time::Instant;

use crate::Outcome;

/// A named scenario over some world.
pub struct Scenario<W> {
    /// Name, `group::what_holds`.
    pub name: &'static str,
    /// Runs it.
    pub run: fn(&mut W) -> Outcome,
}

/// Why a scenario cannot run here; return it as the error.
#[derive(Debug)]
pub struct Skip(pub String);

impl std::fmt::Display for Skip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Skip {}

/// Counts of a run.
#[derive(Debug, Default)]
pub struct Report {
    passed: u32,
    /// Names and errors.
    failed: Vec<(&'static str, String)>,
    skipped: u32,
}

impl Report {
    /// Runs one scenario. Returns true unless it failed.
    pub fn run<W>(&mut self, world: &mut W, scenario: &Scenario<W>) -> bool {
        say(&format!("---- {}", scenario.name));
        let start = Instant::now();
        let result = (scenario.run)(world);
        let seconds = start.elapsed().as_secs_f32();
        match result {
            Ok(()) => {
                self.passed += 1;
                say(&format!("test {} ... ok ({seconds:.1} s)", scenario.name));
            }
            Err(error) => match error.downcast_ref::<Skip>() {
                Some(why) => self.skip(scenario.name, &why.0),
                None => {
                    say(&format!("{error:?}"));
                    self.failed.push((scenario.name, format!("{error:#}")));
                    say(&format!("test {} ... FAILED ({seconds:.1} s)", scenario.name));
                    return false;
                }
            },
        }
        true
    }

    /// Reports a scenario that was not run.
    pub fn skip(&mut self, name: &str, why: &str) {
        self.skipped += 1;
        say(&format!("test {name} ... ignored, {why}"));
    }

    /// Prints the sum. Returns true when nothing failed.
    pub fn finish(&self) -> bool {
        let verdict = if self.failed.is_empty() { "ok" } else { "FAILED" };
        if !self.failed.is_empty() {
            say("\nfailures:");
        }
        for (name, error) in &self.failed {
            say(&format!("\n---- {name} stdout ----\nerror: {error}"));
        }
        say(&format!(
            "\ntest result: {verdict}. {} passed; {} failed; {} ignored",
            self.passed,
            self.failed.len(),
            self.skipped
        ));
        self.failed.is_empty()
    }
}

/// Prints a line.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
