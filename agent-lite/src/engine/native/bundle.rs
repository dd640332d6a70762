//! The `config.json` of an OCI bundle (runtime specification 1.0), with the isolation that Docker gives by default.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::record::Record;
use super::user::Identity;
use crate::domain::VolumeKind;

/// What the node adds to the order.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    /// Folder of the root file system.
    pub rootfs: PathBuf,
    /// Folder with `hosts`, `hostname`, `resolv.conf`.
    pub files: PathBuf,
    /// Host name inside.
    pub hostname: String,
    /// As whom.
    pub identity: Identity,
    /// Capabilities that this process could give away.
    pub capabilities: Vec<String>,
    /// The machine has control groups.
    pub cgroups: bool,
    /// They can limit the number of processes.
    pub limits_processes: bool,
    /// They can limit memory and swap together.
    pub limits_swap: bool,
    /// Folders of named volumes, in the order of the mounts.
    pub sources: Vec<PathBuf>,
}

const DEFAULT_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Docker's default set, by bit number (capabilities(7)).
pub(super) const CAPABILITIES: [u8; 14] = [0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31];

/// The names of all capabilities, by bit number.
pub(super) const ALL_CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// Most processes of one container: a fork bomb stays in its container.
const MAX_PROCESSES: u32 = 4096;

/// Period of the limit of processor time, in microseconds (the kernel's and Docker's default).
const CPU_PERIOD: u64 = 100_000;

/// The words to run: entrypoint of the image, then the command of the order or else of the image.
pub(super) fn arguments(record: &Record) -> Vec<String> {
    let mut words = record.execution.entrypoint.clone().unwrap_or_default();
    let own = record.execution.cmd.clone().unwrap_or_default();
    words.extend(if record.cmd.is_empty() { own } else { record.cmd.clone() });
    words
}

/// The document.
pub(super) fn config(record: &Record, around: &Surroundings) -> Value {
    let mut namespaces = vec![
        json!({"type": "pid"}),
        json!({"type": "ipc"}),
        json!({"type": "uts"}),
        json!({"type": "mount"}),
    ];
    if record.address.is_some() {
        namespaces.push(json!({"type": "network"}));
    }
    let Identity { uid, gid, groups, .. } = &around.identity;
    let capabilities: &[String] = &around.capabilities;
    // Capabilities of others than root take effect only over files that carry them.
    let effective: &[String] = if *uid == 0 { capabilities } else { &[] };
    let mut linux = json!({ "namespaces": namespaces });
    if !record.privileged {
        linux["maskedPaths"] = json!([
            "/proc/asound",
            "/proc/acpi",
            "/proc/kcore",
            "/proc/keys",
            "/proc/latency_stats",
            "/proc/timer_list",
            "/proc/timer_stats",
            "/proc/sched_debug",
            "/proc/scsi",
            "/sys/firmware"
        ]);
        linux["readonlyPaths"] =
            json!(["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]);
    }
    if around.cgroups {
        linux["cgroupsPath"] = json!(format!("/iofog/{}", record.id));
        linux["resources"] = json!({"devices": [{"allow": record.privileged, "access": "rwm"}]});
        if around.limits_processes {
            linux["resources"]["pids"] = json!({"limit": MAX_PROCESSES});
        }
        if let Some(mib) = record.limits.memory_mib {
            let limit = u64::from(mib) << 20;
            linux["resources"]["memory"] = json!({"limit": limit});
            if around.limits_swap {
                // As much swap as memory, as Docker has it.
                linux["resources"]["memory"]["swap"] = json!(2 * limit);
            }
        }
        if let Some(milli) = record.limits.cpu_milli {
            // Microseconds in each period.
            let quota = u64::from(milli) * CPU_PERIOD / 1000;
            linux["resources"]["cpu"] = json!({"quota": quota, "period": CPU_PERIOD});
        }
    }
    json!({
        "ociVersion": "1.0.2",
        "hostname": around.hostname,
        "root": {"path": around.rootfs, "readonly": false},
        "process": {
            "terminal": false,
            "user": {"uid": uid, "gid": gid, "additionalGids": groups},
            "args": arguments(record),
            "env": environment(record, around),
            "cwd": record.execution.working_dir.clone().filter(|path| path.starts_with('/')).unwrap_or_else(|| "/".into()),
            "capabilities": {
                "bounding": capabilities, "permitted": effective, "effective": effective,
            },
            "noNewPrivileges": false,
        },
        "mounts": mounts(record, around),
        "linux": linux,
    })
}

fn environment(record: &Record, around: &Surroundings) -> Vec<String> {
    let mut env = vec![DEFAULT_PATH.to_owned(), format!("HOSTNAME={}", around.hostname)];
    env.extend(around.identity.home.as_ref().map(|home| format!("HOME={home}")));
    for entry in record.execution.env.iter().flatten().chain(&record.env) {
        let key = entry.split('=').next().unwrap_or_default();
        env.retain(|one| one.split('=').next() != Some(key));
        env.push(entry.clone());
    }
    env
}

fn mounts(record: &Record, around: &Surroundings) -> Vec<Value> {
    let mount = |target: &str, kind: &str, source: &str, options: &[&str]| json!({"destination": target, "type": kind, "source": source, "options": options});
    let mut mounts = vec![
        mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
        match record.privileged {
            // Devices that come and go are seen, too.
            true => mount("/dev", "bind", "/dev", &["rbind", "nosuid", "noexec"]),
            false => mount(
                "/dev",
                "tmpfs",
                "tmpfs",
                &["nosuid", "strictatime", "mode=755", "size=65536k"],
            ),
        },
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        mount(
            "/dev/shm",
            "tmpfs",
            "shm",
            &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
        ),
    ];
    if !record.privileged {
        // Of the node's own folder of devices nothing is made.
        mounts.push(mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]));
    }
    let access = if record.privileged { "rw" } else { "ro" };
    // Without a network of its own a container may not mount a new view of /sys.
    mounts.push(match record.address {
        Some(_) => mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", access]),
        None => mount("/sys", "bind", "/sys", &["rbind", "nosuid", "noexec", "nodev", access]),
    });
    for name in ["hosts", "hostname", "resolv.conf"] {
        let source = around.files.join(name);
        mounts.push(bind(&source, &format!("/etc/{name}"), false));
    }
    for (volume, source) in record.volumes.iter().zip(&around.sources) {
        mounts.push(bind(source, &volume.target, volume.read_only));
    }
    mounts
}

