//! What is linked in beside the C library, from `cross/`: for MIPS an answer to look-ups by name, as programs are linked to
//! fixed places there (`dlsym.c`); for device programs a line that tells where they crashed (`crash.c`). And how device
//! programs are linked (`fold`).

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
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

/// The linker of device programs, with what it reads beside it.
///
/// # Errors
/// When it cannot be put in its place.
pub(super) fn linker(target: &Target) -> Result<PathBuf> {
    let place = folder().join(target.triple);
    std::fs::create_dir_all(&place)
        .with_context(|| format!("cannot create {}", place.display()))?;
    for name in ["fold", "device.ld"] {
        let made = place.join(format!("{name}.new"));
        std::fs::copy(workspace().join("cross").join(name), &made)
            .with_context(|| format!("cannot copy {name}"))?;
        settle(&made, &place.join(name), &linked(&place))?;
    }
    Ok(place.join("fold"))
}

fn linked(place: &Path) -> [PathBuf; 2] {
    ["edge", "release"].map(|profile| place.join(profile).join("deps"))
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
    let made = place.join(format!("{name}.o.new"));
    let mut compile = Command::new(tools.bin.join("cargo-zigbuild"));
    compile
        .args(["zig", "cc", "--", "-target"])
        .args(target.zig)
        .args(["-Os", "-g0", "-fno-sanitize=all", "-fno-unwind-tables"])
        .args(["-fno-asynchronous-unwind-tables", "-c", "-o"])
        .arg(&made)
        .arg(workspace().join(format!("cross/{name}.c")))
        .env("PATH", tools.path());
    cargo::run(&mut compile)?;
    settle(&made, &object, &linked(&place))?;
    Ok(object)
}

/// Puts an object, or what links, in its place. Where it is another than before, what was linked with that goes: cargo knows its name only,
/// as a flag, and would take the programs for built.
fn settle(made: &Path, object: &Path, linked: &[PathBuf]) -> Result<()> {
    let same =
        std::fs::read(object).is_ok_and(|old| std::fs::read(made).is_ok_and(|new| new == old));
    if !same {
        for folder in linked.iter().filter(|folder| folder.exists()) {
            for entry in std::fs::read_dir(folder).context("cannot look for programs")? {
                let path = entry?.path();
                let program = path.extension().is_none()
                    && path.metadata()?.permissions().mode() & 0o111 != 0;
                if program && path.is_file() {
                    std::fs::remove_file(&path).context("cannot remove a program")?;
                }
            }
        }
    }
    std::fs::rename(made, object).context("cannot put an object in its place")
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

    #[test]
    fn a_changed_object_takes_the_programs_linked_with_it_away() {
        let folder = folder().join(format!("objects-{}", std::process::id()));
        let deps = folder.join("deps");
        std::fs::create_dir_all(&deps).unwrap();
        let (made, object) = (folder.join("new"), folder.join("old"));
        let (program, library) = (deps.join("agent-1"), deps.join("libagent-1.rlib"));
        let build = || {
            std::fs::write(&program, "linked").unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
            std::fs::write(&library, "compiled").unwrap();
        };
        let compile = |bytes: &str| {
            std::fs::write(&made, bytes).unwrap();
            settle(&made, &object, std::slice::from_ref(&deps)).unwrap();
            assert_eq!(std::fs::read_to_string(&object).unwrap(), bytes);
            program.exists()
        };
        build();
        assert!(!compile("one"), "built with an object that is not there");
        build();
        assert!(compile("one"));
        assert!(!compile("two"));
        assert!(library.exists());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
