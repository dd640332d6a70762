//! Brings up a network of its own, measures it, writes `out/bench.json` and prints a table.

use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use iofog_bench::figures::{Figures, Size};
use iofog_bench::{deploy, messages, process};
use xtask::ecn::{DownOptions, Ecn, UpOptions, application, down};
use xtask::tools::cargo::{self, Profile, workspace};
use xtask::tools::{files, say};

const DEPLOYS: usize = 10;
const INTERVAL_MS: u32 = 20;
const MESSAGES: u64 = 3000;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::line(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let folder = workspace().join("out/bench");
    let clean = DownOptions { folder: folder.clone(), purge: true, engine: false };
    down::take_down(&clean)?;
    let result = measure(UpOptions {
        folder,
        loopback: Ipv4Addr::new(127, 78, 0, 1),
        profile: Profile::Release,
        application: None,
    });
    down::take_down(&clean)?;
    let figures = result?;
    let path = workspace().join("out/bench.json");
    files::write_json(&path, &figures)?;
    say::line("");
    say::line(&figures.table());
    say::line(&format!("written to {}", path.display()));
    Ok(())
}

fn measure(options: UpOptions) -> Result<Figures> {
    let programs = cargo::build(options.profile)?;

    // The clock of `up`: everything is built, nothing else is there.
    let start = Instant::now();
    let sample = workspace().join("samples/app.yaml");
    let mut ecn = Ecn::bring_up(&UpOptions { application: Some(sample), ..options.clone() })?;
    let up_s = start.elapsed().as_secs_f64();
    drop(ecn);
    down::take_down(&DownOptions { folder: options.folder.clone(), purge: true, engine: false })?;

    ecn = Ecn::bring_up(&options)?;
    std::thread::sleep(Duration::from_secs(15));
    let idle = process::footprints(&ecn)?;
    let (running, reported) = deploy::measure(&ecn, DEPLOYS)?;

    let application = options.folder.join("app.yaml");
    application::sample_with_interval(INTERVAL_MS, &application)?;
    ecn.deploy(&application)?;
    let message_us = messages::measure(&ecn, MESSAGES, INTERVAL_MS)?;
    let busy = process::footprints(&ecn)?;

    let paths = [&programs.controller, &programs.agent, &programs.sensor, &programs.dashboard];
    let sizes = paths
        .into_iter()
        .map(|path| {
            let name = path.file_name().context("program without a name")?;
            let bytes = std::fs::metadata(path)?.len();
            Ok(Size { program: name.to_string_lossy().into_owned(), bytes })
        })
        .collect::<Result<_>>()?;
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    Ok(Figures {
        processors,
        up_s,
        create_to_running_ms: running,
        create_to_reported_ms: reported,
        message_us,
        idle,
        busy,
        sizes,
    })
}
