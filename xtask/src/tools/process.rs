//! Background processes that outlive their starter: remembered by pid and start time, so that a
//! recycled pid is never taken for one of ours.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde::{Deserialize, Serialize};

/// Identity of a process on this boot of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// Process number.
    pub pid: i32,
    /// Start time in clock ticks since boot (field 22 of `/proc/PID/stat`).
    pub start_ticks: u64,
    /// Boot that the two above belong to.
    pub boot_id: String,
}

impl ProcessId {
    /// Identity of a live process; `None` when there is none with this number.
    pub fn of(pid: i32) -> Option<Self> {
        let start_ticks = start_ticks(pid)?;
        Some(Self { pid, start_ticks, boot_id: boot_id() })
    }

    /// Identity of this very process.
    pub fn current() -> Option<Self> {
        i32::try_from(std::process::id()).ok().and_then(Self::of)
    }

    /// True while the same process still runs (a zombie does not).
    pub fn is_running(&self) -> bool {
        Self::of(self.pid).is_some_and(|now| now == *self)
    }

    /// True when the program file was replaced since the process started.
    pub fn runs_replaced_program(&self) -> bool {
        fs::read_link(format!("/proc/{}/exe", self.pid))
            .is_ok_and(|exe| exe.to_string_lossy().ends_with(" (deleted)"))
    }

    /// Sends a signal if the process is still the same one.
    ///
    /// # Errors
    /// When the system refuses the signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        if !self.is_running() {
            return Ok(());
        }
        let pid = Pid::from_raw(self.pid).context("not a process number")?;
        match kill_process(pid, signal) {
            Ok(()) => Ok(()),
            Err(_) if test_kill_process(pid).is_err() => Ok(()),
            Err(error) => Err(error).with_context(|| format!("cannot signal pid {}", self.pid)),
        }
    }

    /// Asks the process to end, waits up to `patience`, then ends it by force. Returns true when
    /// force was needed.
    ///
    /// # Errors
    /// When it cannot be signalled or does not vanish even then.
    pub fn stop(&self, patience: Duration) -> Result<bool> {
        self.signal(Signal::TERM)?;
        if self.wait_gone(patience) {
            return Ok(false);
        }
        self.signal(Signal::KILL)?;
        if self.wait_gone(Duration::from_secs(10)) {
            return Ok(true);
        }
        bail!("pid {} does not end", self.pid)
    }

    /// Waits until the process is gone; false when `patience` ends first.
    pub fn wait_gone(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while self.is_running() {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        true
    }
}

/// What to run in the background.
#[derive(Debug)]
pub struct Daemon<'a> {
    /// Program file.
    pub program: &'a Path,
    /// Arguments.
    pub arguments: Vec<String>,
    /// Variables added to the environment.
    pub environment: Vec<(String, String)>,
    /// Standard output and error are appended to this file.
    pub log: PathBuf,
}

impl Daemon<'_> {
    /// Starts it in a process group of its own, so that Ctrl-C in the terminal does not reach it.
    ///
    /// # Errors
    /// When the log cannot be opened or the program cannot be started.
    pub fn start(&self) -> Result<ProcessId> {
        if let Some(folder) = self.log.parent() {
            fs::create_dir_all(folder)?;
        }
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("cannot open {}", self.log.display()))?;
        let mut child = Command::new(self.program)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        let pid = i32::try_from(child.id())?;
        let id = ProcessId::of(pid);
        // Reaped by a thread: the starter may live as long as its daemons do.
        std::thread::spawn(move || {
            let _ = child.wait();
        });
        id.with_context(|| format!("{} ended at once", self.program.display()))
    }
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

fn start_ticks(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command name may hold blanks and parentheses: fields count from its last parenthesis.
    let after_name = &text[text.rfind(')')? + 1..];
    let mut fields = after_name.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(seconds: &str) -> ProcessId {
        let log = std::env::temp_dir().join(format!("xtask-process-{}.log", std::process::id()));
        Daemon {
            program: Path::new("sleep"),
            arguments: vec![seconds.into()],
            environment: Vec::new(),
            log,
        }
        .start()
        .unwrap()
    }

    #[test]
    fn stop_ends_the_process() {
        let id = sleeper("300");
        assert!(id.is_running());
        assert!(!id.stop(Duration::from_secs(30)).unwrap());
        assert!(!id.is_running());
        assert!(!id.stop(Duration::from_secs(1)).unwrap(), "stopping twice is harmless");
    }

    #[test]
    fn recycled_pid_is_left_alone() {
        let id = sleeper("300");
        let impostor = ProcessId { start_ticks: id.start_ticks + 1, ..id.clone() };
        assert!(!impostor.is_running());
        impostor.stop(Duration::from_secs(1)).unwrap();
        assert!(id.is_running(), "another process with the same number was stopped");
        let other_boot = ProcessId { boot_id: "other".into(), ..id.clone() };
        other_boot.stop(Duration::from_secs(1)).unwrap();
        assert!(id.is_running());
        id.stop(Duration::from_secs(30)).unwrap();
    }

    #[test]
    fn ended_process_is_not_running() {
        let id = sleeper("0.01");
        assert!(id.wait_gone(Duration::from_secs(30)));
    }
}
