//! Control groups of this machine: which limits can be kept.

use std::fs;
use std::path::Path;

use crate::domain::Limits;

const BASE: &str = "/sys/fs/cgroup";

/// Version 2, or version 1 with the controllers that matter.
pub(super) fn exists() -> bool {
    let base = Path::new(BASE);
    base.join("cgroup.controllers").exists()
        || ["memory", "pids", "cpu"].iter().any(|name| has(base, name))
}

/// A limit of memory can be one of memory and swap together; without one, what is too much goes to the swap.
pub(super) fn limits_swap() -> bool {
    let swaps = fs::read_to_string("/proc/swaps").unwrap_or_default();
    let base = Path::new(BASE);
    base.join("memory/memory.memsw.limit_in_bytes").exists()
        || !base.join("memory").exists() && swaps.lines().count() > 1
}

/// Refuses limits that this machine cannot keep: a container without its limit is not what was ordered.
///
/// # Errors
/// The text to show.
pub(super) fn check(limits: Limits) -> Result<(), String> {
    check_in(Path::new(BASE), limits)
}

fn check_in(base: &Path, limits: Limits) -> Result<(), String> {
    let wanted = [("memory", limits.memory_mib.is_some()), ("cpu", limits.cpu_milli.is_some())];
    match wanted.into_iter().find(|(name, wanted)| *wanted && !has(base, name)) {
        Some((name, _)) => Err(format!(
            "a limit of {name} is ordered, but this machine has no control group for it"
        )),
        None => Ok(()),
    }
}

/// The controller is there in either version. A mixture has it in one of them.
fn has(base: &Path, controller: &str) -> bool {
    let listed = fs::read_to_string(base.join("cgroup.controllers"));
    listed.is_ok_and(|text| text.split_whitespace().any(|one| one == controller))
        || base.join(controller).join("tasks").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_need_their_controller_in_either_version() {
        let base = std::env::temp_dir().join(format!("iofog-cgroups-{}", std::process::id()));
        let _ = fs::remove_dir_all(&base);
        fs::create_dir_all(base.join("cpu")).unwrap();
        let memory = Limits { memory_mib: Some(64), cpu_milli: None };
        let cpu = Limits { memory_mib: None, cpu_milli: Some(500) };
        assert!(check_in(&base, Limits::default()).is_ok());
        assert!(check_in(&base, memory).unwrap_err().contains("limit of memory"));
        fs::write(base.join("cpu/tasks"), "").unwrap();
        assert!(check_in(&base, cpu).is_ok() && check_in(&base, memory).is_err());
        fs::write(base.join("cgroup.controllers"), "io memory pids\n").unwrap();
        assert!(check_in(&base, memory).is_ok());
        let _ = fs::remove_dir_all(base);
    }
}
