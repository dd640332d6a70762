//! What kind of device this is: processor, init system, rights.

use crate::ssh::Session;
use crate::text::{Error, Result};

/// How services are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Init {
    /// systemd.
    Systemd,
    /// OpenWrt's procd.
    Procd,
    /// OpenRC.
    OpenRc,
    /// System V scripts.
    SysV,
    /// None that is known: a script is installed and run directly.
    None,
}

/// A device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Machine word of `uname -m`.
    pub machine: String,
    /// Init system.
    pub init: Init,
    /// Put before commands that need root: empty or `sudo -n `.
    pub sudo: &'static str,
    /// Directory for files on their way.
    pub staging: String,
}

const QUESTIONS: &str = "echo machine=$(uname -m)
echo uid=$(id -u)
if [ -d /run/systemd/system ]; then echo init=systemd
elif [ -x /sbin/procd ]; then echo init=procd
elif [ -x /sbin/openrc-run ] || [ -x /usr/sbin/openrc-run ]; then echo init=openrc
elif [ -d /etc/init.d ]; then echo init=sysv
else echo init=none; fi
if sudo -n true >/dev/null 2>&1; then echo sudo=yes; else echo sudo=no; fi
staging=${TMPDIR:-/tmp}/iofogctl-$(id -u); mkdir -p $staging && chmod 700 $staging && echo staging=$staging";

/// Asks a device.
///
/// # Errors
/// The connection broke, or the login is neither root nor allowed to use sudo without a password.
pub fn probe(session: &Session) -> Result<Device> {
    read(&session.run(QUESTIONS)?.checked()?)
}

fn read(answers: &str) -> Result<Device> {
    let answer = |key: &str| {
        answers
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .unwrap_or_default()
            .trim()
    };
    let init = match answer("init") {
        "systemd" => Init::Systemd,
        "procd" => Init::Procd,
        "openrc" => Init::OpenRc,
        "sysv" => Init::SysV,
        _ => Init::None,
    };
    let sudo = match (answer("uid"), answer("sudo")) {
        ("0", _) => "",
        (_, "yes") => "sudo -n ",
        _ => {
            return Err(Error::plain(
                "the login on the device is not root and sudo asks for a password; allow it without one",
            ));
        }
    };
    let staging = answer("staging");
    if staging.is_empty() || answer("machine").is_empty() {
        return Err(Error::Plain(format!("the device gives no usable answers: {answers}")));
    }
    Ok(Device { machine: answer("machine").to_owned(), init, sudo, staging: staging.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probe_reads_answers() {
        let device =
            read("machine=armv7l\nuid=1000\ninit=procd\nsudo=yes\nstaging=/tmp/x\n").unwrap();
        assert_eq!(
            (device.init, device.sudo, device.machine.as_str()),
            (Init::Procd, "sudo -n ", "armv7l")
        );
        assert_eq!(
            read("machine=mips\nuid=0\ninit=none\nsudo=no\nstaging=/tmp/x\n").unwrap().sudo,
            ""
        );
        assert!(read("machine=mips\nuid=7\ninit=none\nsudo=no\nstaging=/tmp/x\n").is_err());
        assert!(read("").is_err());
    }
}
