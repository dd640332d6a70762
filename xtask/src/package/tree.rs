//! What a package of the Agent puts on a device, per init system.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::tools::cargo::workspace;

/// Init systems that a format serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Debian and its kin: systemd and sysv.
    Deb,
    /// OpenWrt and other opkg systems: procd.
    Ipk,
}

/// File in `packaging/files` (or the program), its place, its mode.
fn files(format: Format) -> Vec<(&'static str, &'static str, u32)> {
    let mut files = vec![("update.conf", "etc/iofog-agent/update.conf", 0o644)];
    match format {
        Format::Deb => {
            files.push(("iofog-agent.service", "lib/systemd/system/iofog-agent.service", 0o644));
            files.push(("iofog-agent.init", "etc/init.d/iofog-agent", 0o755));
        }
        Format::Ipk => files.push(("iofog-agent.procd", "etc/init.d/iofog-agent", 0o755)),
    }
    files
}

/// Scripts in `packaging/files` that a package manager runs.
pub fn scripts(format: Format) -> &'static [&'static str] {
    match format {
        Format::Deb => &["preinst", "postinst", "prerm"],
        Format::Ipk => &["postinst", "prerm"],
    }
}

/// Configuration files that an upgrade keeps.
pub fn conffiles(format: Format) -> Vec<String> {
    let all = files(format).into_iter();
    all.filter(|(_, to, _)| to.starts_with("etc/")).map(|(_, to, _)| format!("/{to}")).collect()
}

/// Lays out the files of a package below `root`.
///
/// # Errors
/// When a file is missing or cannot be written.
pub fn lay_out(format: Format, program: &Path, root: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(root);
    put(program, &root.join("usr/sbin/iofog-agent"), 0o755)?;
    for (from, to, mode) in files(format) {
        put(&workspace().join("packaging/files").join(from), &root.join(to), mode)?;
    }
    Ok(())
}

/// Copies one file with its mode, whatever the umask.
///
/// # Errors
/// When it is missing or cannot be written.
pub fn put(from: &Path, to: &Path, mode: u32) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))?;
    Ok(())
}
