//! CPU and memory of containers, read from their control groups: a few small files instead of an engine call.

use std::cell::RefCell;
use std::path::Path;
use std::time::Instant;

use iofog_sorted::SortedMap;

use crate::domain::ContainerId;

/// Figures of one container.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ContainerUsage {
    /// Share of one CPU since the last sample, percent.
    pub cpu: f64,
    /// Memory, bytes.
    pub memory: u64,
}

/// Remembers the CPU times of the last sample.
#[derive(Debug, Default)]
pub struct CgroupSampler {
    last: RefCell<SortedMap<ContainerId, (Instant, u64)>>,
}

/// Where engines put their groups: the native one, Docker with and without systemd, Podman the same.
const GROUPS: [&str; 5] = [
    "iofog/{id}",
    "system.slice/docker-{id}.scope",
    "docker/{id}",
    "machine.slice/libpod-{id}.scope",
    "libpod_parent/libpod-{id}",
];

/// A file of version 2, and controller and file of version 1.
type File = (&'static str, &'static str, &'static str);

const MEMORY: File = ("memory.current", "memory", "memory.usage_in_bytes");
const CPU: File = ("cpu.stat", "cpuacct", "cpuacct.usage");
const PROCESSES: File = ("cgroup.procs", "memory", "cgroup.procs");

/// The first process of a container: the one whose parent is not in it.
pub fn first_process(id: &ContainerId) -> Option<u32> {
    let text = read(PROCESSES, id)?;
    let all: Vec<u32> = text.lines().filter_map(|line| line.trim().parse().ok()).collect();
    all.iter().copied().find(|pid| parent(*pid).is_some_and(|parent| !all.contains(&parent)))
}

fn parent(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

impl CgroupSampler {
    /// Figures of the containers; those that cannot be read are left out.
    pub fn sample(&self, containers: &[ContainerId]) -> SortedMap<ContainerId, ContainerUsage> {
        let now = Instant::now();
        let mut last = self.last.borrow_mut();
        last.retain(|id, _| containers.contains(id));
        let one = |id: &ContainerId| {
            let memory = read(MEMORY, id)?.trim().parse().ok()?;
            let micros = cpu_micros(&read(CPU, id)?)?;
            let before = last.insert(id.clone(), (now, micros));
            Some((
                id.clone(),
                ContainerUsage {
                    cpu: before.map_or(0.0, |before| share(before, (now, micros))),
                    memory,
                },
            ))
        };
        containers.iter().filter_map(one).collect()
    }
}

fn read((new, controller, old): File, id: &ContainerId) -> Option<String> {
    let base = Path::new("/sys/fs/cgroup");
    GROUPS.iter().find_map(|group| {
        let group = group.replace("{id}", id.as_str());
        let old = base.join(controller).join(&group).join(old);
        std::fs::read_to_string(base.join(group).join(new))
            .or_else(|_| std::fs::read_to_string(old))
            .ok()
    })
}

/// Version 2 gives microseconds by name, version 1 nanoseconds alone.
fn cpu_micros(text: &str) -> Option<u64> {
    match text.lines().find_map(|line| line.strip_prefix("usage_usec ")) {
        Some(micros) => micros.trim().parse().ok(),
        None => text.trim().parse::<u64>().ok().map(|nanos| nanos / 1000),
    }
}

fn share((start, before): (Instant, u64), (end, after): (Instant, u64)) -> f64 {
    let seconds = end.duration_since(start).as_secs_f64();
    let used =
        f64::from(u32::try_from(after.saturating_sub(before)).unwrap_or(u32::MAX)) / 1_000_000.0;
    if seconds > 0.0 { used / seconds * 100.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_cpu_time_are_read() {
        assert_eq!(cpu_micros("usage_usec 1500\nuser_usec 3\n"), Some(1500));
        assert_eq!(cpu_micros("1500000\n"), Some(1500));
        assert_eq!(cpu_micros("?"), None);
    }
}
