//! One target's build: the standard library from source, everything static.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::objects;
use super::paths;
use super::slim;
use super::target::Target;
use super::toolchain::Tools;
use crate::tools::cargo::{self, workspace};
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

/// `crt1.o` comes from zig, not from the compiler; a static-pie built this way crashes at start on MIPS; and a program
/// that aborts on a panic unwinds nothing, so that tables for it only take room.
const FLAGS: &str = "-Clink-self-contained=no -Crelocation-model=static -Cforce-unwind-tables=no";

/// A panic of a device program is one instruction that ends it: no texts, nothing to make them with, no places.
const DEVICE_FLAGS: &str = " -Zlocation-detail=none";

/// Where the builds go.
pub fn folder() -> PathBuf {
    workspace().join("target-cross")
}

/// Builds programs for a target, of those in [`EDGE_PACKAGES`](cargo::EDGE_PACKAGES), size first, and in
/// [`HOST_PACKAGES`](cargo::HOST_PACKAGES), as releases are.
///
/// # Errors
/// When a build fails or a program is missing after it.
pub fn programs(tools: &Tools, target: &Target, names: &[&str]) -> Result<Vec<Program>> {
    // One at a time, as they are packed: together each would get the features of the others.
    for name in names {
        compile(tools, target, profile(name), &["--package", name, "--bin", name])?;
    }
    let built = folder().join(target.triple);
    names
        .iter()
        .map(|name| {
            let path = built.join(profile(name)).join(name);
            let bytes = std::fs::metadata(&path)
                .with_context(|| format!("no {} after the build", path.display()))?
                .len();
            Ok(Program { name: (*name).to_owned(), path, bytes })
        })
        .collect()
}

/// Builds one program of a package for a target; it lands in `folder()/TRIPLE/edge`.
///
/// # Errors
/// When the build fails.
pub fn program(tools: &Tools, target: &Target, package: &str, name: &str) -> Result<()> {
    compile(tools, target, "edge", &["--package", package, "--bin", name])
}

fn profile(name: &str) -> &'static str {
    if cargo::HOST_PACKAGES.contains(&name) { "release" } else { "edge" }
}

fn flags(tools: &Tools, target: &Target, device: bool) -> Result<String> {
    let mut flags = FLAGS.to_owned();
    if device {
        flags += DEVICE_FLAGS;
        flags += target.flags;
    }
    for object in objects::compiled(tools, target, device)? {
        flags += &format!(" -Clink-arg={}", object.display());
    }
    Ok(flags + &paths::remapped()?)
}

fn compile(tools: &Tools, target: &Target, profile: &str, what: &[&str]) -> Result<()> {
    say::step("cross", &format!("{} for {}", what.join(" "), target.triple));
    // What is fetched has to be in its place before it can be named in the flags.
    cargo::run(cargo::cargo().args(["fetch", "--quiet", "--locked"]))?;
    let device = profile == "edge";
    let mut command = cargo::cargo();
    command
        .args(["zigbuild", "--quiet", "--locked", "-Zbuild-std=std,panic_abort"])
        // Without the default features: names of functions are stripped, so there is nothing a backtrace could show.
        .arg("-Zbuild-std-features=optimize_for_size")
        .args(["--target", target.triple, "--profile", profile])
        .args(what)
        .env("PATH", tools.path())
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", flags(tools, target, device)?)
        .env("IOFOG_TARGET", target.name)
        .env("CARGO_TARGET_DIR", folder());
    if device {
        command
            .arg("-Zpanic-immediate-abort")
            .env("CARGO_PROFILE_EDGE_PANIC", "immediate-abort")
            .env("CARGO_PROFILE_EDGE_STRIP", "none");
    }
    cargo::run(&mut command)?;
    if device { slim::strip(&folder().join(target.triple).join(profile)) } else { Ok(()) }
}
