//! What programs for MIPS need beside the C library, as they are linked to fixed places: `cross/dlsym.c`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::build::folder;
use super::target::Target;
use super::toolchain::Tools;
use crate::tools::cargo::{self, workspace};

/// The object to link, compiled anew; none for other targets.
///
/// # Errors
/// When it cannot be compiled.
pub(super) fn object(tools: &Tools, target: &Target) -> Result<Option<PathBuf>> {
    let Some(zig) = zig_target(target) else { return Ok(None) };
    let place = folder().join(target.triple);
    std::fs::create_dir_all(&place)
        .with_context(|| format!("cannot create {}", place.display()))?;
    let object = place.join("dlsym.o");
    let mut compile = Command::new(tools.bin.join("cargo-zigbuild"));
    compile
        .args(["zig", "cc", "--", "-target", zig, "-msoft-float", "-Os", "-g0", "-c", "-o"])
        .arg(&object)
        .arg(workspace().join("cross/dlsym.c"))
        .env("PATH", tools.path());
    cargo::run(&mut compile)?;
    Ok(Some(object))
}

/// The compiler's name of a target that needs it.
fn zig_target(target: &Target) -> Option<&'static str> {
    match target.name {
        "mipsel" => Some("mipsel-linux-musleabi"),
        "mips" => Some("mips-linux-musleabi"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cross::target::TARGETS;

    #[test]
    fn every_mips_target_has_one() {
        for target in TARGETS {
            assert_eq!(zig_target(target).is_some(), target.triple.starts_with("mips"));
        }
    }
}
