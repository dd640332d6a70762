//! What the engine keeps of a container on disk: the order it was made from, and how its last run stands.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, PidfdFlags, Signal};
use serde::{Deserialize, Serialize};

use super::image::{Execution, Image, LayerId};
use crate::disk;
use crate::domain::{
    ContainerId, ContainerSpec, EpochMillis, Health, LABEL_FINGERPRINT, LABEL_FOG, LABEL_REBUILD,
    Limits, NetworkMode, Port, Volume,
};
use crate::ids::{FogUuid, MicroserviceUuid};

/// The file that makes a folder a container.
pub(super) const RECORD: &str = "container.json";
/// The end of the name of a container's folder that is being removed.
pub(super) const GONE: &str = "gone";

/// A container as it was ordered; never changed after it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// 64 hex digits.
    pub id: String,
    /// Name.
    pub name: String,
    /// Node.
    pub fog: FogUuid,
    /// Microservice.
    pub microservice: MicroserviceUuid,
    /// Fingerprint of the order.
    pub fingerprint: String,
    /// Rebuild order that it satisfies.
    pub rebuild: u64,
    /// Full name of the image.
    pub image: String,
    /// Its layers, from the lowest: they stay as long as this record.
    pub layers: Vec<LayerId>,
    /// How the image wants to be run.
    pub execution: Execution,
    /// `KEY=VALUE`, over those of the image.
    pub env: Vec<String>,
    /// Command; empty keeps the image's.
    pub cmd: Vec<String>,
    /// Address on the container network; none = the host's network.
    pub address: Option<Ipv4Addr>,
    /// `name:address` entries.
    pub extra_hosts: Vec<String>,
    /// Published ports.
    pub ports: Vec<Published>,
    /// Mounts.
    pub volumes: Vec<Volume>,
    /// Log files of 2 MB.
    pub log_files: u32,
    /// The most it may take.
    #[serde(default)]
    pub limits: Limits,
    /// All devices and rights of the node.
    #[serde(default)]
    pub privileged: bool,
}

/// A published port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Published {
    /// The pair and its protocol.
    pub port: Port,
    /// Address on the node; none = all.
    pub host: Option<IpAddr>,
}

/// A run that began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    /// First process of the container.
    pub pid: u32,
    /// Its start, in ticks after boot: with the boot id, no other process is taken for it.
    pub ticks: u64,
    /// The boot it belongs to.
    pub boot: String,
    /// When.
    pub started: EpochMillis,
}

/// A run that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended {
    /// Exit code; 128 and the signal when it was killed; none when nobody saw the end.
    pub code: Option<i32>,
    /// When.
    pub finished: EpochMillis,
    /// The kernel killed something in it for lack of memory.
    #[serde(default)]
    pub out_of_memory: bool,
}

/// Folders of the engine.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// Survives power cuts: images, containers, volumes.
    pub library: PathBuf,
    /// May be gone after a boot: sockets, locks, runs.
    pub run: PathBuf,
}

// === impl Record ===

impl Record {
    /// The record of a new container.
    pub(super) fn new(
        id: String,
        spec: &ContainerSpec,
        image: Image,
        address: Option<Ipv4Addr>,
    ) -> Self {
        let label = |key: &str| {
            spec.labels
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.clone())
                .unwrap_or_default()
        };
        let port = |one: &crate::domain::PortBinding| Published { port: one.port, host: one.host };
        Self {
            id,
            name: spec.name.clone(),
            fog: FogUuid::from(label(LABEL_FOG)),
            microservice: spec.microservice.clone(),
            fingerprint: label(LABEL_FINGERPRINT),
            rebuild: label(LABEL_REBUILD).parse().unwrap_or_default(),
            image: image.name,
            layers: image.layers.into_iter().map(|one| one.id).collect(),
            execution: image.execution,
            env: spec.env.clone(),
            cmd: spec.cmd.clone(),
            address: address.filter(|_| spec.network != NetworkMode::Host),
            extra_hosts: spec.extra_hosts.clone(),
            ports: spec.ports.iter().map(port).collect(),
            volumes: spec.volumes.clone(),
            log_files: spec.log_files,
            limits: spec.limits,
            privileged: spec.privileged,
        }
    }

    /// The id as the Agent knows it.
    pub(super) fn container_id(&self) -> ContainerId {
        ContainerId::new(self.id.clone())
    }
}

