//! Builds the programs: device programs, server programs and samples each in a cargo invocation of
//! their own, so that features of one never leak into another.

use std::collections::VecDeque;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::say;

/// How programs are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Quick to build, for tests of behaviour.
    Debug,
    /// What a user runs: size first on devices, speed first on servers.
    Release,
}

/// Where the programs of one build are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `iofog-controller`.
    pub controller: PathBuf,
    /// `iofog-agent`.
    pub agent: PathBuf,
    /// `sensor`, static.
    pub sensor: PathBuf,
    /// `dashboard`, static.
    pub dashboard: PathBuf,
}

/// Packages whose programs run on devices.
pub const EDGE_PACKAGES: [&str; 3] = ["iofog-agent", "iofog-router", "iofog-proxy"];

/// Packages whose programs run on servers and on people's machines: built for other machines only when they are named.
pub const HOST_PACKAGES: [&str; 2] = ["iofogctl", "iofog-controller"];

/// Root of the workspace.
pub fn workspace() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// The cargo that runs this program, or the one on the path. What the outer cargo says about this package is kept from it:
/// build scripts that ask for such variables would run again, and what depends on them, whenever a person calls cargo
/// directly in between.
pub fn cargo() -> Command {
    let mut command = Command::new(
        std::env::var_os("CARGO").unwrap_or_else(|| std::ffi::OsString::from("cargo")),
    );
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
        }
    }
    command.current_dir(workspace()).stdin(Stdio::null());
    command
}

/// Builds everything that an ECN runs.
///
/// # Errors
/// When cargo fails; its messages are on standard error.
pub fn build(profile: Profile) -> Result<Programs> {
    say::step("build", "controller");
    build_packages(profile, "release", &["iofog-controller"])?;
    say::step("build", "agent with router and proxy");
    build_packages(profile, "edge", &EDGE_PACKAGES)?;
    say::step("build", "samples (static)");
    let host = host_triple()?;
    compile(
        cargo()
            .args(["build", "--package", "iofog-samples", "--release"])
            .args(["--target", &host])
            .env("RUSTFLAGS", "-Ctarget-feature=+crt-static"),
    )?;
    programs(profile)
}

/// Where the programs are after [`build`].
///
/// # Errors
/// When the compiler cannot be asked for its own target.
pub fn programs(profile: Profile) -> Result<Programs> {
    let target = target_folder();
    let host = host_triple()?;
    let (server, edge) = match profile {
        Profile::Debug => ("debug", "debug"),
        Profile::Release => ("release", "edge"),
    };
    let samples = target.join(&host).join("release");
    Ok(Programs {
        controller: target.join(server).join("iofog-controller"),
        agent: target.join(edge).join("iofog-agent"),
        sensor: samples.join("sensor"),
        dashboard: samples.join("dashboard"),
    })
}

fn build_packages(profile: Profile, release: &str, packages: &[&str]) -> Result<()> {
    let mut command = cargo();
    command.args(["build", "--bins"]);
    if profile == Profile::Release {
        command.args(["--profile", release]);
    }
    for package in packages {
        command.args(["--package", package]);
    }
    compile(&mut command)
}

/// How often a log hears how far a build has come.
const PROGRESS: Duration = Duration::from_secs(10);

/// Runs a build. A person sees cargo's own progress, a log a line now and then and what goes wrong.
fn compile(command: &mut Command) -> Result<()> {
    if std::io::stderr().is_terminal() {
        return run(command);
    }
    let (mut compiled, mut told) = (0_u32, Instant::now());
    run_with(command, &mut |line| {
        if !is_progress(line) {
            return pass_on(line);
        }
        compiled += u32::from(line.trim_start().starts_with("Compiling"));
        if told.elapsed() >= PROGRESS {
            told = Instant::now();
            say::step("build", &format!("{compiled} packages so far: {}", line.trim_start()));
        }
    })
}

/// What cargo says of a build that goes well: a verb in a column of its own.
fn is_progress(line: &str) -> bool {
    let verb = line.trim_start();
    line.len() > verb.len() && verb.starts_with(|first: char| first.is_ascii_uppercase())
}

/// Runs a command with its output on the terminal. Where nobody watches, the error says the end of what the command
/// said on standard error: a log may have lost the place where it stood.
///
/// # Errors
/// When it cannot be started or fails.
pub fn run(command: &mut Command) -> Result<()> {
    run_with(command, &mut pass_on)
}

fn run_with(command: &mut Command, show: &mut dyn FnMut(&str)) -> Result<()> {
    let shown = describe(command);
    if !std::io::stderr().is_terminal() {
        command.stderr(Stdio::piped());
    }
    let mut child = command.spawn().with_context(|| format!("cannot run {shown}"))?;
    let said = match child.stderr.take() {
        Some(output) => show_and_keep(output, show)?,
        None => String::new(),
    };
    let status = child.wait()?;
    ensure!(status.success(), "{shown}: {status}{said}");
    Ok(())
}

/// Lines of a failed command kept for its error.
const KEPT_LINES: usize = 12;

fn pass_on(line: &str) {
    // Nobody reads: no reason to stop the command.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Shows what comes; gives back the last lines, each on a line of its own.
fn show_and_keep(output: impl std::io::Read, show: &mut dyn FnMut(&str)) -> Result<String> {
    let mut last = VecDeque::with_capacity(KEPT_LINES);
    for line in std::io::BufReader::new(output).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        show(&line);
        if last.len() == KEPT_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
    Ok(last.iter().fold(String::new(), |text, line| text + "\n" + line))
}

/// Program and arguments on one line.
pub fn describe(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|a| a.to_string_lossy().into_owned()));
    words.join(" ")
}

/// Where cargo puts its output.
pub fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace().join("target"), |dir| workspace().join(dir))
}

/// The compiler's own target, for example `x86_64-unknown-linux-gnu`.
///
/// # Errors
/// When the compiler cannot be asked.
pub fn host_triple() -> Result<String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .current_dir(workspace())
        .output()
        .context("cannot run rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not name its host")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_tells_its_last_words() {
        let script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do echo word $i >&2; done; exit 3";
        let error = run(Command::new("sh").args(["-c", script])).unwrap_err().to_string();
        assert!(error.contains("exit status: 3\nword 2\n"), "{error}");
        assert!(error.ends_with("word 13"), "{error}");
    }

    #[test]
    fn what_goes_well_is_told_from_what_does_not() {
        assert!(is_progress("   Compiling iofog-api v0.1.0 (/a/b)"));
        assert!(is_progress("    Finished `release` profile [optimized] target(s) in 2m 06s"));
        for line in ["error: could not compile", "warning: unused", "  |", "  --> src/lib.rs", ""] {
            assert!(!is_progress(line), "{line}");
        }
    }
}
