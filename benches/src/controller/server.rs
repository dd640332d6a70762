//! The process under load, and the generator's own: processor time and memory as the kernel tells.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::process::status_field;

/// Kernel ticks are hundredths of a second on every Linux that user space sees.
const TICK_MS: u64 = 10;

/// A process of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(pub u32);

/// Resident memory.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Now, kB.
    pub now_kb: u64,
    /// Highest since the last [`Process::forget_peak`], kB.
    pub peak_kb: u64,
}

impl Process {
    /// This process.
    #[must_use]
    pub fn own() -> Self {
        Self(std::process::id())
    }

    /// The process of this network namespace that listens on a port.
    ///
    /// # Errors
    /// When none can be found: the server is on another machine, say.
    pub fn listening_on(address: SocketAddr) -> Result<Self> {
        let port = format!(":{:04X}", address.port());
        let mut inodes = Vec::new();
        for table in ["/proc/self/net/tcp", "/proc/self/net/tcp6"] {
            let text = fs::read_to_string(table).unwrap_or_default();
            for line in text.lines().skip(1) {
                let fields: Vec<&str> = line.split_whitespace().collect();
                // Local address, state 0A = listening, inode.
                if let [_, local, _, "0A", _, _, _, _, _, inode, ..] = fields[..]
                    && local.ends_with(&port)
                {
                    inodes.push(PathBuf::from(format!("socket:[{inode}]")));
                }
            }
        }
        for entry in fs::read_dir("/proc")?.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let Ok(files) = fs::read_dir(entry.path().join("fd")) else { continue };
            let links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
            if links.into_iter().any(|link| inodes.contains(&link)) {
                return Ok(Self(pid));
            }
        }
        bail!("no process of this machine listens on {address}: give --pid")
    }

    /// Processor time that all its threads used so far.
    ///
    /// # Errors
    /// When it is gone.
    pub fn processor_time(self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0))
            .with_context(|| format!("process {} is gone", self.0))?;
        // The name in parentheses may hold anything; user and system time are the 12th and 13th field after it.
        let (_, rest) = stat.rsplit_once(')').context("no stat")?;
        let ticks = rest.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        let ticks = ticks.sum::<Result<u64, _>>().context("no times")?;
        Ok(Duration::from_millis(ticks * TICK_MS))
    }

    /// Its resident memory.
    ///
    /// # Errors
    /// When it is gone.
    pub fn memory(self) -> Result<Memory> {
        Ok(Memory {
            now_kb: status_field(self.0, "VmRSS:")?,
            peak_kb: status_field(self.0, "VmHWM:")?,
        })
    }

    /// Starts the count of its highest memory anew.
    ///
    /// # Errors
    /// When the process is another user's.
    pub fn forget_peak(self) -> Result<()> {
        let path = format!("/proc/{}/clear_refs", self.0);
        fs::write(&path, "5").with_context(|| format!("cannot write {path}"))
    }
}

/// Bytes of a file, or of all files in a folder.
///
/// # Errors
/// When something cannot be read.
pub fn size_of(path: &Path) -> Result<u64> {
    let metadata = fs::symlink_metadata(path).with_context(|| path.display().to_string())?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    fs::read_dir(path)?.map(|entry| size_of(&entry?.path())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found_by_its_port_and_uses_time() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let own = Process::listening_on(listener.local_addr().unwrap()).unwrap();
        assert_eq!(own, Process::own());
        while own.processor_time().unwrap() < Duration::from_millis(20) {}
        own.forget_peak().unwrap();
        let memory = own.memory().unwrap();
        assert!(memory.now_kb > 0 && memory.peak_kb > 0);
    }
}
