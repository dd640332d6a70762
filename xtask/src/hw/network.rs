//! A network of the test's own: loopback with the addresses of the Controller and of another gateway. QEMU's user
//! network makes the guest's connections from here, so the guest reaches them under the same addresses.

use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, ensure};

use crate::tools::cargo;

/// Controller, interior Router and public ports.
pub const CONTROLLER: &str = "10.99.0.1";
/// The gateway that runs on this machine.
pub const FAR_GATEWAY: &str = "10.99.0.2";

const INSIDE: &str = "IOFOG_HW_INSIDE";

/// Runs this program again with network and process namespaces of its own, and waits for it. `None` inside of them.
/// Everything that it starts ends with it.
///
/// # Errors
/// When the caller is not root or namespaces are refused.
pub fn enter() -> Result<Option<ExitStatus>> {
    if std::env::var_os(INSIDE).is_some() {
        cargo::run(Command::new("ip").args(["link", "set", "lo", "up"]))?;
        for address in [CONTROLLER, FAR_GATEWAY] {
            cargo::run(Command::new("ip").args(["addr", "add", address, "dev", "lo"]))?;
        }
        return Ok(None);
    }
    ensure!(rustix::process::geteuid().is_root(), "not root: no namespaces can be made");
    let status = Command::new("unshare")
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"])
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .status()
        .context("cannot run unshare")?;
    Ok(Some(status))
}

/// True in the namespaces made by [`enter`].
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}
