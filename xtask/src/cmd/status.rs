//! `cargo xtask status`: what runs where, looked up now.

use std::path::PathBuf;

use anyhow::Result;
use argh::FromArgs;

use crate::ecn::{EcnState, Layout, application, controller, state, status};
use crate::tools::docker::Docker;
use crate::tools::say;

/// Show what runs where.
#[derive(FromArgs)]
#[argh(subcommand, name = "status")]
pub struct Status {
    /// state folder (default: out/ecn)
    #[argh(option, default = "super::default_folder()")]
    dir: PathBuf,
}

impl Status {
    /// Runs the command.
    ///
    /// # Errors
    /// When the state folder is damaged.
    pub fn run(&self) -> Result<()> {
        let layout = Layout::at(&self.dir)?;
        let Some(state) = EcnState::load(&layout)? else {
            let why = match state::lock(&layout) {
                Ok(None) => "`cargo xtask up` is still building its programs",
                _ => "`cargo xtask up` makes one",
            };
            say::line(&format!("no network in {}: {why}", self.dir.display()));
            return Ok(());
        };
        let mut rest = controller::client(&state);
        let mut microservices = Vec::new();
        if let Some(deployed) = state.application.as_ref().filter(|_| rest.version().is_some()) {
            rest.log_in(&controller::user(&layout)?)?;
            microservices = rest.microservices(&deployed.name)?.unwrap_or_default();
        }
        let docker = Docker::from_environment();
        say::line(&status::overview(&layout, &docker, &state, &microservices)?);
        for microservice in &microservices {
            say::line(&format!("{}: {}", microservice.name, microservice.status.status));
        }
        for link in application::public_links(&microservices) {
            say::line(&format!("page: {link}/"));
        }
        Ok(())
    }
}
