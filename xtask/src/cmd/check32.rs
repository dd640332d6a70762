//! `cargo xtask check32`: the device programs must compile where a word has 32 bits and no 64-bit
//! atomics exist. Only checked, not linked; the C inside ring is compiled, by the C compiler of the cross builds.

use std::process::Command;

use anyhow::Result;
use argh::FromArgs;

use crate::cross::toolchain;
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
        let tools = toolchain::ensure()?;
        let mut path = std::ffi::OsString::from(&tools.bin);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let check = || {
            let mut command = Command::new(tools.bin.join("cargo-zigbuild"));
            command
                .current_dir(cargo::workspace())
                .env("PATH", &path)
                .args(["check", "--quiet", "-Zbuild-std=std,panic_abort", "--target", TARGET])
                .args(["--profile", "edge", "--lib", "--bins"])
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_DIR", cargo::workspace().join("target-check32"));
            command
        };
        let mut all = check();
        for package in EDGE_PACKAGES {
            all.args(["--package", package]);
        }
        cargo::run(&mut all)?;
        say::line(&format!("check32: {} compile for {TARGET}", EDGE_PACKAGES.join(", ")));
        // Nothing else compiles the Agent in this form.
        cargo::run(check().args(["--package", "iofog-agent", "--no-default-features"]))?;
        say::line("check32: iofog-agent compiles without the adapter for Docker too");
        Ok(())
    }
}
