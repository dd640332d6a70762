//! `cargo xtask build`: every program, as a user runs it.

use anyhow::Result;
use argh::FromArgs;

use crate::tools::cargo::{self, Profile};
use crate::tools::say;

/// Build all programs: device programs, server programs and samples apart from each other.
#[derive(FromArgs)]
#[argh(subcommand, name = "build")]
pub struct Build {
    /// development builds
    #[argh(switch)]
    debug: bool,
}

impl Build {
    /// Runs the command.
    ///
    /// # Errors
    /// When something does not compile.
    pub fn run(&self) -> Result<()> {
        let profile = if self.debug { Profile::Debug } else { Profile::Release };
        let programs = cargo::build(profile)?;
        for path in [&programs.controller, &programs.agent, &programs.sensor, &programs.dashboard] {
            let size = std::fs::metadata(path)?.len();
            say::line(&format!("{size:>10} bytes  {}", path.display()));
        }
        Ok(())
    }
}