// === impl Run ===

impl Run {
    /// The run of the process that has this number now.
    pub(super) fn of(pid: u32, started: EpochMillis) -> Option<Self> {
        Some(Self { pid, ticks: start_ticks(pid)?, boot: boot_id(), started })
    }

    /// Sends it a signal; whoever has its number now is spared. Where the kernel can, no time lies between the look
    /// and the signal.
    pub(super) fn signal(&self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.pid.cast_signed()) else { return };
        let held = rustix::process::pidfd_open(pid, PidfdFlags::empty());
        if !self.is_alive() {
            return;
        }
        // It may have ended in between; the next look tells.
        let _ = match held {
            Ok(held) => rustix::process::pidfd_send_signal(held, signal),
            Err(_) => rustix::process::kill_process(pid, signal),
        };
    }

    /// The process is still there.
    pub(super) fn is_alive(&self) -> bool {
        self.boot == boot_id() && start_ticks(self.pid) == Some(self.ticks)
    }
}

// === impl Places ===

impl Places {
    /// Folder of a container that lasts.
    pub(super) fn container(&self, id: &str) -> PathBuf {
        self.library.join("containers").join(id)
    }

    /// Its folder of the current boot.
    pub(super) fn run_of(&self, id: &str) -> PathBuf {
        self.run.join(id)
    }

    /// State of the OCI runtime.
    pub(super) fn runtime_root(&self) -> PathBuf {
        self.run.join("runtime")
    }

    /// Folder of a named volume.
    pub(super) fn volume(&self, name: &str) -> PathBuf {
        self.library.join("volumes").join(name)
    }

    /// Every container that was made completely.
    pub(super) fn records(&self) -> io::Result<Vec<Record>> {
        let entries = match fs::read_dir(self.library.join("containers")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut records = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == GONE) {
                continue;
            }
            if let Some(record) = load::<Record>(&path.join(RECORD))? {
                records.push(record);
            }
        }
        records.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(records)
    }

    /// One record.
    pub(super) fn record(&self, id: &str) -> io::Result<Option<Record>> {
        load(&self.container(id).join(RECORD))
    }

    /// Writes a record; with it the container exists.
    pub(super) fn put(&self, record: &Record) -> io::Result<()> {
        let folder = self.container(&record.id);
        fs::create_dir_all(&folder)?;
        disk::write_secret_atomically(&folder.join(RECORD), &serde_json::to_vec(record)?)?;
        disk::sync_folder_of(&folder)
    }

    /// The run that began last, in this boot.
    pub(super) fn last_run(&self, id: &str) -> io::Result<Option<Run>> {
        load(&self.run_of(id).join("run.json"))
    }

    /// What its health check says; none when it has none, or nothing can be read.
    pub(super) fn health(&self, id: &str) -> Option<Health> {
        load(&self.run_of(id).join("health.json")).ok().flatten()
    }

    /// How it ended.
    pub(super) fn last_end(&self, id: &str) -> io::Result<Option<Ended>> {
        load(&self.run_of(id).join("exit.json"))
    }
}

/// Reads a JSON file; none when it is not there or damaged, which is told.
fn load<T: for<'a> Deserialize<'a>>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)
            .inspect_err(
                |error| log::warn!(target: "engine", "{} is damaged: {error}", path.display()),
            )
            .ok()),
    }
}

/// Start of a process in ticks after boot (field 22 of its `stat`); none when it is gone or only a zombie.
fn start_ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    (fields.next()? != "Z").then(|| fields.nth(18)?.parse().ok())?
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_told_from_another_process_with_its_number() {
        let run = Run::of(std::process::id(), EpochMillis(1)).unwrap();
        assert!(run.is_alive());
        assert!(!Run { ticks: run.ticks + 1, ..run.clone() }.is_alive());
        assert!(!Run { boot: "another".into(), ..run }.is_alive());
    }
}
