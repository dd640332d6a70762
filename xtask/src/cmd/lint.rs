//! `cargo xtask lint`: formatting, clippy without warnings, dependency policy, file style.

use anyhow::Result;
use argh::FromArgs;

use crate::checks::report::Report;
use crate::checks::{policy, style};
use crate::tools::{cargo, say};

/// Check formatting, lints, dependency policy and file style.
#[derive(FromArgs)]
#[argh(subcommand, name = "lint")]
pub struct Lint {}

impl Lint {
    /// Runs the command.
    ///
    /// # Errors
    /// When any check fails.
    pub fn run(&self) -> Result<()> {
        let mut report = Report::default();
        checks(&mut report);
        report.finish()
    }
}

/// Runs each check as a part of a report.
pub(crate) fn checks(report: &mut Report) {
    report.check("format", || cargo::run(cargo::cargo().args(["fmt", "--all", "--check"])));
    report.check("clippy", || {
        cargo::run(
            cargo::cargo()
                .args(["clippy", "--quiet", "--workspace", "--all-targets"])
                .args(["--", "--deny", "warnings"]),
        )
    });
    report.check("dependency policy", || {
        let packages = policy::check()?;
        say::line(&format!("{packages} packages follow deny.toml"));
        Ok(())
    });
    report.check("file style", || {
        let (files, median) = style::check()?;
        say::line(&format!("{files} source files, median {median} lines"));
        Ok(())
    });
}
