//! Packages of the distribution, installed when missing. An index caught mid-update is asked again.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::{interrupt, say};

const ATTEMPTS: u32 = 4;

/// Installs packages with apt-get.
///
/// # Errors
/// When this is not a Debian-like system, the caller is not root, or apt fails four times.
pub fn install(packages: &[&str]) -> Result<()> {
    ensure!(
        Path::new("/usr/bin/apt-get").exists(),
        "please install {}: this system has no apt-get",
        packages.join(", ")
    );
    ensure!(
        rustix::process::geteuid().is_root(),
        "please install {} or run as root: not root, so apt-get cannot be used",
        packages.join(", ")
    );
    let mut last = String::new();
    for attempt in 1..=ATTEMPTS {
        match apt(&["update"]).and_then(|()| {
            apt(&[&["install", "--yes", "--no-install-recommends"], packages].concat())
        }) {
            Ok(()) => return Ok(()),
            Err(error) => last = format!("{error:#}"),
        }
        if attempt < ATTEMPTS {
            say::step("apt", &format!("attempt {attempt} failed, trying again: {last}"));
            interrupt::sleep(Duration::from_secs(u64::from(5 * attempt)))?;
        }
    }
    bail!("cannot install {}: {last}", packages.join(", "))
}

fn apt(arguments: &[&str]) -> Result<()> {
    let output = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .context("cannot run apt-get")?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let end: Vec<&str> = text.lines().rev().take(3).collect();
    bail!("apt-get {}: {}", arguments[0], end.into_iter().rev().collect::<Vec<_>>().join(" / "))
}
