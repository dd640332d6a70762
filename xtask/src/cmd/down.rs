//! `cargo xtask down`: stops what `up` started.

use std::path::PathBuf;

use anyhow::Result;
use argh::FromArgs;

use crate::ecn::{DownOptions, down};
use crate::tools::say;

/// Stop the network; ids and volumes stay unless --purge is given.
#[derive(FromArgs)]
#[argh(subcommand, name = "down")]
pub struct Down {
    /// remove ids, data, logs, container networks and sample images as well
    #[argh(switch)]
    purge: bool,
    /// stop the container engine as well, if `up` started it
    #[argh(switch)]
    all: bool,
    /// state folder (default: out/ecn)
    #[argh(option, default = "super::default_folder()")]
    dir: PathBuf,
}

impl Down {
    /// Runs the command.
    ///
    /// # Errors
    /// When something cannot be stopped or removed.
    pub fn run(&self) -> Result<()> {
        say::start_clock();
        down::take_down(&DownOptions {
            folder: self.dir.clone(),
            purge: self.purge,
            engine: self.all,
        })
    }
}
