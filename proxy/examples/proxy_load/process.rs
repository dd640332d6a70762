//! A process under load: started, looked at, ended.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Ends with the value.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        let stderr = if log_level().is_some() { Stdio::inherit() } else { Stdio::null() };
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        Self(command.spawn().unwrap_or_else(|error| panic!("{program}: {error}")))
    }

    /// This program in another role.
    pub(crate) fn own(arguments: &[&str]) -> Self {
        Self::start(std::env::current_exe().unwrap().to_str().unwrap(), arguments)
    }

    /// User and system time so far, with that of children that were waited for.
    pub(crate) fn seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks = (11..15).map(|at| fields[at].parse::<u32>().unwrap()).sum::<u32>();
        // 100 ticks a second.
        f64::from(ticks) / 100.0
    }

    /// Resident memory in KiB.
    pub(crate) fn resident_kb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the processes log is shown from this level on, where one is asked for.
pub(crate) fn log_level() -> Option<String> {
    std::env::var("IOFOG_LOAD_LOG").ok()
}

pub(crate) use iofog_test_ports::free as free_port;

/// Waits until someone listens.
pub(crate) fn wait_for(port: u16) {
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
}
