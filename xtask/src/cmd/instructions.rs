//! `cargo xtask instructions`: what one message costs the router's core, counted in instructions, against the
//! recorded figure. The count does not depend on what else the machine does.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use argh::FromArgs;

use crate::tools::cargo::{self, workspace};
use crate::tools::say;

/// Count the instructions of the router's hot path and compare them with router-edge/instructions.txt.
#[derive(FromArgs)]
#[argh(subcommand, name = "instructions")]
pub struct Instructions {
    /// write the counts down as the new figures
    #[argh(switch)]
    record: bool,
}

/// Growth that the check lets pass, in percent: code around it is laid out anew by any change.
const TOLERANCE: f64 = 3.0;
/// Messages of the two runs; their difference leaves out start and end.
const RUNS: [u32; 2] = [20_000, 60_000];
const SHAPES: [(&str, &[&str]); 2] = [("unsettled", &[]), ("settled", &["--settled"])];

impl Instructions {
    /// Compares with what is recorded.
    #[must_use]
    pub fn check() -> Self {
        Self { record: false }
    }

    /// Runs the command.
    ///
    /// # Errors
    /// When a figure has grown, or there is no valgrind.
    pub fn run(&self) -> Result<()> {
        let mut build = cargo::cargo();
        build.args([
            "build",
            "--quiet",
            "--release",
            "--package",
            "iofog-router",
            "--example",
            "figures",
        ]);
        cargo::run(&mut build)?;
        let mut counts = BTreeMap::new();
        for (name, arguments) in SHAPES {
            let [few, many] = RUNS.map(|messages| count(messages, arguments));
            let spread = f64::from(RUNS[1] - RUNS[0]);
            counts.insert(name.to_owned(), (many? - few?) / spread);
        }
        for (name, each) in &counts {
            say::line(&format!("instructions for a message of 100 bytes, {name}: {each:.0}"));
        }
        if self.record {
            let lines = counts.iter().map(|(name, each)| format!("{name} {each:.0}\n"));
            std::fs::write(recorded_at(), format!("{HEAD}{}", lines.collect::<String>()))?;
            return Ok(());
        }
        compare(&counts, &std::fs::read_to_string(recorded_at())?)
    }
}

const HEAD: &str = "# Instructions of the router's core for one message of 100 bytes, by `cargo xtask instructions`.\n";

fn recorded_at() -> PathBuf {
    workspace().join("router-edge/instructions.txt")
}

/// Instructions of a whole run.
fn count(messages: u32, arguments: &[&str]) -> Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(workspace().join("target/release/examples/figures"))
        .args(["--hot-path", &messages.to_string()])
        .args(arguments)
        .output()
        .context("no valgrind (package valgrind)")?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the run under valgrind failed: {text}");
    total(&text)
}

/// The sum that cachegrind tells.
fn total(text: &str) -> Result<f64> {
    let line =
        text.lines().find_map(|line| line.split_once("I refs:").or(line.split_once("I   refs:")));
    let Some((_, number)) = line else { bail!("valgrind told no count: {text}") };
    Ok(number.trim().replace(',', "").parse()?)
}

fn compare(counts: &BTreeMap<String, f64>, recorded: &str) -> Result<()> {
    let known: BTreeMap<&str, f64> = recorded
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, number)| Some((name, number.parse().ok()?)))
        .collect();
    for (name, each) in counts {
        let before = known
            .get(name.as_str())
            .with_context(|| format!("no figure for {name} is recorded"))?;
        let growth = (each / before - 1.0) * 100.0;
        ensure!(
            growth <= TOLERANCE,
            "a message ({name}) costs {each:.0} instructions, {growth:.1} % more than the {before:.0} recorded: \
             mend it, or record it with a reason (--record)"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_refused_and_what_is_not_recorded_too() {
        let counts = |each| BTreeMap::from([("settled".to_owned(), each)]);
        let recorded = "# head\nsettled 1000\n";
        assert!(compare(&counts(1020.0), recorded).is_ok());
        assert!(compare(&counts(1031.0), recorded).is_err());
        assert!(compare(&counts(900.0), "# head\n").is_err());
    }

    #[test]
    fn the_sum_is_read() {
        assert!(
            (total("==1== \n==1== I   refs:      1,234,567\n").unwrap() - 1_234_567.0).abs() < 0.5
        );
        assert!((total("==1== I refs:      12\n").unwrap() - 12.0).abs() < 0.5);
        assert!(total("").is_err());
    }
}
