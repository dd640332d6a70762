//! deb, ipk and tarball: the same input gives the same bytes (fixed dates, owners and order).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::tree::{self, Format};
use crate::cross::target::Target;
use crate::tools::cargo::{self, workspace};

/// What a package is made of.
#[derive(Debug)]
pub struct Input<'a> {
    /// Architecture.
    pub target: &'a Target,
    /// Name of the program.
    pub name: &'a str,
    /// The program.
    pub program: &'a Path,
    /// Version of the package.
    pub version: &'a str,
    /// Date of everything inside, seconds since 1970.
    pub epoch: u64,
}

/// Builds a package of the Agent into `out/packages-built`.
///
/// # Errors
/// When a tool is missing or fails.
pub fn build(format: Format, input: &Input<'_>) -> Result<PathBuf> {
    let folder = workspace().join("out/packages-built");
    let root = folder.join(format!("{}-{format:?}", input.target.name));
    tree::lay_out(format, input.program, &root)?;
    let installed_kb = fs::metadata(input.program)?.len().div_ceil(1024) + 16;
    let (package, architecture, extension) = match format {
        Format::Deb => (input.target.debian_package(), input.target.debian, "deb"),
        Format::Ipk => ("iofog-agent".to_owned(), input.target.openwrt, "ipk"),
    };
    let control = control(&package, architecture, input.version, installed_kb);
    let meta = root.join(if format == Format::Deb { "DEBIAN" } else { "CONTROL" });
    fs::create_dir_all(&meta)?;
    fs::write(meta.join("control"), control)?;
    fs::write(meta.join("conffiles"), tree::conffiles(format).join("\n") + "\n")?;
    let files = workspace().join("packaging/files");
    for script in tree::scripts(format) {
        tree::put(&files.join(script), &meta.join(script), 0o755)?;
    }
    let file =
        folder.join(format!("iofog-agent_{}_{}.{extension}", input.version, input.target.name));
    match format {
        Format::Deb => deb(&root, &file, input.epoch)?,
        Format::Ipk => ipk(&root, &file, input.epoch)?,
    }
    fs::remove_dir_all(&root)?;
    Ok(file)
}

fn control(package: &str, architecture: &str, version: &str, installed_kb: u64) -> String {
    let mut text = format!(
        "Package: {package}\nVersion: {version}\nArchitecture: {architecture}\n\
         Maintainer: ioFog maintainers <maintainers@example.org>\nSection: net\nPriority: optional\n\
         Installed-Size: {installed_kb}\n"
    );
    if package != "iofog-agent" {
        text += &format!(
            "Provides: iofog-agent (= {version})\nConflicts: iofog-agent\nReplaces: iofog-agent\n"
        );
    }
    text + "Description: ioFog Agent with edge Router and Proxy\n \
         Runs microservices of an Edge Compute Network on this device.\n"
}

/// Packs the program and the licence; for the recipes of other build systems, the Agent's service files too.
///
/// # Errors
/// When a file is missing or tar fails.
pub fn tarball(input: &Input<'_>) -> Result<PathBuf> {
    let folder = workspace().join("out/packages-built");
    let root = folder.join(format!("{}-tarball", input.target.name));
    let _ = fs::remove_dir_all(&root);
    let name = format!("{}-{}", input.name, input.version);
    tree::put(input.program, &root.join(&name).join(input.name), 0o755)?;
    tree::put(&workspace().join("LICENSE"), &root.join(&name).join("LICENSE"), 0o644)?;
    if input.name == "iofog-agent" {
        for entry in fs::read_dir(workspace().join("packaging/files"))? {
            let entry = entry?;
            let to = root.join(&name).join("files").join(entry.file_name());
            tree::put(&entry.path(), &to, 0o644)?;
        }
    }
    let file = folder.join(format!("{name}-{}.tar.gz", input.target.name));
    tar(&root, &file, input.epoch, &[&name])?;
    fs::remove_dir_all(&root)?;
    Ok(file)
}

fn deb(root: &Path, file: &Path, epoch: u64) -> Result<()> {
    // It packs modes as they are, and refuses some: those of folders came from the umask.
    cargo::run(Command::new("chmod").args(["--recursive", "u=rwX,go=rX"]).arg(root))?;
    cargo::run(
        Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Zxz", "--build"])
            .arg(root)
            .arg(file)
            .env("SOURCE_DATE_EPOCH", epoch.to_string())
            .stdout(std::process::Stdio::null()),
    )
}

/// A gzip-compressed tar of `debian-binary`, `control.tar.gz` and `data.tar.gz`, as opkg reads it.
fn ipk(root: &Path, file: &Path, epoch: u64) -> Result<()> {
    let parts = root.with_extension("parts");
    let _ = fs::remove_dir_all(&parts);
    fs::create_dir_all(&parts)?;
    fs::write(parts.join("debian-binary"), "2.0\n")?;
    fs::rename(root.join("CONTROL"), parts.join("meta")).context("no control files")?;
    tar(&parts.join("meta"), &parts.join("control.tar.gz"), epoch, &["."])?;
    tar(root, &parts.join("data.tar.gz"), epoch, &["."])?;
    let members = ["./debian-binary", "./data.tar.gz", "./control.tar.gz"];
    tar(&parts, file, epoch, &members)?;
    fs::remove_dir_all(&parts)?;
    Ok(())
}

