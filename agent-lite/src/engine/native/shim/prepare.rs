//! From an order to a running container.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode};

use super::Order;
use super::rootfs;
use crate::clock::Clock;
use crate::disk;
use crate::domain::VolumeKind;
use crate::engine::native::bundle::{self, ALL_CAPABILITIES, CAPABILITIES, Surroundings};
use crate::engine::native::cgroup;
use crate::engine::native::layer::{Name, Root, copy_over};
use crate::engine::native::network;
use crate::engine::native::record::{Places, Record, Run};
use crate::engine::native::user::Identity;
use crate::fault;

/// Makes and starts the container; its own thread must be the only one of this process.
///
/// # Errors
/// What is missing or refused; nothing of the container is left running.
pub(super) fn start(order: &Order, places: &Places, record: &Record) -> io::Result<Run> {
    let run = places.run_of(&order.id);
    for stale in ["exit.json", "run.json", "health.json"] {
        let _ = fs::remove_file(run.join(stale));
    }
    if bundle::arguments(record).is_empty() {
        return Err(io::Error::other(
            "image names no program to run, and the microservice no command",
        ));
    }
    for volume in &record.volumes {
        bundle::check_volume(volume).map_err(io::Error::other)?;
    }
    cgroup::check(record.limits).map_err(io::Error::other)?;
    let folder = places.container(&order.id);
    fault::before("native.rootfs");
    let rootfs = rootfs::provide(places, record)?;
    fault::after("native.rootfs");
    let around = surroundings(order, places, record, &folder, rootfs)?;
    let config = serde_json::to_vec(&bundle::config(record, &around))?;
    let bundle = folder.join("bundle");
    fault::before("native.bundle");
    fs::create_dir_all(&bundle)?;
    fs::write(bundle.join("config.json"), config)?;
    fault::after("native.bundle");

    let log = run.join("runtime.log");
    let pid_file = run.join("pid");
    // What a run left that ended without its shim.
    let _ = order.runtime.call(&log, ["delete", "--force", &order.id]);
    let pipe = |name: &str| File::options().read(true).write(true).open(run.join(name));
    let mut create = order.runtime.command(&log);
    create
        .arg("create")
        .arg("--bundle")
        .arg(&bundle)
        .arg("--pid-file")
        .arg(&pid_file)
        .arg(&order.id);
    create.stdout(pipe("out")?).stderr(pipe("err")?);
    fault::before("native.make");
    order.runtime.wait(&mut create, &log)?;
    fault::after("native.make");
    let started = begin(order, record, &run, &pid_file);
    if started.is_err() {
        let _ = order.runtime.call(&log, ["delete", "--force", &order.id]);
    }
    started
}

/// The container is made and waits: network, then go.
fn begin(order: &Order, record: &Record, run: &Path, pid_file: &Path) -> io::Result<Run> {
    let pid: u32 = fs::read_to_string(pid_file)?.trim().parse().map_err(io::Error::other)?;
    if let Some(address) = record.address {
        let outer = format!("iof{}", record.id.get(..10).unwrap_or_default());
        fault::before("native.network");
        network::attach(&outer, pid, address, order.gateway)?;
        fault::after("native.network");
    }
    let state = Run::of(pid, Clock::new().epoch())
        .ok_or_else(|| io::Error::other("container ended at once"))?;
    fault::before("native.note");
    disk::write_atomically(&run.join("run.json"), &serde_json::to_vec(&state)?)?;
    fault::after("native.note");
    fault::before("native.start");
    order.runtime.call(&run.join("runtime.log"), ["start", &order.id])?;
    fault::after("native.start");
    Ok(state)
}

fn surroundings(
    order: &Order,
    places: &Places,
    record: &Record,
    folder: &Path,
    rootfs: PathBuf,
) -> io::Result<Surroundings> {
    let mut root = Root::open(&rootfs)?;
    let user = record.execution.user.as_deref().unwrap_or_default();
    let mut text = |path| root.read(path).unwrap_or_default();
    let identity = Identity::resolve(user, &text("etc/passwd"), &text("etc/group"))
        .map_err(io::Error::other)?;
    let own_name =
        || fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
    let hostname = match record.address {
        Some(_) => record.id.get(..12).unwrap_or_default().to_owned(),
        None => own_name(),
    };
    let files = folder.join("etc");
    write_files(record, order, &files, &hostname)?;
    let mut sources = Vec::with_capacity(record.volumes.len());
    for volume in &record.volumes {
        sources.push(match volume.kind {
            VolumeKind::Bind => PathBuf::from(&volume.source),
            VolumeKind::Named => named_volume(places, &volume.source, &volume.target, &root)?,
        });
    }
    let status = fs::read_to_string("/proc/self/status")?;
    let capabilities = usable_capabilities(&status, record.privileged);
    let cgroups = order.runtime.cgroups();
    let limits_swap = cgroup::limits_swap();
    Ok(Surroundings {
        rootfs,
        files,
        hostname,
        identity,
        capabilities,
        cgroups,
        limits_processes: cgroup::limits_processes(),
        limits_swap,
        sources,
    })
}

