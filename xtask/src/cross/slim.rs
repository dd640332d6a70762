//! Symbols taken out of programs and kept beside them: with them the place of a crash has a name.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::tools::{cargo, rust_src};

/// Ending of the file that keeps a program's symbols.
pub const SYMBOLS: &str = "symbols";

/// Strips what cargo just built in a folder. cargo's programs are links to its own files, and these stay whole, so that it
/// takes them for built; what is stripped is a file of its own.
///
/// # Errors
/// When a file cannot be read or written.
pub(super) fn strip(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).context("no folder after the build")? {
        let path = entry?.path();
        let about = path.metadata()?;
        let program = about.is_file() && about.permissions().mode() & 0o111 != 0;
        if program && about.nlink() > 1 && path.extension().is_none() {
            // Not what debuggers read: assembly comes with some of it, and with folders of this machine.
            objcopy(&["--only-keep-debug", "--strip-debug"], &path, &path.with_extension(SYMBOLS))?;
            let stripped = path.with_extension("stripped");
            objcopy(&["--strip-all"], &path, &stripped)?;
            std::fs::rename(&stripped, &path)?;
        }
    }
    Ok(())
}

/// A tool of the compiler's own, which knows every target.
///
/// # Errors
/// When the compiler's folder is not known.
pub(super) fn tool(name: &str) -> Result<PathBuf> {
    Ok(rust_src::sysroot()?.join(format!("lib/rustlib/{}/bin/{name}", cargo::host_triple()?)))
}

fn objcopy(what: &[&str], from: &Path, to: &Path) -> Result<()> {
    let mut command = Command::new(tool("rust-objcopy")?);
    command.args(what).arg(from).arg(to).env("LD_LIBRARY_PATH", rust_src::sysroot()?.join("lib"));
    cargo::run(&mut command)
}
