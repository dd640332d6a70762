//! `cargo xtask bench`: the figures of SPECIFICATION.md, measured on a network of its own.

use anyhow::Result;
use argh::FromArgs;

use crate::tools::cargo;

/// Measure deploy time, message latency, memory, threads and sizes; writes out/bench.json.
#[derive(FromArgs)]
#[argh(subcommand, name = "bench")]
pub struct Bench {}

impl Bench {
    /// Runs the command.
    ///
    /// # Errors
    /// When the network does not come up.
    pub fn run(&self) -> Result<()> {
        cargo::run(cargo::cargo().args(["run", "--quiet", "--package", "iofog-bench"]))
    }
}
