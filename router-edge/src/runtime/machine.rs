//! What the system tells of the machine and of this process.

use crate::core::Machine;

/// For management.
pub(super) const MACHINE: Machine = Machine { host_name, memory };

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .unwrap_or_default()
}

/// Memory of the process, bytes, by its line in the system's account; none where that does not tell.
pub(super) fn memory(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let found = status.lines().find_map(|text| text.strip_prefix(line))?;
    let kilobytes = found.split_whitespace().next()?.parse::<u64>().ok()?;
    Some(kilobytes * 1_024)
}
