//! A PostgreSQL server for tests: a data folder of its own, on loopback, run by an unprivileged user.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A running server; stopped, and its data removed, when dropped.
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
}

impl Postgres {
    /// Makes a data folder below `parent` and starts a server on it.
    ///
    /// # Errors
    /// When the programs are not installed or the server does not start.
    pub fn start(parent: &Path) -> Result<Self> {
        let programs = programs().context("PostgreSQL is not installed")?;
        let folder = parent.join(format!("iofog-postgres-{}", std::process::id()));
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        // Asked from the system, so that it is free a moment later too.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = Self { programs, folder, port };
        if rustix::process::geteuid().is_root() {
            run(Command::new("chown").arg("postgres").arg(&server.folder))?;
        }
        let data = server.folder.join("data");
        run(server
            .command("initdb")
            .args(["--auth=trust", "--username=postgres", "-D"])
            .arg(&data))?;
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={}",
            server.folder.display()
        );
        let log = server.folder.join("log");
        run(server
            .command("pg_ctl")
            .args(["start", "--wait", "-o", &options, "-l"])
            .arg(&log)
            .arg("-D")
            .arg(&data))?;
        Ok(server)
    }

    /// `host:port:user` for the tests' `IOFOG_TEST_POSTGRES`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}:postgres", self.port)
    }

    /// A program of the server's, as a user that it accepts: it refuses root.
    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = if rustix::process::geteuid().is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(&self.folder);
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.folder.join("data");
        let _ = run(self.command("pg_ctl").args(["stop", "--mode=immediate", "-D"]).arg(data));
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Where the distribution keeps the server's programs: the newest version's folder.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
