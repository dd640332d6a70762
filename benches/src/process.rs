//! Memory, threads and processor time of a process, as the kernel tells.

use anyhow::{Context, Result};
use serde::Serialize;
use xtask::ecn::Ecn;
use xtask::ecn::state::Processes;
use xtask::ecn::up::agent_names;

/// What a process takes.
#[derive(Clone, Debug, Serialize)]
pub struct Footprint {
    /// Name inside the network.
    pub name: String,
    /// Resident memory, kB.
    pub rss_kb: u64,
    /// Part of it that no file backs, kB.
    pub anonymous_kb: u64,
    /// Highest resident memory so far, kB.
    pub peak_kb: u64,
    /// Threads.
    pub threads: u64,
}

impl Footprint {
    /// For people.
    pub fn text(&self) -> String {
        let Self { rss_kb, anonymous_kb, peak_kb, threads, .. } = self;
        format!("RSS {rss_kb} kB (own {anonymous_kb}, peak {peak_kb}), {threads} threads")
    }
}

/// A field of `/proc/PID/status`, in its unit.
///
/// # Errors
/// When the process is gone or has no such field.
pub fn status_field(pid: impl std::fmt::Display, key: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("process {pid} is gone"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let word = line.and_then(|rest| rest.split_whitespace().next());
    word.and_then(|word| word.parse().ok()).with_context(|| format!("process {pid}: no {key}"))
}

/// Footprints of the Controller and all Agents.
///
/// # Errors
/// When one of them does not run.
pub fn footprints(ecn: &Ecn) -> Result<Vec<Footprint>> {
    let names = std::iter::once(Processes::CONTROLLER).chain(agent_names());
    names
        .map(|name| {
            let id = ecn.processes.running(name).with_context(|| format!("{name} not running"))?;
            let field = |key: &str| status_field(id.pid, key).with_context(|| name.to_owned());
            Ok(Footprint {
                name: name.to_owned(),
                rss_kb: field("VmRSS:")?,
                anonymous_kb: field("RssAnon:")?,
                peak_kb: field("VmHWM:")?,
                threads: field("Threads:")?,
            })
        })
        .collect()
}
