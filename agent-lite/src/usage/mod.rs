//! Resource figures of the node and of this process, from `/proc` and the file system.

mod cgroup;
mod device;
mod folder;
mod interface;
mod speed;

use std::cell::Cell;
use std::path::Path;

pub use cgroup::{CgroupSampler, ContainerUsage, first_process};
pub use device::identify;
pub use folder::folder_bytes;
pub use interface::NetworkInterface;
pub use speed::SpeedMeter;

/// Figures for the status (agent contract 3.6 and 11.3).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Resident memory of this process, bytes.
    pub memory: u64,
    /// Share of all CPUs used by this process since the last sample, percent.
    pub cpu: f64,
    /// Share of all CPUs in use since boot, percent.
    pub system_cpu: f64,
    /// Free disk, bytes, where the state lies.
    pub disk_free: u64,
    /// Size of that disk, bytes.
    pub disk_total: u64,
    /// Memory that programs could still take, bytes.
    pub memory_free: u64,
}

/// Takes samples; remembers the last one for rates.
#[derive(Debug, Default)]
pub struct Sampler {
    last: Cell<Option<(u64, u64)>>,
}

impl Sampler {
    /// A sample; what cannot be read is 0.
    pub fn sample(&self, disk: &Path) -> Usage {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let (busy, total) = cpu_ticks(&read("/proc/stat"));
        let own = process_ticks(&read("/proc/self/stat"));
        let (last_own, last_total) = self.last.replace(Some((own, total))).unwrap_or((own, total));
        let (disk_free, disk_total) = disk_space(disk);
        Usage {
            memory: field_kib(&read("/proc/self/status"), "VmRSS:") * 1024,
            cpu: percent(own.saturating_sub(last_own), total.saturating_sub(last_total)),
            system_cpu: percent(busy, total),
            disk_free,
            disk_total,
            memory_free: field_kib(&read("/proc/meminfo"), "MemAvailable:") * 1024,
        }
    }
}

/// Busy and total ticks of all CPUs since boot.
fn cpu_ticks(stat: &str) -> (u64, u64) {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu ")).unwrap_or_default();
    let ticks: Vec<u64> =
        line.split_whitespace().filter_map(|tick| tick.parse().ok()).take(8).collect();
    let total = ticks.iter().sum::<u64>();
    let idle = ticks.iter().skip(3).take(2).sum::<u64>();
    (total - idle, total)
}

/// User and system ticks of this process; the name in parentheses may hold blanks.
fn process_ticks(stat: &str) -> u64 {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    after_name.split_whitespace().skip(11).take(2).filter_map(|tick| tick.parse::<u64>().ok()).sum()
}

fn field_kib(text: &str, name: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    value.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn disk_space(path: &Path) -> (u64, u64) {
    match rustix::fs::statvfs(path) {
        Ok(space) => (
            space.f_bavail.saturating_mul(space.f_frsize),
            space.f_blocks.saturating_mul(space.f_frsize),
        ),
        Err(_) => (0, 0),
    }
}

/// Percentage with two decimals, without floating-point surprises at 0.
fn percent(part: u64, whole: u64) -> f64 {
    let hundredths = part.saturating_mul(10_000).checked_div(whole).unwrap_or_default();
    f64::from(u32::try_from(hundredths).unwrap_or(u32::MAX)) / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_read() {
        assert_eq!(cpu_ticks("cpu  10 0 20 60 10 0 0 0 5 5\ncpu0 1 1 1 1"), (30, 100));
        assert_eq!(process_ticks("1 (a b) c) S 1 1 1 0 -1 4 1 0 0 0 7 5 0 0 20"), 12);
        assert_eq!(field_kib("MemTotal: 10 kB\nMemAvailable:   42 kB\n", "MemAvailable:"), 42);
        assert_eq!(percent(1, 3), 33.33);
        assert_eq!(percent(1, 0), 0.0);
    }

    #[test]
    fn this_process_has_figures() {
        let usage = Sampler::default().sample(Path::new("/"));
        assert!(usage.memory > 0 && usage.memory_free > 0 && usage.disk_total > 0);
    }
}