fn bind(source: &Path, target: &str, read_only: bool) -> Value {
    let access = if read_only { "ro" } else { "rw" };
    json!({"destination": target, "type": "bind", "source": source, "options": ["rbind", "rprivate", access]})
}

/// Checks a mount before anything is made.
///
/// # Errors
/// The text to show, naming the volume and the rule.
pub(super) fn check_volume(volume: &crate::domain::Volume) -> Result<(), String> {
    let odd = |text: &str| {
        text.is_empty() || text.contains('\0') || text.split('/').any(|part| part == "..")
    };
    if !volume.target.starts_with('/') || odd(&volume.target) || volume.target == "/" {
        return Err(format!("volume target '{}' must be an absolute path below /", volume.target));
    }
    match volume.kind {
        VolumeKind::Bind if !volume.source.starts_with('/') || odd(&volume.source) => {
            Err(format!("volume source '{}' must be an absolute path", volume.source))
        }
        VolumeKind::Bind if !Path::new(&volume.source).exists() => {
            Err(format!("bind source path does not exist: {}", volume.source))
        }
        VolumeKind::Named if !is_volume_name(&volume.source) => Err(format!(
            "volume name '{}' must be letters, digits, '_', '.' and '-'",
            volume.source
        )),
        _ => Ok(()),
    }
}