/// A compressed archive whose bytes depend neither on the clock nor on the user and umask.
pub(super) fn tar(from: &Path, to: &Path, epoch: u64, members: &[&str]) -> Result<()> {
    let line = "from=$1 to=$2 epoch=$3; shift 3; tar --sort=name --mtime=\"@$epoch\" --owner=0 --group=0 --numeric-owner \
                --mode=u+rw,go=rX --format=gnu -C \"$from\" -cf - \"$@\" | gzip -n -9 > \"$to\"";
    let mut command = Command::new("sh");
    command.args(["-c", line, "tar"]).args([from, to]).arg(epoch.to_string()).args(members);
    cargo::run(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn packages_of_one_architecture_shut_each_other_out() {
        let plain = control("iofog-agent", "armhf", "1.0.0", 7);
        assert!(plain.starts_with("Package: iofog-agent\nVersion: 1.0.0\nArchitecture: armhf\n"));
        assert!(!plain.contains("Conflicts"));
        let other = control("iofog-agent-armv6", "armhf", "1.0.0", 7);
        assert!(other.contains("\nProvides: iofog-agent (= 1.0.0)\nConflicts: iofog-agent\n"));
        assert!(other.ends_with("on this device.\n"));
    }

    #[test]
    fn an_archive_is_packed_in_a_folder_with_a_blank() {
        let folder = std::env::temp_dir().join(format!("xtask tar {}", std::process::id()));
        tree::put(&workspace().join("LICENSE"), &folder.join("a b/LICENSE"), 0o644).unwrap();
        let file = folder.join("of it.tar.gz");
        tar(&folder, &file, 1, &["a b"]).unwrap();
        let told = Command::new("tar").arg("-tf").arg(&file).output().unwrap();
        assert_eq!(String::from_utf8(told.stdout).unwrap(), "a b/\na b/LICENSE\n");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_deb_is_the_same_under_any_umask() {
        let folder = std::env::temp_dir().join(format!("xtask-deb-{}", std::process::id()));
        let packed = [0o700, 0o775].map(|mode| {
            let root = folder.join(format!("{mode:o}"));
            tree::put(&workspace().join("LICENSE"), &root.join("usr/LICENSE"), 0o644).unwrap();
            fs::create_dir(root.join("DEBIAN")).unwrap();
            let text = control("iofog-agent", "armhf", "1.0.0", 7);
            fs::write(root.join("DEBIAN/control"), text).unwrap();
            for one in ["", "usr", "DEBIAN"] {
                fs::set_permissions(root.join(one), fs::Permissions::from_mode(mode)).unwrap();
            }
            let file = folder.join(format!("{mode:o}.deb"));
            deb(&root, &file, 1).unwrap();
            fs::read(&file).unwrap()
        });
        assert_eq!(packed[0], packed[1]);
        fs::remove_dir_all(&folder).unwrap();
    }

    /// The script of the package, on processors that `uname` says to be others.
    #[test]
    fn a_program_that_cannot_run_is_not_installed() {
        let folder = std::env::temp_dir().join(format!("xtask-preinst-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let uname = folder.join("uname");
        fs::write(&uname, "#!/bin/sh\necho $FAKE_MACHINE\n").unwrap();
        fs::set_permissions(&uname, fs::Permissions::from_mode(0o755)).unwrap();
        let runs = |package: &str, architecture: &str, machine: &str| {
            Command::new("sh")
                .arg(workspace().join("packaging/files/preinst"))
                .arg("install")
                .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
                .env("FAKE_MACHINE", machine)
                .env("DPKG_MAINTSCRIPT_PACKAGE", package)
                .env("DPKG_MAINTSCRIPT_ARCH", architecture)
                .env_remove("DPKG_ROOT")
                .status()
                .unwrap()
                .success()
        };
        assert!(!runs("iofog-agent", "armhf", "armv6l"));
        assert!(runs("iofog-agent", "armhf", "armv7l"));
        assert!(runs("iofog-agent", "armhf", "aarch64"));
        assert!(runs("iofog-agent-armv6", "armhf", "armv6l"));
        assert!(runs("iofog-agent", "armel", "armv5tejl"));
        fs::remove_dir_all(&folder).unwrap();
    }

    /// The script of the package, where an image is built: the service is enabled for what starts the device, and nothing runs.
    #[test]
    fn in_an_image_the_service_is_enabled_and_not_started() {
        let folder = std::env::temp_dir().join(format!("xtask-postinst-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let calls = folder.join("calls");
        for tool in ["ischroot", "update-rc.d", "invoke-rc.d", "systemctl"] {
            let script = match tool {
                "ischroot" => "#!/bin/sh\nexit $FAKE_CHROOT\n".to_owned(),
                _ => format!("#!/bin/sh\necho {tool} $* >> {}\n", calls.display()),
            };
            fs::write(folder.join(tool), script).unwrap();
            fs::set_permissions(folder.join(tool), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let called = |words: &[&str], chroot: &str, root: &str| {
            let _ = fs::remove_file(&calls);
            let status = Command::new("sh")
                .arg(workspace().join("packaging/files/postinst"))
                .args(words)
                .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
                .env("FAKE_CHROOT", chroot)
                .env("DPKG_ROOT", root)
                .env_remove("IPKG_INSTROOT")
                .status();
            assert!(status.unwrap().success());
            fs::read_to_string(&calls).unwrap_or_default()
        };
        let registered = "update-rc.d iofog-agent defaults\n";
        let enabled = "update-rc.d iofog-agent defaults\nupdate-rc.d iofog-agent enable\n";
        assert_eq!(called(&["configure", ""], "0", ""), enabled);
        assert_eq!(called(&["configure", ""], "1", "/image"), enabled);
        assert_eq!(called(&["configure", "0.0.9"], "0", ""), registered);
        assert_eq!(called(&["abort-upgrade", "0.0.9"], "0", ""), "");
        fs::remove_dir_all(&folder).unwrap();
    }
}
