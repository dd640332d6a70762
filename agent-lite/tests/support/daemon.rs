//! The daemon as a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use super::eventually;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_iofog-agent");

/// A daemon with its state folder; killed when dropped, containers are left alone.
pub(crate) struct Daemon {
    folder: PathBuf,
    child: Child,
}

impl Daemon {
    /// Writes `config.xml` elements and starts the daemon.
    pub(crate) fn start(folder: &Path, elements: &[(&str, &str)]) -> Self {
        Self::start_with(folder, elements, &[])
    }

    /// The same with variables of its own in the environment.
    pub(crate) fn start_with(
        folder: &Path,
        elements: &[(&str, &str)],
        variables: &[(&str, &str)],
    ) -> Self {
        let lines: String =
            elements.iter().map(|(name, value)| format!("<{name}>{value}</{name}>\n")).collect();
        std::fs::write(folder.join("config.xml"), format!("<config>\n{lines}</config>\n")).unwrap();
        Self::run(folder, variables, &[])
    }

    /// Starts the daemon on a folder that has its configuration.
    pub(crate) fn restart(folder: &Path) -> Self {
        Self::run(folder, &[], &[])
    }

    /// The same with variables of its own in the environment.
    pub(crate) fn restart_in(folder: &Path, variables: &[(&str, &str)]) -> Self {
        Self::run(folder, variables, &[])
    }

    /// The same with words before its order.
    pub(crate) fn restart_with(folder: &Path, words: &[&str]) -> Self {
        Self::run(folder, &[], words)
    }

    fn run(folder: &Path, variables: &[(&str, &str)], words: &[&str]) -> Self {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("stderr.log"))
            .unwrap();
        let child = Command::new(PROGRAM)
            .args(["--state-dir", folder.to_str().unwrap()])
            .args(words)
            .arg("daemon")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let daemon = Self { folder: folder.to_owned(), child };
        eventually("the daemon answers", || {
            daemon.text(&["status"]).starts_with("ioFog daemon").then_some(())
        });
        daemon
    }

    /// Runs a command of the command line.
    pub(crate) fn command(&self, words: &[&str]) -> Output {
        command(&self.folder, words)
    }

    /// What it prints.
    pub(crate) fn text(&self, words: &[&str]) -> String {
        String::from_utf8(self.command(words).stdout).unwrap()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("stderr.log")).unwrap()
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; waits for the end.
    pub(crate) fn terminate(mut self) -> bool {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap();
        self.child.wait().unwrap().success()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("log of the daemon:\n{}", self.log());
        }
    }
}

/// Runs the command line on a folder, with or without a daemon.
pub(crate) fn command(folder: &Path, words: &[&str]) -> Output {
    Command::new(PROGRAM)
        .arg("--state-dir")
        .arg(folder)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}
