//! A container engine that answers: the one that runs, else the distribution's, installed and
//! started as this machine allows.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::Layout;
use super::state::Processes;
use crate::tools::docker::{DEFAULT_SOCKET, Docker};
use crate::tools::process::Daemon;
use crate::tools::{apt, files, interrupt, say};

/// Folders of system programs, which a user's search path often lacks.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Finds, installs or starts the engine.
///
/// # Errors
/// When it can neither be installed nor started; the message says what to do.
pub fn ensure(layout: &Layout, processes: &mut Processes) -> Result<Docker> {
    let docker = Docker::from_environment();
    if docker.answers() {
        let whose = match processes.running(Processes::ENGINE) {
            Some(id) => format!("started earlier, pid {}", id.pid),
            None => "used as it is".to_owned(),
        };
        let version = docker.version()?;
        say::step(
            "engine",
            &format!("Docker {version} at {} ({whose})", docker.socket().display()),
        );
        return Ok(docker);
    }
    ensure!(
        docker.socket() == Path::new(DEFAULT_SOCKET),
        "no container engine answers at {}, which DOCKER_HOST names",
        docker.socket().display()
    );
    if find_program("dockerd").is_none() {
        say::step("engine", "no container engine here: installing docker.io");
        apt::install(&["docker.io", "iptables"])?;
    }
    if Path::new("/run/systemd/system").exists() {
        say::step("engine", "starting the docker service");
        let _ = Command::new("systemctl").args(["start", "docker"]).status();
        if wait(&docker, Duration::from_secs(60))? {
            say::step("engine", &format!("Docker {}", docker.version()?));
            return Ok(docker);
        }
    }
    start(layout, processes, &docker)?;
    Ok(docker)
}

/// Starts the engine without a service manager and remembers it, so that `down --all` can stop it.
fn start(layout: &Layout, processes: &mut Processes, docker: &Docker) -> Result<()> {
    let program = find_program("dockerd").context("docker.io is installed but has no dockerd")?;
    // A pid file left by an engine that was killed would stop this one from starting.
    let pid_file = layout.root().join("dockerd.pid");
    let _ = std::fs::remove_file(&pid_file);
    let daemon = Daemon {
        program: &program,
        arguments: vec![
            "--host".into(),
            docker.url(),
            "--pidfile".into(),
            pid_file.display().to_string(),
        ],
        environment: vec![("PATH".into(), SYSTEM_PATH.into())],
        log: layout.log("dockerd"),
    };
    let id = daemon.start()?;
    say::step("engine", &format!("no service manager runs: starting dockerd, pid {}", id.pid));
    processes.remember(layout, Processes::ENGINE, id.clone())?;
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline && id.is_running() {
        if docker.answers() {
            say::step("engine", &format!("Docker {}", docker.version()?));
            return Ok(());
        }
        interrupt::sleep(Duration::from_millis(100))?;
    }
    bail!("the container engine does not start; end of its log:\n{}", files::tail(&daemon.log, 15))
}

/// Stops the engine if `up` started it. Returns its pid.
///
/// # Errors
/// When it does not end.
pub fn stop(layout: &Layout, processes: &mut Processes) -> Result<Option<i32>> {
    let Some(id) = processes.running(Processes::ENGINE).cloned() else {
        return Ok(None);
    };
    id.stop(Duration::from_secs(60))?;
    processes.forget(layout, Processes::ENGINE)?;
    Ok(Some(id.pid))
}

fn wait(docker: &Docker, patience: Duration) -> Result<bool> {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if docker.answers() {
            return Ok(true);
        }
        interrupt::sleep(Duration::from_millis(100))?;
    }
    Ok(false)
}

fn find_program(name: &str) -> Option<PathBuf> {
    SYSTEM_PATH.split(':').map(|dir| Path::new(dir).join(name)).find(|path| path.exists())
}
