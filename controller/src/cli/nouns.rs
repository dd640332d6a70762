//! The nouns of the command line: their sub-commands and options.

use super::options::{Kind, Opt, sets, takes};

use Kind::{Flag, Integer, Number, Text, Texts};

/// A noun.
pub(super) struct Noun {
    /// Its word.
    pub(super) name: &'static str,
    /// Its sub-commands.
    pub(super) actions: &'static [&'static str],
    /// Options of any of them.
    pub(super) options: &'static [Opt],
}

const FILE: Opt = takes("file", 'f', Text);
const USER: Opt = takes("user-id", 'u', Integer);

/// All of them.
pub(super) const NOUNS: &[Noun] = &[
    Noun {
        name: "controller",
        actions: &["status", "email-activation", "fog-types", "version"],
        options: &[],
    },
    Noun {
        name: "user",
        actions: &["add", "update", "remove", "list", "generate-token", "activate", "suspend"],
        options: &[
            sets("first-name", 'f', Text, "firstName"),
            sets("last-name", 'l', Text, "lastName"),
            sets("email", 'e', Text, "email"),
            sets("password", 'p', Text, "password"),
            takes("force", 'F', Flag(true)),
        ],
    },
    Noun {
        name: "config",
        actions: &["add", "list", "dev-mode", "email-activation"],
        options: &[
            takes("port", 'p', Integer),
            takes("ssl-cert", 'c', Text),
            takes("ssl-key", 'k', Text),
            takes("intermediate-cert", 'i', Text),
            takes("home-url", 'h', Text),
            takes("email-address", 'a', Text),
            takes("email-password", 'w', Text),
            takes("email-service", 's', Text),
            takes("log-dir", 'd', Text),
            takes("log-size", 'z', Integer),
            takes("log-file-count", 'g', Integer),
            takes("kubelet", 't', Text),
            takes("on", 'o', Flag(true)),
            takes("off", 'f', Flag(true)),
        ],
    },
    Noun {
        name: "tunnel",
        actions: &["update", "list"],
        options: &[
            sets("username", 'u', Text, "username"),
            sets("password", 'p', Text, "password"),
            sets("host", 's', Text, "host"),
            sets("rsa-key", 'k', Text, "rsakey"),
            sets("port", 'o', Integer, "port"),
            takes("iofog-uuid", 'i', Text),
            takes("action", 'a', Text),
        ],
    },
    Noun {
        name: "iofog",
        actions: &[
            "add",
            "update",
            "remove",
            "list",
            "info",
            "provisioning-key",
            "reboot",
            "version",
            "hal-hw",
            "hal-usb",
            "prune",
        ],
        options: &[
            FILE,
            USER,
            takes("iofog-uuid", 'i', Text),
            takes("version-command", 'v', Text),
            takes("reboot", 'o', Flag(true)),
            takes("prune", 'e', Flag(true)),
            sets("name", 'n', Text, "name"),
            sets("fog-type", 'y', Integer, "fogType"),
            sets("location", 'l', Text, "location"),
            sets("latitude", 't', Number, "latitude"),
            sets("longitude", 'g', Number, "longitude"),
            sets("description", 'd', Text, "description"),
            sets("docker-url", 'D', Text, "dockerUrl"),
            sets("disk-limit", 'M', Number, "diskLimit"),
            sets("disk-directory", 'T', Text, "diskDirectory"),
            sets("memory-limit", 'm', Number, "memoryLimit"),
            sets("cpu-limit", 'c', Number, "cpuLimit"),
            sets("log-limit", 'G', Number, "logLimit"),
            sets("log-directory", 'Y', Text, "logDirectory"),
            sets("log-file-count", 'C', Integer, "logFileCount"),
            sets("status-frequency", 's', Integer, "statusFrequency"),
            sets("change-frequency", 'F', Integer, "changeFrequency"),
            sets("device-frequency", 'Q', Integer, "deviceScanFrequency"),
            sets("bluetooth-enable", 'B', Flag(true), "bluetoothEnabled"),
            sets("bluetooth-disable", 'b', Flag(false), "bluetoothEnabled"),
            sets("watchdog-enable", 'W', Flag(true), "watchdogEnabled"),
            sets("watchdog-disable", 'w', Flag(false), "watchdogEnabled"),
            sets("abs-hw-enable", 'A', Flag(true), "abstractedHardwareEnabled"),
            sets("abs-hw-disable", 'a', Flag(false), "abstractedHardwareEnabled"),
            sets("log-level", 'L', Text, "logLevel"),
            sets("docker-pruning-frequency", 'p', Integer, "dockerPruningFrequency"),
            sets("available-disk-threshold", 'k', Integer, "availableDiskThreshold"),
            // The other Controller's commands know no routers, which an agent cannot be made without.
            sets("host", 'H', Text, "host"),
            sets("router-mode", 'R', Text, "routerMode"),
            sets("messaging-port", 'P', Integer, "messagingPort"),
            sets("inter-router-port", 'I', Integer, "interRouterPort"),
            sets("edge-router-port", 'E', Integer, "edgeRouterPort"),
            sets("upstream-routers", 'U', Texts, "upstreamRouters"),
            sets("network-router", 'N', Text, "networkRouter"),
            sets("system", 'S', Flag(true), "isSystem"),
        ],
    },
    Noun {
        name: "catalog",
        actions: &["add", "update", "remove", "list", "info"],
        options: &[
            FILE,
            USER,
            takes("item-id", 'i', Integer),
            takes("x86-image", 'x', Text),
            takes("arm-image", 'a', Text),
            takes("input-type", 'I', Text),
            takes("input-format", 'F', Text),
            takes("output-type", 'O', Text),
            takes("output-format", 'T', Text),
            sets("name", 'n', Text, "name"),
            sets("description", 'd', Text, "description"),
            sets("category", 'c', Text, "category"),
            sets("publisher", 'p', Text, "publisher"),
            sets("disk-required", 's', Integer, "diskRequired"),
            sets("ram-required", 'r', Integer, "ramRequired"),
            sets("picture", 't', Text, "picture"),
            sets("public", 'P', Flag(true), "isPublic"),
            sets("private", 'V', Flag(false), "isPublic"),
            sets("registry-id", 'g', Integer, "registryId"),
            sets("config-example", 'X', Text, "configExample"),
        ],
    },
    Noun {
        name: "application",
        actions: &["add", "update", "remove", "list", "info"],
        options: &[
            FILE,
            USER,
            sets("name", 'n', Text, "name"),
            sets("description", 'd', Text, "description"),
            sets("activate", 'a', Flag(true), "isActivated"),
            sets("deactivate", 'D', Flag(false), "isActivated"),
        ],
    },
    Noun {
        name: "microservice",
        actions: &[
            "add",
            "update",
            "remove",
            "list",
            "info",
            "route-create",
            "route-remove",
            "port-mapping-create",
            "port-mapping-remove",
            "port-mapping-list",
            "volume-mapping-create",
            "volume-mapping-remove",
            "volume-mapping-list",
        ],
        options: &[
            FILE,
            USER,
            takes("microservice-uuid", 'i', Text),
            takes("x86-image", 'x', Text),
            takes("arm-image", 'a', Text),
            takes("volumes", 'v', Texts),
            takes("ports", 'p', Texts),
            takes("routes", 't', Texts),
            takes("env", 'e', Texts),
            takes("mapping", 'P', Text),
            takes("route", 'T', Text),
            takes("internal-port", 'b', Integer),
            takes("mapping-id", 'm', Integer),
            takes("cleanup", 'z', Flag(true)),
            sets("name", 'n', Text, "name"),
            sets("registry-id", 'd', Integer, "registryId"),
            sets("catalog-id", 'c', Integer, "catalogItemId"),
            sets("application-name", 'F', Text, "application"),
            sets("iofog-uuid", 'I', Text, "iofogUuid"),
            sets("config", 'g', Text, "config"),
            sets("log-size", 'l', Integer, "logSize"),
            sets("root-enable", 'r', Flag(true), "rootHostAccess"),
            sets("root-disable", 'R', Flag(false), "rootHostAccess"),
            sets("rebuild", 'w', Flag(true), "rebuild"),
            sets("cmd", 'C', Texts, "cmd"),
        ],
    },
    Noun {
        name: "registry",
        actions: &["add", "remove", "update", "list"],
        options: &[
            USER,
            takes("item-id", 'i', Integer),
            sets("uri", 'U', Text, "url"),
            sets("public", 'b', Flag(true), "isPublic"),
            sets("private", 'r', Flag(false), "isPublic"),
            sets("username", 'l', Text, "username"),
            sets("password", 'p', Text, "password"),
            sets("requires-certificate", 'c', Flag(true), "requiresCert"),
            sets("certificate", 'C', Text, "certificate"),
            sets("email", 'e', Text, "email"),
        ],
    },
    Noun {
        name: "enrolment-key",
        actions: &["add", "list", "remove"],
        options: &[
            FILE,
            USER,
            takes("key-id", 'i', Integer),
            sets("name", 'n', Text, "name"),
            sets("devices", 'd', Integer, "devices"),
            sets("valid-hours", 'v', Integer, "validHours"),
            sets("per-minute", 'm', Integer, "perMinute"),
            sets("agent-name", 'a', Text, "agentName"),
        ],
    },
    Noun {
        name: "diagnostics",
        actions: &[
            "strace-update",
            "strace-info",
            "strace-ftp-post",
            "image-snapshot-create",
            "image-snapshot-get",
        ],
        options: &[
            takes("microservice-uuid", 'i', Text),
            takes("format", 'f', Text),
            sets("enable", 'e', Flag(true), "enable"),
            sets("disable", 'o', Flag(false), "enable"),
            sets("ftpHost", 'h', Text, "ftpHost"),
            sets("ftpPort", 'p', Integer, "ftpPort"),
            sets("ftpUser", 'u', Text, "ftpUser"),
            sets("ftpPass", 's', Text, "ftpPass"),
            sets("ftpDestDir", 'd', Text, "ftpDestDir"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn options_are_unique() {
        for noun in NOUNS {
            let mut seen = BTreeSet::new();
            for option in noun.options {
                assert!(seen.insert(option.long.to_owned()), "{} {}", noun.name, option.long);
                let short = option.short.map(String::from).unwrap_or_default();
                assert!(seen.insert(short.clone()), "{} -{short}", noun.name);
            }
        }
    }
}