fn is_volume_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && name.len() <= 200
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EpochMillis, Limits, Volume};
    use crate::engine::native::image::Execution;

    fn record() -> Record {
        let _ = EpochMillis(0);
        Record {
            id: "ab".into(),
            name: "iofog_a".into(),
            fog: "f".into(),
            microservice: "a".into(),
            fingerprint: String::new(),
            rebuild: 0,
            image: "x".into(),
            layers: Vec::new(),
            execution: Execution {
                env: Some(vec!["PATH=/bin".into(), "A=image".into()]),
                entrypoint: Some(vec!["/app".into()]),
                cmd: Some(vec!["default".into()]),
                ..Execution::default()
            },
            env: vec!["SELFNAME=a".into(), "A=order".into()],
            cmd: Vec::new(),
            address: "10.0.0.2".parse().ok(),
            extra_hosts: Vec::new(),
            ports: Vec::new(),
            volumes: vec![Volume {
                source: "/data".into(),
                target: "/d".into(),
                read_only: true,
                kind: VolumeKind::Bind,
            }],
            log_files: 1,
            limits: Limits::default(),
            privileged: false,
        }
    }

    fn around() -> Surroundings {
        Surroundings {
            rootfs: "/r".into(),
            files: "/f".into(),
            hostname: "h".into(),
            identity: Identity { uid: 1000, gid: 1000, groups: vec![5], home: None },
            capabilities: vec!["CAP_CHOWN".into()],
            cgroups: true,
            limits_processes: true,
            limits_swap: false,
            sources: vec!["/data".into()],
        }
    }

    #[test]
    fn order_wins_over_image_and_nothing_is_privileged() {
        let config = config(&record(), &around());
        let process = &config["process"];
        assert_eq!(process["args"], json!(["/app", "default"]));
        assert_eq!(process["env"], json!(["HOSTNAME=h", "PATH=/bin", "SELFNAME=a", "A=order"]));
        assert_eq!(process["capabilities"]["bounding"], json!(["CAP_CHOWN"]));
        assert_eq!(process["capabilities"]["effective"], json!([]), "not root");
        assert_eq!(process["user"], json!({"uid": 1000, "gid": 1000, "additionalGids": [5]}));
        let last = config["mounts"].as_array().unwrap().last().unwrap();
        assert_eq!(last["options"], json!(["rbind", "rprivate", "ro"]));
        assert!(config["linux"]["namespaces"].to_string().contains("network"));
        assert_eq!(config["linux"]["resources"]["devices"][0]["allow"], false);
        assert!(config["linux"]["maskedPaths"].is_array());
        let mut host = record();
        host.address = None;
        host.cmd = vec!["own".into()];
        let config = super::config(&host, &around());
        assert!(!config["linux"]["namespaces"].to_string().contains("network"));
        assert_eq!(config["process"]["args"], json!(["/app", "own"]));
    }

    #[test]
    fn privileged_are_those_that_ask() {
        let config = config(&Record { privileged: true, ..record() }, &around());
        assert_eq!(config["linux"]["resources"]["devices"][0]["allow"], true);
        assert!(config["linux"].get("maskedPaths").is_none());
        assert_eq!(config["mounts"][1]["source"], "/dev");
    }

    #[test]
    fn limits_are_those_that_docker_would_set() {
        let plain = config(&record(), &around());
        assert!(plain["linux"]["resources"]["memory"].is_null());
        assert!(plain["linux"]["resources"]["pids"]["limit"].as_u64() > Some(0));
        let unlimited = Surroundings { limits_processes: false, ..around() };
        let unlimited = config(&record(), &unlimited);
        assert!(unlimited["linux"]["resources"]["pids"].is_null());
        let limits = Limits { memory_mib: Some(64), cpu_milli: Some(250) };
        let limited = config(&Record { limits, ..record() }, &around());
        let resources = &limited["linux"]["resources"];
        assert_eq!(resources["memory"], json!({"limit": 67_108_864}));
        let around = Surroundings { limits_swap: true, ..around() };
        let with_swap = config(&Record { limits, ..record() }, &around);
        assert_eq!(
            with_swap["linux"]["resources"]["memory"],
            json!({"limit": 67_108_864, "swap": 134_217_728})
        );
        assert_eq!(resources["cpu"], json!({"quota": 25_000, "period": 100_000}));
    }

    #[test]
    fn odd_volumes_are_refused_with_their_rule() {
        let check = |source: &str, target: &str, kind| {
            check_volume(&Volume {
                source: source.into(),
                target: target.into(),
                read_only: false,
                kind,
            })
        };
        assert!(
            check("/tmp", "/d", VolumeKind::Bind).is_ok()
                && check("v-1", "/d", VolumeKind::Named).is_ok()
        );
        for (source, target, kind) in [
            ("/tmp", "d", VolumeKind::Bind),
            ("/tmp", "/", VolumeKind::Bind),
            ("/tmp", "/a/../b", VolumeKind::Bind),
            ("tmp", "/d", VolumeKind::Bind),
            ("/no/such", "/d", VolumeKind::Bind),
            ("../v", "/d", VolumeKind::Named),
            ("", "/d", VolumeKind::Named),
        ] {
            assert!(check(source, target, kind).is_err(), "{source} {target}");
        }
    }
}
