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
    /// The program.
    pub program: &'a Path,
    /// Version of the package.
    pub version: &'a str,
    /// Date of everything inside, seconds since 1970.
    pub epoch: u64,
}

/// Builds a package into `out/packages-built`.
///
/// # Errors
/// When a tool is missing or fails.
pub fn build(format: Format, input: &Input<'_>) -> Result<PathBuf> {
    let folder = workspace().join("out/packages-built");
    let root = folder.join(format!("{}-{format:?}", input.target.name));
    tree::lay_out(format, input.program, &root)?;
    let installed_kb = fs::metadata(input.program)?.len().div_ceil(1024) + 16;
    let (architecture, extension) = match format {
        Format::Deb => (input.target.debian, "deb"),
        Format::Ipk => (input.target.openwrt, "ipk"),
    };
    let control = format!(
        "Package: iofog-agent\nVersion: {}\nArchitecture: {architecture}\nMaintainer: ioFog maintainers <maintainers@example.org>\n\
         Section: net\nPriority: optional\nInstalled-Size: {installed_kb}\nDescription: ioFog Agent with edge Router and Proxy\n \
         Runs microservices of an Edge Compute Network on this device.\n",
        input.version
    );
    let meta = root.join(if format == Format::Deb { "DEBIAN" } else { "CONTROL" });
    fs::create_dir_all(&meta)?;
    fs::write(meta.join("control"), control)?;
    fs::write(meta.join("conffiles"), tree::conffiles(format).join("\n") + "\n")?;
    let files = workspace().join("packaging/files");
    for script in ["postinst", "prerm"] {
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

/// Packs the program, every service file and the licence for the recipes of other build systems.
///
/// # Errors
/// When a file is missing or tar fails.
pub fn tarball(input: &Input<'_>) -> Result<PathBuf> {
    let folder = workspace().join("out/packages-built");
    let root = folder.join(format!("{}-tarball", input.target.name));
    let _ = fs::remove_dir_all(&root);
    let name = format!("iofog-agent-{}", input.version);
    tree::put(input.program, &root.join(&name).join("iofog-agent"), 0o755)?;
    tree::put(&workspace().join("LICENSE"), &root.join(&name).join("LICENSE"), 0o644)?;
    for entry in fs::read_dir(workspace().join("packaging/files"))? {
        let entry = entry?;
        tree::put(&entry.path(), &root.join(&name).join("files").join(entry.file_name()), 0o644)?;
    }
    let file = folder.join(format!("{name}-{}.tar.gz", input.target.name));
    tar(&root, &file, input.epoch, &[&name])?;
    fs::remove_dir_all(&root)?;
    Ok(file)
}

fn deb(root: &Path, file: &Path, epoch: u64) -> Result<()> {
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
    let line = format!(
        "tar --sort=name --mtime=@{epoch} --owner=0 --group=0 --numeric-owner --mode=u+rw,go=rX --format=gnu -C {} -cf - {} | gzip -n -9 > {}",
        from.display(),
        members.join(" "),
        to.display()
    );
    cargo::run(Command::new("sh").args(["-c", &line]))
}
