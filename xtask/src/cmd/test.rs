//! `cargo xtask test`: everything that must hold, part by part with its time, ending in one line
//! `N passed, N failed, N skipped`.

use std::process::Command;

use anyhow::Result;
use argh::FromArgs;

use super::check32::Check32;
use super::instructions::Instructions;
use super::lint;
use crate::checks::report::Report;
use crate::ecn::state::Processes;
use crate::ecn::{Layout, engine};
use crate::tools::postgres::Postgres;
use crate::tools::{cargo, say};

/// Run all tests: lints, unit and behaviour tests, the 32-bit check, the whole network end to end, device programs in emulated gateways.
#[derive(FromArgs)]
#[argh(subcommand, name = "test")]
pub struct Test {
    /// leave out formatting, lints, the 32-bit check and the count of instructions
    #[argh(switch)]
    no_lint: bool,
    /// leave out the whole network
    #[argh(switch)]
    no_network: bool,
    /// leave out the emulated gateways
    #[argh(switch)]
    no_hardware: bool,
}

impl Test {
    /// All parts.
    pub fn everything() -> Self {
        Self { no_lint: false, no_network: false, no_hardware: false }
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
        report.independent_tests(
            "unit and behaviour tests",
            cargo::cargo()
                .args(["test", "--workspace", "--exclude", "iofog-tests", "--no-fail-fast"])
                .args(["--", "--show-output"])
                .envs(address.iter().map(|address| ("IOFOG_TEST_POSTGRES", address))),
        );
        match address {
            Some(address) => report.independent_tests(
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
        if !self.no_hardware {
            let mut gateways = Command::new(std::env::current_exe()?);
            gateways.args(["hw", "--small", "--counted"]);
            report.tests("emulated gateways", &mut gateways);
        }
        if let Some(pid) = engine::stop(&layout, &mut processes)? {
            say::step("engine", &format!("pid {pid} stopped"));
        }
        report.finish()
    }
}