/// `hosts`, `hostname` and `resolv.conf` of the container.
fn write_files(record: &Record, order: &Order, files: &Path, hostname: &str) -> io::Result<()> {
    fs::create_dir_all(files)?;
    let hosts = match record.address {
        None => fs::read_to_string("/etc/hosts").unwrap_or_default(),
        Some(address) => {
            let mut hosts = format!(
                "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n{address}\t{hostname}\n"
            );
            for entry in &record.extra_hosts {
                if let Some((name, address)) = entry.split_once(':') {
                    let address = if address == "host-gateway" {
                        order.gateway.to_string()
                    } else {
                        address.to_owned()
                    };
                    hosts.push_str(&format!("{address}\t{name}\n"));
                }
            }
            // The way to the Local API is always there, also without any other network.
            if !record.extra_hosts.iter().any(|entry| entry.contains("iofog")) {
                hosts.push_str(&format!("{}\tiofog\n", order.gateway));
            }
            hosts
        }
    };
    fs::write(files.join("hosts"), hosts)?;
    fs::write(files.join("hostname"), format!("{hostname}\n"))?;
    let resolv = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    // A resolver on the node's loopback is not there inside.
    let lines = resolv.lines().filter(|line| {
        let name = line.strip_prefix("nameserver").map(str::trim).unwrap_or_default();
        record.address.is_none() || !(name.starts_with("127.") || name == "::1")
    });
    fs::write(files.join("resolv.conf"), lines.map(|line| format!("{line}\n")).collect::<String>())
}

/// Folder of a named volume; a new one starts with what the image has there.
fn named_volume(places: &Places, name: &str, target: &str, root: &Root) -> io::Result<PathBuf> {
    let data = places.volume(name).join("_data");
    if data.is_dir() {
        return Ok(data);
    }
    let staged = places.volume(name).join("_data.new");
    let _ = fs::remove_dir_all(&staged);
    fs::create_dir_all(&staged)?;
    let target = Name::parse(target.as_bytes()).map_err(io::Error::other)?;
    if let Ok(folder) = root.walk(&target.0, None) {
        use std::os::fd::AsRawFd as _;
        copy_over(Path::new(&format!("/proc/self/fd/{}/.", folder.as_raw_fd())), &staged)?;
    }
    fs::rename(&staged, &data)?;
    Ok(data)
}

/// Those of Docker's set, or of all, that this process may hand on.
fn usable_capabilities(status: &str, all: bool) -> Vec<String> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapBnd:"));
    let held = line.and_then(|text| u64::from_str_radix(text.trim(), 16).ok()).unwrap_or_default();
    let usable = (0_u8..)
        .zip(ALL_CAPABILITIES)
        .filter(|(bit, _)| held >> bit & 1 == 1 && (all || CAPABILITIES.contains(bit)));
    usable.map(|(_, name)| format!("CAP_{name}")).collect()
}

/// A named pipe; one that is there is kept.
pub(super) fn make_fifo(path: &Path) -> io::Result<()> {
    match rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_capabilities_that_are_held_are_handed_on() {
        assert_eq!(
            usable_capabilities("CapBnd:\t0000000000000003\n", false),
            ["CAP_CHOWN", "CAP_DAC_OVERRIDE"]
        );
        assert!(usable_capabilities("", true).is_empty());
        let whole = "CapBnd:\t000001ffffffffff\n";
        assert_eq!(usable_capabilities(whole, false).len(), CAPABILITIES.len());
        assert_eq!(usable_capabilities(whole, true).last().unwrap(), "CAP_CHECKPOINT_RESTORE");
        let default = usable_capabilities(whole, false);
        for name in ["CAP_MKNOD", "CAP_SETFCAP", "CAP_NET_RAW"] {
            assert!(default.iter().any(|one| one == name), "{name}");
        }
        assert!(!default.iter().any(|one| one == "CAP_SYS_ADMIN"));
    }
}
