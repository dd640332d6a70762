//! `cargo xtask ci`: what the pipeline runs; the same as `cargo xtask test` on a laptop.

use anyhow::Result;
use argh::FromArgs;

use super::test::Test;

/// Run everything that the pipeline runs.
#[derive(FromArgs)]
#[argh(subcommand, name = "ci")]
pub struct Ci {}

impl Ci {
    /// Runs the command.
    ///
    /// # Errors
    /// When any part fails.
    pub fn run(&self) -> Result<()> {
        Test::everything().run()
    }
}
