//! CPU and memory of containers, read from their control groups: a few small files instead of an engine call.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

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
    last: RefCell<BTreeMap<ContainerId, (Instant, u64)>>,
}

/// Where engines put their groups: the native one in both versions, then Docker in version 2 with and without
/// systemd, then in version 1.
const MEMORY: [&str; 6] = [
    "/sys/fs/cgroup/iofog/{id}/memory.current",
    "/sys/fs/cgroup/memory/iofog/{id}/memory.usage_in_bytes",
    "/sys/fs/cgroup/system.slice/docker-{id}.scope/memory.current",
    "/sys/fs/cgroup/docker/{id}/memory.current",
    "/sys/fs/cgroup/memory/docker/{id}/memory.usage_in_bytes",
    "/sys/fs/cgroup/memory/system.slice/docker-{id}.scope/memory.usage_in_bytes",
];
const CPU: [&str; 6] = [
    "/sys/fs/cgroup/iofog/{id}/cpu.stat",
    "/sys/fs/cgroup/cpuacct/iofog/{id}/cpuacct.usage",
    "/sys/fs/cgroup/system.slice/docker-{id}.scope/cpu.stat",
    "/sys/fs/cgroup/docker/{id}/cpu.stat",
    "/sys/fs/cgroup/cpuacct/docker/{id}/cpuacct.usage",
    "/sys/fs/cgroup/cpuacct/system.slice/docker-{id}.scope/cpuacct.usage",
];

impl CgroupSampler {
    /// Figures of the containers; those that cannot be read are left out.
    pub fn sample(&self, containers: &[ContainerId]) -> BTreeMap<ContainerId, ContainerUsage> {
        let now = Instant::now();
        let mut last = self.last.borrow_mut();
        last.retain(|id, _| containers.contains(id));
        let one = |id: &ContainerId| {
            let memory = read(&MEMORY, id)?.trim().parse().ok()?;
            let micros = cpu_micros(&read(&CPU, id)?)?;
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

fn read(patterns: &[&str], id: &ContainerId) -> Option<String> {
    patterns.iter().find_map(|pattern| {
        std::fs::read_to_string(Path::new(&pattern.replace("{id}", id.as_str()))).ok()
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
