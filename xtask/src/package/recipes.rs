//! Recipes for OpenWrt, Buildroot and Yocto: what a release adds to them, and that they agree with the rest of the tree.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::formats;
use crate::tools::cargo::{self, workspace};

/// A tarball of a release.
#[derive(Debug)]
pub struct Tarball {
    /// Short name of its target.
    pub target: &'static str,
    /// SHA-256 in hex.
    pub sha256: String,
}

/// Packs the recipes with the checksums of a release; a recipe without them refuses to build (decision 0100).
///
/// # Errors
/// When they cannot be read or written.
pub fn pack(folder: &Path, version: &str, epoch: u64, tarballs: &[Tarball]) -> Result<PathBuf> {
    let name = format!("iofog-recipes-{version}");
    let root = folder.join("recipes-root");
    let inside = root.join(&name);
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(&inside)?;
    for system in ["openwrt", "buildroot", "yocto"] {
        let from = workspace().join("packaging").join(system);
        cargo::run(Command::new("cp").arg("-r").arg(from).arg(&inside))?;
    }
    for (path, text) in checksums(version, tarballs) {
        fs::write(inside.join(path), text)?;
    }
    let file = folder.join(format!("{name}.tar.gz"));
    formats::tar(&root, &file, epoch, &[&name])?;
    fs::remove_dir_all(&root)?;
    Ok(file)
}

