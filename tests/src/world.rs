//! The network under test and what scenarios ask of it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde::Deserialize;
use xtask::ecn::rest::Rest;
use xtask::ecn::state::Processes;
use xtask::ecn::{DownOptions, Ecn, UpOptions, application, down};
use xtask::tools::cargo::{self, Profile, workspace};
use xtask::tools::files;

use crate::scenario::say;
use crate::wait;

/// The name in `samples/app.yaml`.
pub const APPLICATION: &str = "sample";

/// A reading every so many milliseconds: often enough that something is always under way when a
/// part dies.
pub const INTERVAL_MS: u32 = 20;

/// The network under test: none before the first scenario brings it up.
pub struct World {
    /// State folder, loopback address, build profile.
    pub options: UpOptions,
    ecn: Option<Ecn>,
}

/// A container of one of the Agents under test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Engine id.
    pub id: String,
    /// When the engine started it.
    pub started: String,
    /// Its process on this machine.
    pub pid: i64,
    /// Ports that the engine publishes, as `8080/tcp`.
    pub ports: Vec<String>,
}

/// What the dashboard counted.
#[derive(Debug, Deserialize)]
pub struct Summary {
    /// Messages without repetitions.
    pub count: u64,
    /// One entry per sender and start.
    pub sources: Vec<Source>,
}

/// Counts of one start of one sender.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Lowest sequence number.
    pub first: u64,
    /// Highest sequence number.
    pub last: u64,
    /// Numbers that did not arrive.
    pub missing: u64,
    /// Repetitions.
    pub duplicates: u64,
    /// Arrivals after a higher number.
    pub out_of_order: u64,
}

impl World {
    /// A network of its own: other folder, other loopback address than the one a person may run.
    pub fn new() -> Self {
        let profile = match std::env::var("ECN_PROFILE").as_deref() {
            Ok("release") => Profile::Release,
            _ => Profile::Debug,
        };
        let options = UpOptions {
            folder: workspace().join("out/network-test"),
            loopback: Ipv4Addr::new(127, 77, 0, 1),
            profile,
            application: Some(workspace().join("out/network-test-app.yaml")),
        };
        Self { options, ecn: None }
    }

    /// Brings the network up, or runs `up` again on the one that is there.
    ///
    /// # Errors
    /// When a step fails.
    pub fn up(&mut self) -> Result<&mut Ecn> {
        // The lock of the first must be free for the second, as after a killed `up`.
        self.ecn = None;
        self.write_application()?;
        self.ecn = Some(Ecn::bring_up(&self.options)?);
        self.ecn()
    }

    fn write_application(&self) -> Result<()> {
        let file = self.options.application.as_deref().context("no application")?;
        application::sample_with_interval(INTERVAL_MS, file)
    }

    /// Runs the command `up` itself in the foreground, as a person does, until it says how to stop.
    ///
    /// # Errors
    /// When it ends before.
    pub fn up_in_foreground(&mut self) -> Result<Child> {
        self.ecn = None;
        self.write_application()?;
        cargo::run(cargo::cargo().args(["build", "--quiet", "--package", "xtask"]))?;
        let mut command = Command::new(cargo::target_folder().join("debug/xtask"));
        command.args(["up", "--loopback", &self.options.loopback.to_string(), "--dir"]);
        command.arg(&self.options.folder);
        if let Some(file) = &self.options.application {
            command.arg("--application").arg(file);
        }
        if self.options.profile == Profile::Debug {
            command.arg("--debug");
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().context("no output")?;
        let mut lines = BufReader::new(output).lines();
        for line in lines.by_ref() {
            let line = line?;
            say(&line);
            if line.starts_with("Stop") {
                // Somebody must go on reading, or the command would wait for a reader.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(child);
            }
        }
        anyhow::bail!("`up` ended: {}", child.wait()?)
    }

    /// The network.
    ///
    /// # Errors
    /// When it was never brought up.
    pub fn ecn(&mut self) -> Result<&mut Ecn> {
        self.ecn.as_mut().context("the network is not up")
    }

    /// The Controller, logged in.
    ///
    /// # Errors
    /// When the network was never brought up.
    pub fn rest(&mut self) -> Result<Rest> {
        Ok(self.ecn()?.rest.clone())
    }

    /// Takes the network down.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn down(&mut self, purge: bool) -> Result<()> {
        self.ecn = None;
        let folder = self.options.folder.clone();
        down::take_down(&DownOptions { folder, purge, engine: purge })
    }

    /// The running containers of all Agents by name.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub fn containers(&mut self) -> Result<BTreeMap<String, Running>> {
        let ecn = self.ecn()?;
        let mut found = BTreeMap::new();
        for uuid in ecn.state.agents.values() {
            for container in ecn.docker.containers(&format!("iofog-uuid={uuid}"))? {
                let Some(details) = ecn.docker.inspect(&container.id)? else { continue };
                let state = &details["State"];
                let ports = details["HostConfig"]["PortBindings"].as_object();
                let running = Running {
                    id: container.id.clone(),
                    started: state["StartedAt"].as_str().unwrap_or_default().to_owned(),
                    pid: state["Pid"].as_i64().unwrap_or_default(),
                    ports: ports.map(|ports| ports.keys().cloned().collect()).unwrap_or_default(),
                };
                found.insert(container.name().to_owned(), running);
            }
        }
        Ok(found)
    }

    /// URL of the public port.
    ///
    /// # Errors
    /// When the application has none.
    pub fn page(&mut self) -> Result<String> {
        let links = application::public_links(&self.ecn()?.microservices);
        links.into_iter().next().context("the application has no public port")
    }

    /// What the dashboard counted, asked through the public port.
    ///
    /// # Errors
    /// When the page does not answer.
    pub fn summary(&mut self) -> Result<Summary> {
        let url = format!("{}/api/messages", self.page()?);
        let (status, body) = application::get(&url)?;
        ensure!(status == 200, "{url}: {status} {body}");
        serde_json::from_str(&body).with_context(|| format!("unexpected answer: {body}"))
    }

    /// Waits until `more` further messages arrived. Returns the counts then.
    ///
    /// # Errors
    /// When they do not.
    pub fn wait_messages(&mut self, more: u64) -> Result<Summary> {
        let before = wait::until("the page", || self.summary().map(Some))?.count;
        wait::until(&format!("{more} messages after the first {before}"), || {
            Ok(Some(self.summary()?).filter(|now| now.count >= before + more))
        })
    }

    /// Ends a process at once, as a crash does.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self, name: &str) -> Result<()> {
        let ecn = self.ecn()?;
        let id =
            ecn.processes.running(name).cloned().with_context(|| format!("{name} not running"))?;
        id.signal(Signal::KILL)?;
        ensure!(id.wait_gone(wait::PATIENCE), "{name} survives SIGKILL");
        Ok(())
    }

    /// Pids of everything that was started and still runs.
    ///
    /// # Errors
    /// When the list of processes is damaged.
    pub fn running_processes(&mut self) -> Result<Vec<i32>> {
        let layout = xtask::ecn::Layout::at(&self.options.folder)?;
        let processes = Processes::load(&layout)?;
        let names = processes.names().filter(|name| *name != Processes::UP);
        Ok(names.filter_map(|name| processes.running(name)).map(|id| id.pid).collect())
    }

    /// The end of every log, for a failed run.
    pub fn logs(&self) -> String {
        let folder: PathBuf = self.options.folder.join("logs");
        let mut text = String::new();
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            text.push_str(&format!("== {name}\n{}\n", files::tail(&entry.path(), 30)));
        }
        text
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}
