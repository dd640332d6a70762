//! `agent-figures`: start and idle figures of an Agent against our Controller over TLS, with containers on Docker.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use argh::FromArgs;
use iofog_bench::agent::figures::Figures;
use iofog_bench::agent::idle::Idle;
use iofog_bench::agent::network::Network;
use iofog_bench::agent::{idle, start};
use iofog_bench::figures::Spread;
use xtask::tools::cargo::{self, Profile, workspace};
use xtask::tools::{files, say};

/// Starts a Controller over TLS, the system Agent with its Router, and the Agent to be measured with Router, Proxy and
/// containers; measures its start, then what it takes while nothing happens. Writes out/agent-figures.json. Needs root for Docker.
#[derive(FromArgs)]
struct Arguments {
    /// program of the Agent (default: the one of the release build)
    #[argh(option)]
    agent: Option<PathBuf>,
    /// containers that do nothing (default 3; 0 needs no engine)
    #[argh(option, default = "3")]
    microservices: usize,
    /// starts to measure (default 10)
    #[argh(option, default = "10")]
    starts: usize,
    /// seconds before the look at the idle Agent begins (default 90)
    #[argh(option, default = "90")]
    settle: u64,
    /// seconds of that look (default 300)
    #[argh(option, default = "300")]
    observe: u64,
    /// take the programs that are there instead of building them
    #[argh(switch)]
    no_build: bool,
}

fn main() -> ExitCode {
    match run(&argh::from_env()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::line(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let mut programs = match arguments.no_build {
        true => cargo::programs(Profile::Release)?,
        false => cargo::build(Profile::Release)?,
    };
    if let Some(agent) = &arguments.agent {
        programs.agent = std::path::absolute(agent)?;
    }
    let program = programs.agent.clone();
    let bytes = std::fs::metadata(&program).with_context(|| program.display().to_string())?.len();
    let folder = workspace().join("out/agent-figures");
    let mut network = Network::start(&folder, programs)?;
    let measured = measure(&mut network, arguments);
    network.stop()?;
    let (start_ms, idle) = measured?;
    let figures = Figures {
        program: program.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        bytes,
        microservices: arguments.microservices,
        start_ms,
        idle,
    };
    files::write_json(&workspace().join("out/agent-figures.json"), &figures)?;
    say::line(&figures.table());
    Ok(())
}

fn measure(network: &mut Network, arguments: &Arguments) -> Result<(Spread, Idle)> {
    if arguments.microservices > 0 {
        network.deploy(arguments.microservices)?;
    }
    let start_ms = start::measure(network, arguments.starts)?;
    say::step("idle", &format!("{} s", arguments.settle + arguments.observe));
    let settle = Duration::from_secs(arguments.settle);
    let idle = idle::measure(network, settle, Duration::from_secs(arguments.observe))?;
    Ok((start_ms, idle))
}
