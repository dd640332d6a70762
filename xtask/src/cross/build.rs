//! One target's build: the standard library from source, everything static.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::target::Target;
use super::toolchain::Tools;
use crate::tools::cargo::{self, EDGE_PACKAGES, workspace};
use crate::tools::say;

/// A program as built.
#[derive(Debug)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its size, stripped.
    pub bytes: u64,
}

/// `crt1.o` comes from zig, not from the compiler; and a static-pie built this way crashes at start on MIPS.
const FLAGS: &str = "-Clink-self-contained=no -Crelocation-model=static";

/// Where the builds go.
pub fn folder() -> PathBuf {
    workspace().join("target-cross")
}

/// Builds the device programs for a target.
///
/// # Errors
/// When a build fails or a program is missing after it.
pub fn programs(tools: &Tools, target: &Target) -> Result<Vec<Program>> {
    packages(tools, target, &EDGE_PACKAGES)?;
    let bin = folder().join(target.triple).join("edge");
    EDGE_PACKAGES
        .iter()
        .map(|name| {
            let path = bin.join(name);
            let bytes = std::fs::metadata(&path)
                .with_context(|| format!("no {} after the build", path.display()))?
                .len();
            Ok(Program { name: (*name).to_owned(), path, bytes })
        })
        .collect()
}

/// Builds all programs of some packages for a target; they land in `folder()/TRIPLE/edge`.
///
/// # Errors
/// When the build fails.
pub fn packages(tools: &Tools, target: &Target, packages: &[&str]) -> Result<()> {
    say::step("cross", &format!("{} for {}", packages.join(", "), target.triple));
    let mut path = std::ffi::OsString::from(&tools.bin);
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = cargo::cargo();
    command
        .args(["zigbuild", "--quiet", "--locked", "-Zbuild-std=std,panic_abort"])
        .args(["--target", target.triple, "--profile", "edge", "--bins"])
        .env("PATH", path)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", FLAGS)
        .env("IOFOG_TARGET", target.name)
        .env("CARGO_TARGET_DIR", folder());
    for package in packages {
        command.args(["--package", package]);
    }
    cargo::run(&mut command)
}
