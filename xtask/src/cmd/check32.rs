//! `cargo xtask check32`: the device programs must compile where a word has 32 bits and no 64-bit
//! atomics exist. Only checked, not linked: no C library or linker of that target is needed.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use argh::FromArgs;

use crate::tools::cargo::{self, EDGE_PACKAGES};
use crate::tools::say;

/// MIPS of small gateways: little-endian, soft-float, largest atomic 32 bits.
const TARGET: &str = "mipsel-unknown-linux-musl";

/// Compile check of the device programs for a 32-bit target without 64-bit atomics.
#[derive(FromArgs)]
#[argh(subcommand, name = "check32")]
pub struct Check32 {}

impl Check32 {
    /// Runs the command.
    ///
    /// # Errors
    /// When something does not compile, or no source of the standard library can be had.
    pub fn run(&self) -> Result<()> {
        ensure_library_source()?;
        let mut command = cargo::cargo();
        command
            .args(["check", "--quiet", "-Zbuild-std=std,panic_abort", "--target", TARGET])
            .args(["--profile", "edge", "--lib", "--bins"])
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_DIR", cargo::workspace().join("target-check32"));
        for package in EDGE_PACKAGES {
            command.args(["--package", package]);
        }
        cargo::run(&mut command)?;
        say::line(&format!("check32: {} compile for {TARGET}", EDGE_PACKAGES.join(", ")));
        Ok(())
    }
}

/// The standard library is compiled from source: no prebuilt one exists for this target.
fn ensure_library_source() -> Result<()> {
    if library_source()?.exists() {
        return Ok(());
    }
    say::step("check32", "fetching the standard library's source");
    let status = Command::new("rustup")
        .args(["component", "add", "rust-src"])
        .current_dir(cargo::workspace())
        .status()
        .context("cannot run rustup")?;
    ensure!(
        status.success() && library_source()?.exists(),
        "no source of the standard library: `rustup component add rust-src` failed"
    );
    Ok(())
}

fn library_source() -> Result<PathBuf> {
    let output = Command::new("rustc")
        .args(["--print", "sysroot"])
        .current_dir(cargo::workspace())
        .output()
        .context("cannot run rustc")?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(sysroot.join("lib/rustlib/src/rust/library/Cargo.lock"))
}
