//! The source of the standard library, compiled anew for targets that have no prebuilt one.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{cargo, say};

/// Fetches the source unless it is there.
///
/// # Errors
/// When rustup cannot provide it.
pub fn ensure() -> Result<()> {
    let lock = library()?.join("Cargo.lock");
    if lock.exists() {
        return Ok(());
    }
    say::step("rust-src", "fetching the standard library's source");
    let status = Command::new("rustup")
        .args(["component", "add", "rust-src"])
        .current_dir(cargo::workspace())
        .status()
        .context("cannot run rustup")?;
    ensure!(
        status.success() && lock.exists(),
        "no source of the standard library: `rustup component add rust-src` failed"
    );
    Ok(())
}

/// Folder of the source, there or not.
///
/// # Errors
/// When the compiler cannot be asked.
pub fn library() -> Result<PathBuf> {
    Ok(sysroot()?.join("lib/rustlib/src/rust/library"))
}

/// Folder of the compiler.
///
/// # Errors
/// When it cannot be asked.
pub fn sysroot() -> Result<PathBuf> {
    let output = Command::new("rustc")
        .args(["--print", "sysroot"])
        .current_dir(cargo::workspace())
        .output()
        .context("cannot run rustc")?;
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}
