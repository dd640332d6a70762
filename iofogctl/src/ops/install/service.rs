//! Service files and the commands that drive them.

use super::Init;

/// A service file: its content, place and mode.
pub(super) struct ServiceFile {
    /// Content.
    pub(super) content: &'static str,
    /// Place on the device.
    pub(super) path: &'static str,
    /// Mode.
    pub(super) mode: &'static str,
}

impl Init {
    /// The service file of the Agent.
    pub(super) fn file(self) -> ServiceFile {
        match self {
            Self::Systemd => ServiceFile {
                content: include_str!("service/systemd.service"),
                path: "/etc/systemd/system/iofog-agent.service",
                mode: "0644",
            },
            Self::Procd => ServiceFile {
                content: include_str!("service/procd.sh"),
                path: "/etc/init.d/iofog-agent",
                mode: "0755",
            },
            Self::OpenRc => ServiceFile {
                content: include_str!("service/openrc.sh"),
                path: "/etc/init.d/iofog-agent",
                mode: "0755",
            },
            Self::SysV => ServiceFile {
                content: include_str!("service/sysv.sh"),
                path: "/etc/init.d/iofog-agent",
                mode: "0755",
            },
            Self::None => ServiceFile {
                content: include_str!("service/sysv.sh"),
                path: "/etc/iofog-agent/service.sh",
                mode: "0755",
            },
        }
    }

    /// Starts the service at boot.
    pub(super) fn enable(self) -> &'static str {
        match self {
            Self::Systemd => "systemctl daemon-reload && systemctl enable iofog-agent",
            Self::Procd => "/etc/init.d/iofog-agent enable",
            Self::OpenRc => "rc-update add iofog-agent default",
            Self::SysV => {
                "if command -v update-rc.d >/dev/null 2>&1; then update-rc.d iofog-agent defaults; \
                 elif command -v chkconfig >/dev/null 2>&1; then chkconfig --add iofog-agent; \
                 elif [ -d /etc/rc.d ]; then ln -sf ../init.d/iofog-agent /etc/rc.d/S95iofog-agent; \
                 else ln -sf iofog-agent /etc/init.d/S95iofog-agent; fi"
            }
            Self::None => "true",
        }
    }

    /// Starts the service, or starts it anew.
    pub(super) fn restart(self) -> &'static str {
        match self {
            Self::Systemd => "systemctl restart iofog-agent",
            Self::None => "/etc/iofog-agent/service.sh restart",
            _ => "/etc/init.d/iofog-agent restart",
        }
    }

    /// Starts the service unless it runs.
    pub(super) fn start(self) -> &'static str {
        match self {
            Self::Systemd => "systemctl start iofog-agent",
            Self::None => "/etc/iofog-agent/service.sh start",
            _ => "/etc/init.d/iofog-agent start",
        }
    }

    /// Stops the service and takes it from the boot sequence; never fails.
    pub(super) fn remove(self) -> &'static str {
        match self {
            Self::Systemd => {
                "systemctl disable --now iofog-agent; rm -f /etc/systemd/system/iofog-agent.service; systemctl daemon-reload; true"
            }
            Self::Procd => {
                "/etc/init.d/iofog-agent stop; /etc/init.d/iofog-agent disable; rm -f /etc/init.d/iofog-agent"
            }
            Self::OpenRc => {
                "rc-service iofog-agent stop; rc-update del iofog-agent; rm -f /etc/init.d/iofog-agent"
            }
            Self::SysV => {
                "/etc/init.d/iofog-agent stop; rm -f /etc/init.d/iofog-agent /etc/init.d/S95iofog-agent /etc/rc.d/S95iofog-agent /etc/rc?.d/[SK]??iofog-agent"
            }
            Self::None => "/etc/iofog-agent/service.sh stop; true",
        }
    }
}