/// The files with checksums, as each build system reads them.
fn checksums(version: &str, tarballs: &[Tarball]) -> [(&'static str, String); 3] {
    let (mut openwrt, mut buildroot, mut yocto) = (String::new(), String::new(), String::new());
    for Tarball { target, sha256 } in tarballs {
        let _ = writeln!(openwrt, "IOFOG_HASH_{target}:={sha256}");
        let _ = writeln!(buildroot, "sha256  {sha256}  iofog-agent-{version}-{target}.tar.gz");
        let _ = writeln!(yocto, "SRC_URI[{target}.sha256sum] = \"{sha256}\"");
    }
    [
        ("openwrt/iofog-agent/release.mk", openwrt),
        ("buildroot/package/iofog-agent/iofog-agent.hash", buildroot),
        ("yocto/meta-iofog/recipes-iofog/iofog-agent/iofog-agent-release.inc", yocto),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cross::target::TARGETS;

    const OPENWRT: &str = "openwrt/iofog-agent/Makefile";
    const BUILDROOT: &str = "buildroot/package/iofog-agent/iofog-agent.mk";
    const CONFIG: &str = "buildroot/package/iofog-agent/Config.in";
    const VERSION: &str = env!("CARGO_PKG_VERSION");

    fn yocto() -> String {
        format!("yocto/meta-iofog/recipes-iofog/iofog-agent/iofog-agent_{VERSION}.bb")
    }

    fn read(path: &str) -> String {
        let path = workspace().join("packaging").join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn known() -> BTreeSet<String> {
        TARGETS.iter().map(|target| target.name.to_owned()).collect()
    }

    /// Text between double quotes.
    fn quoted(line: &str) -> Option<String> {
        line.split('"').nth(1).map(str::to_owned)
    }

    #[test]
    fn versions_are_those_of_the_workspace() {
        assert!(read(OPENWRT).contains(&format!("\nPKG_VERSION:={VERSION}\n")));
        assert!(read(BUILDROOT).contains(&format!("\nIOFOG_AGENT_VERSION = {VERSION}\n")));
        assert!(!read(&yocto()).is_empty());
    }

    #[test]
    fn files_that_they_install_are_there() {
        for recipe in [OPENWRT.to_owned(), BUILDROOT.to_owned(), yocto()] {
            let text = read(&recipe);
            let names: Vec<&str> = text
                .split("/files/")
                .skip(1)
                .filter_map(|rest| rest.split_whitespace().next())
                .collect();
            assert!(names.contains(&"update.conf") && names.len() > 1, "{recipe}: {names:?}");
            for name in names {
                assert!(!read(&format!("files/{name}")).is_empty());
            }
        }
    }

    #[test]
    fn buildroot_and_yocto_name_every_target() {
        let config = read(CONFIG);
        let defaults = config.lines().filter(|line| line.trim_start().starts_with("default \""));
        assert_eq!(defaults.filter_map(quoted).collect::<BTreeSet<_>>(), known());
        let recipe = read(&yocto());
        let lines: Vec<&str> =
            recipe.lines().filter(|line| line.starts_with("IOFOG_TARGET:")).collect();
        for name in known() {
            let plain = format!("\"{name}\"");
            let chosen = format!("'{name}'");
            let named = |line: &&str| line.contains(&plain) || line.contains(&chosen);
            assert!(lines.iter().any(named), "{name}");
        }
        for line in lines.iter().filter(|line| !line.contains("${@")) {
            assert!(known().contains(&quoted(line).unwrap()), "{line}");
        }
    }

    #[test]
    fn yocto_knows_the_licence_text() {
        let output = Command::new("md5sum").arg(workspace().join("LICENSE")).output().unwrap();
        let sum = String::from_utf8(output.stdout).unwrap();
        assert!(read(&yocto()).contains(&format!(";md5={}\"", &sum[..32])));
    }

    /// OpenWrt's recipe read by make itself, with the build system's own files reduced to what it asks them for.
    #[test]
    fn openwrt_chooses_the_target_of_each_architecture() {
        if Command::new("make").arg("--version").output().is_err() {
            println!("skipped: no make");
            return;
        }
        let top = std::env::temp_dir().join(format!("xtask-openwrt-{}", std::process::id()));
        fs::create_dir_all(&top).unwrap();
        fs::write(top.join("rules.mk"), "qstrip=$(strip $(subst \",,$(1)))\n").unwrap();
        let rest = "BuildPackage=\nprint: ; @echo $(PKG_SOURCE_URL)/$(PKG_SOURCE) $(PKG_HASH)\n";
        fs::write(top.join("package.mk"), rest).unwrap();
        let hashes: Vec<Tarball> = TARGETS
            .iter()
            .map(|t| Tarball { target: t.name, sha256: format!("sum-of-{}", t.name) })
            .collect();
        fs::write(top.join("release.mk"), &checksums(VERSION, &hashes)[0].1).unwrap();
        let ask = |architecture: &str| {
            let output = Command::new("make")
                .args(["-s", "-f"])
                .arg(workspace().join("packaging").join(OPENWRT))
                .args(["print", "CONFIG_IOFOG_AGENT_SITE=\"file:///release\""])
                .arg(format!("ARCH_PACKAGES={architecture}"))
                .arg(format!("TOPDIR={}", top.display()))
                .arg(format!("INCLUDE_DIR={}", top.display()))
                .current_dir(&top)
                .output()
                .unwrap();
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        for target in TARGETS {
            let name = target.name;
            let expected =
                format!("file:///release/iofog-agent-{VERSION}-{name}.tar.gz sum-of-{name}");
            assert_eq!(ask(target.openwrt), expected);
        }
        // A first-generation MIPS32 lacks instructions of the program; a Cortex-A9 without floating point does not.
        assert!(ask("mips_mips32").ends_with("-.tar.gz"));
        assert!(ask("arm_cortex-a9").ends_with("sum-of-armv5te"));
        fs::remove_dir_all(&top).unwrap();
    }

    #[test]
    fn scripts_are_shell() {
        let mut scripts = 0;
        for entry in fs::read_dir(workspace().join("packaging/files")).unwrap() {
            let path = entry.unwrap().path();
            if fs::read_to_string(&path).unwrap().starts_with("#!") {
                let status = Command::new("sh").arg("-n").arg(&path).status().unwrap();
                assert!(status.success(), "{}", path.display());
                scripts += 1;
            }
        }
        assert!(scripts >= 4);
    }

    #[test]
    fn checksums_in_three_forms() {
        let one = Tarball { target: "armv7", sha256: "ab".repeat(32) };
        let [openwrt, buildroot, yocto] = checksums("1.2.3", &[one]).map(|(_, text)| text);
        let sum = "ab".repeat(32);
        assert_eq!(openwrt, format!("IOFOG_HASH_armv7:={sum}\n"));
        assert_eq!(buildroot, format!("sha256  {sum}  iofog-agent-1.2.3-armv7.tar.gz\n"));
        assert_eq!(yocto, format!("SRC_URI[armv7.sha256sum] = \"{sum}\"\n"));
    }
}
