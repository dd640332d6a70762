//! What a machine boots: kernel, first stage with the drivers, and a disk with the device programs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::machine::Machine;
use crate::tools::cargo::{self, workspace};
use crate::tools::debian::{Mirror, Needs, unpack};
use crate::tools::{archive, say};

/// The suite whose kernels are booted.
const SUITE: &str = "bookworm";
const ARCHITECTURES: &[&str] = &["armhf", "arm64", "mipsel"];
/// Size of the disk; a sparse file.
const DISK_MB: u32 = 192;

/// Kernel and first stage.
#[derive(Debug)]
pub struct Boot {
    /// Kernel file.
    pub kernel: PathBuf,
    /// Compressed first stage.
    pub initramfs: PathBuf,
    /// Unpacked packages of the second stage.
    root: PathBuf,
}

impl Boot {
    /// The static busybox of the second stage.
    pub fn busybox(&self) -> PathBuf {
        self.root.join("bin/busybox")
    }
}

/// A file to put on the disk.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Where it is on this machine.
    pub from: PathBuf,
    /// Where it goes, from the root of the disk.
    pub to: String,
}

/// Fetches packages and packs the first stage; both are kept by content.
///
/// # Errors
/// When a package cannot be had or a tool is missing.
pub fn prepare(machine: &Machine) -> Result<Boot> {
    let mirror = Mirror::new(SUITE, ARCHITECTURES);
    let name = mirror.stands_for(machine.kernel, machine.debian)?;
    let folder = workspace().join("out/hw").join(machine.name);
    let tree = folder.join(&name);
    if !tree.join("complete").exists() {
        let kernel = format!("{name}:{}", machine.debian);
        unpack(&mirror.fetch(&[kernel], Needs::Nothing)?, &tree)?;
        fs::write(tree.join("complete"), "")?;
    }
    let packages: Vec<String> = ["busybox-static", "crun", "iproute2"]
        .iter()
        .map(|one| format!("{one}:{}", machine.debian))
        .collect();
    let root = folder.join("packages");
    if !root.join("complete").exists() {
        let _ = fs::remove_dir_all(&root);
        unpack(&mirror.fetch(&packages, Needs::Everything)?, &root)?;
        for unneeded in ["usr/share", "usr/lib/systemd", "var"] {
            let _ = fs::remove_dir_all(root.join(unneeded));
        }
        fs::write(root.join("complete"), "")?;
    }
    let initramfs = first_stage(machine, &tree, &root, &folder)?;
    let kernel = fs::read_dir(tree.join("boot"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("vmlinu")))
        .context("the package has no kernel")?;
    Ok(Boot { kernel, initramfs, root })
}

/// Packs busybox, the drivers in load order, and the first script.
fn first_stage(machine: &Machine, tree: &Path, root: &Path, folder: &Path) -> Result<PathBuf> {
    let script = workspace().join("hw-tests/guest/first-stage");
    let text = fs::read_to_string(&script)?.replace("@DISK@", machine.disk);
    let name = tree.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let key = archive::hex(format!("2 {name} {text} {:?}", machine.modules).as_bytes());
    let packed = folder.join(format!("first-stage-{}.gz", &key[..16]));
    if packed.exists() {
        return Ok(packed);
    }
    say::step("hw", &format!("{}: packing the first stage", machine.name));
    let stage = folder.join("first-stage");
    let _ = fs::remove_dir_all(&stage);
    for part in ["bin", "dev", "proc", "sys", "new", "modules"] {
        fs::create_dir_all(stage.join(part))?;
    }
    install(&root.join("bin/busybox"), &stage.join("bin/busybox"), 0o755)?;
    symlink("busybox", stage.join("bin/sh"))?;
    fs::write(stage.join("init"), text)?;
    fs::set_permissions(stage.join("init"), fs::Permissions::from_mode(0o755))?;
    copy_modules(machine.modules, tree, &stage.join("modules"))?;
    let pack = format!(
        "cd {} && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 | gzip -n -1 > {p}.new && mv {p}.new {p}",
        stage.display(),
        p = packed.display()
    );
    cargo::run(Command::new("sh").args(["-c", &pack]))?;
    Ok(packed)
}

