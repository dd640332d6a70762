//! The OCI runtime program: crun or runc, found once, spoken to by its command line.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::cgroup;

/// Names looked for, the smaller one first; crun refuses machines that mix both versions of control groups.
const PROGRAMS: [&str; 2] = ["crun", "runc"];
const PROGRAMS_FOR_HYBRID: [&str; 2] = ["runc", "crun"];
/// Where mixed machines have version 2.
pub(super) const UNIFIED: &str = "/sys/fs/cgroup/unified";
/// Where services often have no PATH for.
const FOLDERS: [&str; 5] =
    ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/lib/iofog-agent"];

/// A runtime and how it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runtime {
    program: PathBuf,
    root: PathBuf,
    cgroups: bool,
}

// === impl Runtime ===

impl Runtime {
    /// The runtime of this machine, or the one of this name, with its state below `root`.
    pub fn find(root: &Path, name: Option<&str>) -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> =
            std::env::split_paths(&path).chain(FOLDERS.iter().map(PathBuf::from)).collect();
        let hybrid = Path::new(UNIFIED).join("cgroup.controllers").exists();
        let programs = if hybrid { PROGRAMS_FOR_HYBRID } else { PROGRAMS };
        let named = name.as_ref();
        let program = named
            .map_or(programs.as_slice(), std::slice::from_ref)
            .iter()
            .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
            .find(|path| path.is_file())?;
        Some(Self { program, root: root.to_owned(), cgroups: cgroup::exists() })
    }

    /// The machine has control groups that it can use.
    pub fn cgroups(&self) -> bool {
        self.cgroups
    }

    /// A call, with its own messages in `log`.
    pub fn command(&self, log: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--root").arg(&self.root).arg("--log").arg(log).args(["--log-format", "json"]);
        if !self.cgroups && self.program.ends_with("crun") {
            command.arg("--cgroup-manager=disabled");
        }
        command.stdin(Stdio::null());
        command
    }

    /// Runs a call and waits; the error is the runtime's last message.
    ///
    /// # Errors
    /// When it does not start or ends with another code than 0.
    pub fn call<S: AsRef<OsStr>>(
        &self,
        log: &Path,
        words: impl IntoIterator<Item = S>,
    ) -> io::Result<()> {
        let mut command = self.command(log);
        command.args(words).stdout(Stdio::null()).stderr(Stdio::null());
        self.wait(&mut command, log)
    }

    /// The same for a prepared command.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn wait(&self, command: &mut Command, log: &Path) -> io::Result<()> {
        let _ = fs::remove_file(log);
        let status = command.status()?;
        if status.success() {
            return Ok(());
        }
        Err(io::Error::other(
            last_message(log)
                .unwrap_or_else(|| format!("{} ended with {status}", self.program.display())),
        ))
    }
}

/// The message of the last error line of a runtime's JSON log.
fn last_message(log: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct Line {
        msg: String,
        #[serde(default)]
        level: String,
    }
    let text = fs::read_to_string(log).ok()?;
    let lines: Vec<Line> =
        text.lines().filter_map(|line| serde_json::from_slice(line.as_bytes()).ok()).collect();
    let error = lines.iter().rev().find(|line| line.level == "error").or(lines.last())?;
    Some(error.msg.trim().to_owned())
}
