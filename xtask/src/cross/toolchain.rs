//! The tools of a cross build, fetched once into `out/tools`: a C compiler and linker for every target (zig,
//! as a Python package), its cargo front end, and the source of the standard library.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::tools::cargo::{self, workspace};
use crate::tools::{apt, rust_src, say};

/// Versions that the recorded sizes were built with.
pub(super) const PACKAGES: [&str; 2] = ["ziglang==0.17.1", "cargo-zigbuild==0.24.0"];

/// Where the tools are.
#[derive(Debug)]
pub struct Tools {
    /// Folder to put first on the path.
    pub bin: PathBuf,
}

// === impl Tools ===

impl Tools {
    /// The path of programs with the tools in front.
    pub(super) fn path(&self) -> OsString {
        let mut path = OsString::from(&self.bin);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        path
    }
}

/// Fetches what is missing.
///
/// # Errors
/// When a package cannot be had.
pub fn ensure() -> Result<Tools> {
    rust_src::ensure()?;
    let folder = workspace().join("out/tools/zig");
    let bin = folder.join("bin");
    let stamp = folder.join("versions");
    let wanted = PACKAGES.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(Tools { bin });
    }
    say::step("cross", "fetching the C compiler for all targets (about 90 MB)");
    if !python(&["-c", "import ensurepip, venv"]).status().is_ok_and(|status| status.success()) {
        apt::install(&["python3-venv"])?;
    }
    let shown = folder.to_string_lossy();
    cargo::run(&mut python(&["-m", "venv", "--clear", &shown]))?;
    let mut pip = Command::new(bin.join("pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES);
    cargo::run(&mut pip)?;
    ensure!(bin.join("cargo-zigbuild").exists(), "pip installed no cargo-zigbuild");
    std::fs::write(&stamp, wanted).context("cannot note the versions of the cross tools")?;
    Ok(Tools { bin })
}

fn python(arguments: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.args(arguments);
    command
}