/// Copies modules and what they need, numbered in the order of loading.
fn copy_modules(names: &[&str], tree: &Path, into: &Path) -> Result<()> {
    let modules = tree.join("lib/modules");
    let version = fs::read_dir(&modules)?.next().context("the kernel has no modules")??.file_name();
    if !modules.join(&version).join("modules.dep").exists() {
        cargo::run(Command::new("/sbin/depmod").arg("-b").arg(tree).arg(&version))?;
    }
    fs::create_dir_all(into)?;
    let mut seen = BTreeSet::new();
    for name in names {
        let output = Command::new("/sbin/modprobe")
            .arg("-d")
            .arg(tree)
            .arg("-S")
            .arg(&version)
            .args(["--show-depends", name])
            .output()
            .context("cannot run modprobe")?;
        ensure!(output.status.success(), "the kernel has no module {name}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        for line in text.lines() {
            let Some(path) = line.strip_prefix("insmod ") else { continue };
            let path = Path::new(path.trim());
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if seen.insert(file.clone()) {
                install(path, &into.join(format!("{:03}-{file}", seen.len())), 0o644)?;
            }
        }
    }
    Ok(())
}

/// Makes a fresh disk with the second stage and the given files.
///
/// # Errors
/// When a file is missing or `mke2fs` fails.
pub fn disk(machine: &Machine, boot: &Boot, files: &[Placed], to: &Path) -> Result<()> {
    let root = to.with_extension("root");
    let _ = fs::remove_dir_all(&root);
    cargo::run(Command::new("cp").arg("-a").arg(&boot.root).arg(&root))?;
    for part in
        ["dev", "proc", "sys", "tmp", "run", "root", "mnt", "etc", "data", "var", "usr/sbin"]
    {
        fs::create_dir_all(root.join(part))?;
    }
    let tree = boot.kernel.parent().and_then(Path::parent).context("no kernel tree")?;
    let mut numbered = Vec::new();
    for extra in machine.extras {
        let folder = root.join("lib/extras").join(extra);
        copy_modules(&[extra], tree, &folder)?;
        numbered.push(folder);
    }
    let guest = workspace().join("hw-tests/guest");
    for script in ["second-stage", "console", "respawn"] {
        install(&guest.join(script), &root.join("sbin").join(script), 0o755)?;
    }
    let inittab = fs::read_to_string(guest.join("inittab"))?.replace("@CONSOLE@", machine.console);
    fs::write(root.join("etc/inittab"), inittab)?;
    symlink("../run", root.join("var/run"))?;
    fs::write(root.join("etc/hosts"), "127.0.0.1 localhost\n")?;
    for one in files {
        let target = root.join(one.to.trim_start_matches('/'));
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        let mode = if one.to.contains("bin/") { 0o755 } else { 0o644 };
        install(&one.from, &target, mode)?;
    }
    let _ = fs::remove_file(to);
    let output = Command::new("/sbin/mke2fs")
        .args(["-q", "-t", "ext4", "-O", "^metadata_csum_seed,^orphan_file", "-m", "0", "-d"])
        .arg(&root)
        // Everything is initialised here: the kernel must not go on with it while writes are counted.
        .args(["-E", "lazy_itable_init=0,lazy_journal_init=0"])
        .arg(to)
        .arg(format!("{DISK_MB}M"))
        .output()
        .context("cannot run mke2fs")?;
    ensure!(output.status.success(), "mke2fs: {}", String::from_utf8_lossy(&output.stderr).trim());
    fs::remove_dir_all(&root)?;
    Ok(())
}

fn install(from: &Path, to: &Path, mode: u32) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))?;
    Ok(())
}
