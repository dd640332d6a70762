//! What is linked in beside the C library, from `cross/`: for MIPS an answer to look-ups by name, as programs are linked to
//! fixed places there (`dlsym.c`); for device programs a line that tells where they crashed (`crash.c`).

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::build::folder;
use super::target::Target;
use super::toolchain::Tools;
use crate::tools::cargo::{self, workspace};

/// The objects to link, compiled anew; `device`: into a program that crashes instead of panicking.
///
/// # Errors
/// When one cannot be compiled.
pub(super) fn compiled(tools: &Tools, target: &Target, device: bool) -> Result<Vec<PathBuf>> {
    names(target, device).iter().map(|name| compile(tools, target, name)).collect()
}

fn names(target: &Target, device: bool) -> Vec<&'static str> {
    let mips = target.triple.starts_with("mips");
    let all = [(mips, "dlsym"), (device, "crash")];
    all.into_iter().filter_map(|(wanted, name)| wanted.then_some(name)).collect()
}

fn compile(tools: &Tools, target: &Target, name: &str) -> Result<PathBuf> {
    let place = folder().join(target.triple);
    std::fs::create_dir_all(&place)
        .with_context(|| format!("cannot create {}", place.display()))?;
    let object = place.join(format!("{name}.o"));
    let mut compile = Command::new(tools.bin.join("cargo-zigbuild"));
    compile
        .args(["zig", "cc", "--", "-target"])
        .args(target.zig)
        .args(["-Os", "-g0", "-fno-sanitize=all", "-fno-unwind-tables"])
        .args(["-fno-asynchronous-unwind-tables", "-c", "-o"])
        .arg(&object)
        .arg(workspace().join(format!("cross/{name}.c")))
        .env("PATH", tools.path());
    cargo::run(&mut compile)?;
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cross::target::TARGETS;

    #[test]
    fn device_programs_tell_their_crashes_and_programs_for_mips_look_nothing_up() {
        for target in TARGETS {
            let mips = target.triple.starts_with("mips");
            assert!(names(target, true).contains(&"crash"));
            assert_eq!(names(target, false).contains(&"dlsym"), mips);
            assert!(!names(target, false).contains(&"crash"));
        }
    }
}
