//! `cargo xtask instructions`: what one message costs the router's core, counted in instructions, against the
//! recorded figure. The count does not depend on what else the machine does.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use argh::FromArgs;

use crate::tools::cargo::{self, workspace};
use crate::tools::record::{Form, Record};
use crate::tools::say;

/// Count the instructions of the router's hot path and compare them with router-edge/instructions.txt.
#[derive(FromArgs)]
#[argh(subcommand, name = "instructions")]
pub struct Instructions {
    /// write the counts down as the new figures
    #[argh(switch)]
    record: bool,
}

/// The tolerance: code around it is laid out anew by any change.
const COUNTS: Form = Form {
    file: "router-edge/instructions.txt",
    header: "# Instructions of the router's core for one message of 100 bytes, by `cargo xtask instructions`.\n",
    words: 1,
    tolerance: 3,
    unit: "instructions",
};
/// Messages of the two runs; their difference leaves out start and end.
const FEW: u32 = 20_000;
const MANY: u32 = 60_000;
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
        build.args(["build", "--quiet", "--release", "--package", "iofog-router"]);
        cargo::run(build.args(["--example", "figures"]))?;
        let mut recorded = Record::read(COUNTS)?;
        let mut grown = Vec::new();
        for (name, arguments) in SHAPES {
            let spread = u64::from(MANY - FEW);
            let more = count(MANY, arguments)?.saturating_sub(count(FEW, arguments)?);
            let each = (more + spread / 2) / spread;
            say::line(&format!("instructions for a message of 100 bytes, {name}: {each}"));
            if self.record {
                recorded.set(name, each);
            } else {
                grown.extend(recorded.judge(name, each));
            }
        }
        if self.record {
            recorded.write()?;
        }
        if grown.is_empty() { Ok(()) } else { bail!("{}", grown.join("\n")) }
    }
}

/// Instructions of a whole run.
fn count(messages: u32, arguments: &[&str]) -> Result<u64> {
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
fn total(text: &str) -> Result<u64> {
    let line =
        text.lines().find_map(|line| line.split_once("I refs:").or(line.split_once("I   refs:")));
    let Some((_, number)) = line else { bail!("valgrind told no count: {text}") };
    Ok(number.trim().replace(',', "").parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_read() {
        assert_eq!(total("==1== \n==1== I   refs:      1,234,567\n").unwrap(), 1_234_567);
        assert_eq!(total("==1== I refs:      12\n").unwrap(), 12);
        assert!(total("").is_err());
    }
}
