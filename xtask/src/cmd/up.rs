//! `cargo xtask up`: a whole Edge Compute Network on this machine.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use argh::FromArgs;

use crate::ecn::state::Processes;
use crate::ecn::{Busy, DownOptions, Ecn, UpOptions, application, down, status, up};
use crate::tools::cargo::{Profile, workspace};
use crate::tools::{interrupt, say};

/// Bring up a whole network: Controller, system Agent, two gateways, a sample application.
#[derive(FromArgs)]
#[argh(subcommand, name = "up")]
pub struct Up {
    /// remove what an earlier network kept before starting
    #[argh(switch)]
    purge_first: bool,
    /// return once everything runs; `down` stops it
    #[argh(switch)]
    detach: bool,
    /// run development builds, which are faster to build
    #[argh(switch)]
    debug: bool,
    /// state folder (default: out/ecn)
    #[argh(option, default = "super::default_folder()")]
    dir: PathBuf,
    /// address of the Controller and the system Agent (default: 127.0.0.1)
    #[argh(option, default = "Ipv4Addr::LOCALHOST")]
    loopback: Ipv4Addr,
    /// application to deploy (default: samples/app.yaml)
    #[argh(option)]
    application: Option<PathBuf>,
}

impl Up {
    /// Runs the command.
    ///
    /// # Errors
    /// When the network does not come up; what was started is stopped again then.
    pub fn run(&self) -> Result<()> {
        say::start_clock();
        interrupt::install()?;
        let mut down_options =
            DownOptions { folder: self.dir.clone(), purge: self.purge_first, engine: false };
        if self.purge_first {
            down::take_down(&down_options)?;
            down_options.purge = false;
        }
        let options = UpOptions {
            folder: self.dir.clone(),
            loopback: self.loopback,
            profile: if self.debug { Profile::Debug } else { Profile::Release },
            application: Some(
                self.application.clone().unwrap_or_else(|| workspace().join("samples/app.yaml")),
            ),
        };
        let mut ecn = match Ecn::bring_up(&options) {
            Ok(ecn) => ecn,
            Err(error) if error.is::<Busy>() => return Err(error),
            Err(error) => {
                say::step("up", &format!("failed: {error:#}"));
                down::take_down(&down_options)?;
                return Err(error);
            }
        };
        self.print(&ecn)?;
        if self.detach {
            return ecn.processes.forget(&ecn.layout, Processes::UP);
        }
        hold(&mut ecn);
        down::take_down_locked(&ecn.layout, &down_options)
    }

    fn print(&self, ecn: &Ecn) -> Result<()> {
        say::line("");
        say::line(&status::overview(&ecn.layout, &ecn.docker, &ecn.state, &ecn.microservices)?);
        for link in application::public_links(&ecn.microservices) {
            say::line(&format!("Page        {link}/"));
        }
        say::line(&format!("REST        {}", ecn.rest.base_url()));
        say::line(&format!("User        {} (e-mail and password)", ecn.layout.user().display()));
        say::line(&format!("Logs        {}", ecn.layout.root().join("logs").display()));
        let stop = if self.detach {
            "`cargo xtask down`; ids and data stay, `cargo xtask down --purge --all` removes them, and stops the engine"
        } else {
            "Ctrl-C, or `cargo xtask down` elsewhere; ids and data stay"
        };
        say::line(&format!("Stop        {stop}"));
        Ok(())
    }
}

/// Stays until a signal comes; a process that ends meanwhile is told and started again.
fn hold(ecn: &mut Ecn) {
    while interrupt::sleep(Duration::from_millis(500)).is_ok() {
        for name in std::iter::once(Processes::CONTROLLER).chain(up::agent_names()) {
            if ecn.processes.running(name).is_some() {
                continue;
            }
            say::step(name, "ended; starting it again");
            let again = if name == Processes::CONTROLLER {
                ecn.start_controller()
            } else {
                ecn.start_agent(name).map(drop)
            };
            if let Err(error) = again {
                say::step(name, &format!("{error:#}"));
                let _ = interrupt::sleep(Duration::from_secs(5));
            }
        }
    }
    say::step("up", "stopping");
}
