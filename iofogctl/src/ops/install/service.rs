//! Service files and the commands that drive them.

use super::Init;
use super::component::Component;

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
            Self::Systemd => (
                include_str!("service/systemd.service"),
                "/etc/systemd/system/@NAME@.service",
                "0644",
            ),
            Self::Procd => (include_str!("service/procd.sh"), "/etc/init.d/@NAME@", "0755"),
            Self::OpenRc => (include_str!("service/openrc.sh"), "/etc/init.d/@NAME@", "0755"),
            Self::SysV => (include_str!("service/sysv.sh"), "/etc/init.d/@NAME@", "0755"),
            Self::None => (include_str!("service/sysv.sh"), "/etc/@NAME@/service.sh", "0755"),
        };
        ServiceFile { content: component.fill(content), path: component.fill(path), mode }
    }

    /// Starts the service at boot.
    pub(super) fn enable(self, component: &Component) -> String {
        component.fill(match self {
            Self::Systemd => "systemctl daemon-reload && systemctl enable @NAME@",
            Self::Procd => "/etc/init.d/@NAME@ enable",
            Self::OpenRc => "rc-update add @NAME@ default",
            Self::SysV => {
                "if command -v update-rc.d >/dev/null 2>&1; then update-rc.d @NAME@ defaults; \
                 elif command -v chkconfig >/dev/null 2>&1; then chkconfig --add @NAME@; \
                 elif [ -d /etc/rc.d ]; then ln -sf ../init.d/@NAME@ /etc/rc.d/S95@NAME@; \
                 else ln -sf @NAME@ /etc/init.d/S95@NAME@; fi"
            }
            Self::None => "true",
        })
    }

    /// Starts the service, or starts it anew.
    pub(super) fn restart(self, component: &Component) -> String {
        component.fill(match self {
            Self::Systemd => "systemctl restart @NAME@",
            Self::None => "/etc/@NAME@/service.sh restart",
            _ => "/etc/init.d/@NAME@ restart",
        })
    }

    /// Starts the service unless it runs.
    pub(super) fn start(self, component: &Component) -> String {
        component.fill(match self {
            Self::Systemd => "systemctl start @NAME@",
            Self::None => "/etc/@NAME@/service.sh start",
            _ => "/etc/init.d/@NAME@ start",
        })
    }

    /// Succeeds while the service runs, or where that cannot be asked.
    pub(super) fn is_running(self, component: &Component) -> String {
        component.fill(match self {
            Self::Systemd => "systemctl is-active --quiet @NAME@",
            Self::Procd => "true",
            Self::OpenRc => "rc-service @NAME@ status >/dev/null 2>&1",
            Self::SysV => "/etc/init.d/@NAME@ status",
            Self::None => "/etc/@NAME@/service.sh status",
        })
    }

    /// Stops the service and takes it from the boot sequence; never fails.
    pub(super) fn remove(self, component: &Component) -> String {
        component.fill(match self {
            Self::Systemd => {
                "systemctl disable --now @NAME@; rm -f /etc/systemd/system/@NAME@.service; systemctl daemon-reload; true"
            }
            Self::Procd => {
                "/etc/init.d/@NAME@ stop; /etc/init.d/@NAME@ disable; rm -f /etc/init.d/@NAME@"
            }
            Self::OpenRc => {
                "rc-service @NAME@ stop; rc-update del @NAME@; rm -f /etc/init.d/@NAME@"
            }
            Self::SysV => {
                "/etc/init.d/@NAME@ stop; rm -f /etc/init.d/@NAME@ /etc/init.d/S95@NAME@ /etc/rc.d/S95@NAME@ /etc/rc?.d/[SK]??@NAME@"
            }
            Self::None => "/etc/@NAME@/service.sh stop; true",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::component::{AGENT, CONTROLLER};
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
                assert!(!text.contains("prune") && !text.contains('@'), "{text}");
            }
        }
        assert!(Init::SysV.file(&CONTROLLER).content.contains("$PROGRAM start </dev/null"));
        let agent = Init::SysV.file(&AGENT).content;
        assert!(
            agent.contains("    prune) $PROGRAM prune ;;\n    *)")
                && agent.contains("status|prune\"")
        );
        assert!(Init::Systemd.file(&AGENT).content.contains("KillMode=process\n\n[Install]"));
    }
}
