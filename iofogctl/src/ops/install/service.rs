//! Service files and the commands that drive them.

use super::Init;
use super::component::{AGENT, Component};

/// A service file: its content, place and mode.
pub(super) struct ServiceFile {
    /// Content.
    pub(super) content: String,
    /// Place on the device.
    pub(super) path: String,
    /// Mode.
    pub(super) mode: &'static str,
}

impl Init {
    /// The service file of a component.
    pub(super) fn file(self, component: &Component) -> ServiceFile {
        let (content, path, mode) = match self {
            Self::Systemd if *component == AGENT => (
                include_str!("service/systemd.service"),
                "/etc/systemd/system/iofog-agent.service",
                "0644",
            ),
            Self::Systemd => (
                include_str!("service/controller.service"),
                "/etc/systemd/system/iofog-agent.service",
                "0644",
            ),
            Self::Procd => (include_str!("service/procd.sh"), "/etc/init.d/iofog-agent", "0755"),
            Self::OpenRc => (include_str!("service/openrc.sh"), "/etc/init.d/iofog-agent", "0755"),
            Self::SysV => (include_str!("service/sysv.sh"), "/etc/init.d/iofog-agent", "0755"),
            Self::None => (include_str!("service/sysv.sh"), "/etc/iofog-agent/service.sh", "0755"),
        };
        ServiceFile { content: component.text(content), path: component.text(path), mode }
    }

    /// Starts the service at boot.
    pub(super) fn enable(self, component: &Component) -> String {
        component.text(match self {
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
        })
    }

    /// Starts the service, or starts it anew.
    pub(super) fn restart(self, component: &Component) -> String {
        component.text(match self {
            Self::Systemd => "systemctl restart iofog-agent",
            Self::None => "/etc/iofog-agent/service.sh restart",
            _ => "/etc/init.d/iofog-agent restart",
        })
    }

    /// Starts the service unless it runs.
    pub(super) fn start(self, component: &Component) -> String {
        component.text(match self {
            Self::Systemd => "systemctl start iofog-agent",
            Self::None => "/etc/iofog-agent/service.sh start",
            _ => "/etc/init.d/iofog-agent start",
        })
    }

    /// Succeeds while the service runs, or where that cannot be asked.
    pub(super) fn is_running(self, component: &Component) -> String {
        component.text(match self {
            Self::Systemd => "systemctl is-active --quiet iofog-agent",
            Self::Procd => "true",
            Self::OpenRc => "rc-service iofog-agent status >/dev/null 2>&1",
            Self::SysV => "/etc/init.d/iofog-agent status",
            Self::None => "/etc/iofog-agent/service.sh status",
        })
    }

    /// Stops the service and takes it from the boot sequence; never fails.
    pub(super) fn remove(self, component: &Component) -> String {
        component.text(match self {
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
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::component::CONTROLLER;
    use super::*;

    #[test]
    fn a_service_of_the_controller_names_the_agent_nowhere() {
        for init in [Init::Systemd, Init::Procd, Init::OpenRc, Init::SysV, Init::None] {
            let file = init.file(&CONTROLLER);
            let texts = [
                file.content,
                file.path,
                init.enable(&CONTROLLER),
                init.restart(&CONTROLLER),
                init.start(&CONTROLLER),
                init.remove(&CONTROLLER),
            ];
            for text in texts {
                assert!(!text.to_lowercase().contains("agent"), "{text}");
                assert!(!text.contains("prune"), "{text}");
            }
        }
        assert!(Init::SysV.file(&CONTROLLER).content.contains("$PROGRAM start </dev/null"));
        assert!(Init::SysV.file(&AGENT).content.contains("prune) $PROGRAM prune"));
    }
}
