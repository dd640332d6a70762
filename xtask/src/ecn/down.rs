//! Takes an ECN down: Agents, their containers, the Controller; on request everything it kept.

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use super::state::{self, Processes};
use super::up::agent_names;
use super::{EcnState, Layout, engine, images};
use crate::tools::docker::Docker;
use crate::tools::say;

/// How much to take away.
#[derive(Clone, Debug)]
pub struct DownOptions {
    /// State folder.
    pub folder: PathBuf,
    /// Also identities, data, logs, networks and images.
    pub purge: bool,
    /// Also the engine, if `up` started it.
    pub engine: bool,
}

/// Takes the ECN down. Nothing running is no error.
///
/// # Errors
/// When a process or container cannot be removed.
pub fn take_down(options: &DownOptions) -> Result<()> {
    let layout = Layout::at(&options.folder)?;
    if !layout.root().exists() {
        say::step("down", &format!("nothing in {}", layout.root().display()));
        return Ok(());
    }
    let lock = take_lock(&layout)?;
    take_down_locked(&layout, options)?;
    drop(lock);
    if options.purge && !engine_still_runs(&layout)? {
        std::fs::remove_dir_all(layout.root())
            .with_context(|| format!("cannot remove {}", layout.root().display()))?;
        say::step("down", &format!("{} removed", layout.root().display()));
    }
    Ok(())
}

/// The same for a caller that holds the lock already; the folder itself stays.
///
/// # Errors
/// As [`take_down`].
pub fn take_down_locked(layout: &Layout, options: &DownOptions) -> Result<()> {
    let mut processes = Processes::load(layout)?;
    let state = EcnState::load(layout)?;
    // Agents first: they would start again what is removed behind their backs.
    for name in agent_names().chain([Processes::CONTROLLER]) {
        stop(layout, &mut processes, name)?;
    }
    let docker = Docker::from_environment();
    if let Some(state) = state {
        if docker.answers() {
            remove_containers(&docker, &state)?;
            if options.purge {
                remove_kept(&docker, &state)?;
            }
        } else {
            say::step("down", "no container engine answers: no container can be running");
        }
    }
    if options.purge {
        for file in [layout.state(), layout.user()] {
            let _ = std::fs::remove_file(file);
        }
        for folder in [layout.controller(), layout.root().join("agents")] {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
    if options.engine {
        match engine::stop(layout, &mut processes)? {
            Some(pid) => say::step("engine", &format!("pid {pid} stopped")),
            None => say::step("engine", "not started by `up`: left alone"),
        }
    } else if let Some(id) = processes.running(Processes::ENGINE) {
        say::step("engine", &format!("pid {} left running; `down --all` stops it", id.pid));
    }
    Ok(())
}

/// A foreground `up` holds the lock: it is asked to end, which takes its ECN down as well.
fn take_lock(layout: &Layout) -> Result<File> {
    let deadline = Instant::now() + Duration::from_secs(90);
    let mut asked = false;
    loop {
        if let Some(lock) = state::lock(layout)? {
            return Ok(lock);
        }
        let processes = Processes::load(layout)?;
        match processes.running(Processes::UP) {
            Some(up) if !asked => {
                say::step("down", &format!("asking `up`, pid {}, to end", up.pid));
                up.signal(Signal::TERM)?;
                asked = true;
            }
            _ => std::thread::sleep(Duration::from_millis(100)),
        }
        if Instant::now() >= deadline {
            bail!("another `up` or `down` works on {} and does not end", layout.root().display());
        }
    }
}

fn stop(layout: &Layout, processes: &mut Processes, name: &str) -> Result<()> {
    if let Some(id) = processes.running(name).cloned() {
        let forced =
            id.stop(Duration::from_secs(30)).with_context(|| format!("stopping {name}"))?;
        let how = if forced { "ended by force" } else { "stopped" };
        say::step("down", &format!("{name}, pid {}, {how}", id.pid));
    }
    processes.forget(layout, name)
}

fn remove_containers(docker: &Docker, state: &EcnState) -> Result<()> {
    for uuid in state.agents.values() {
        for container in docker.containers(&format!("iofog-uuid={uuid}"))? {
            docker.remove_container(&container.id)?;
            say::step("down", &format!("container {} removed", container.name()));
        }
    }
    Ok(())
}

fn remove_kept(docker: &Docker, state: &EcnState) -> Result<()> {
    for gateway in &state.gateways {
        docker.remove_network(&gateway.network)?;
        say::step("down", &format!("network {} removed", gateway.network));
    }
    images::remove(docker)
}

fn engine_still_runs(layout: &Layout) -> Result<bool> {
    Ok(Processes::load(layout)?.running(Processes::ENGINE).is_some())
}
