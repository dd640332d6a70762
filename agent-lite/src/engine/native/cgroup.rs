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

/// The number of processes can be limited. A runtime refuses a limit where it cannot.
pub(super) fn limits_processes() -> bool {
    has(Path::new(BASE), "pids")
}

/// Whether the kernel killed a process of this container for lack of memory. Its control group must be there still.
pub(super) fn killed_for_memory(id: &str) -> bool {
    killed_in(Path::new(BASE), id)
}

/// Version 2 counts in `memory.events`, version 1 in `memory.oom_control`; both call it the same.
fn killed_in(base: &Path, id: &str) -> bool {
    let files = [
        base.join("iofog").join(id).join("memory.events"),
        base.join("memory/iofog").join(id).join("memory.oom_control"),
    ];
    let text = files.iter().find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
    count.is_some_and(|count| count.trim() != "0")
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

    #[test]
    fn kills_for_memory_are_counted_by_either_version() {
        let base = std::env::temp_dir().join(format!("iofog-kills-{}", std::process::id()));
        let _ = fs::remove_dir_all(&base);
        assert!(!killed_in(&base, "c"), "no group, no kill");
        fs::create_dir_all(base.join("memory/iofog/c")).unwrap();
        let old = base.join("memory/iofog/c/memory.oom_control");
        fs::write(&old, "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n").unwrap();
        assert!(!killed_in(&base, "c"));
        fs::write(&old, "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n").unwrap();
        assert!(killed_in(&base, "c"));
        fs::create_dir_all(base.join("iofog/c")).unwrap();
        let new = base.join("iofog/c/memory.events");
        fs::write(&new, "low 0\nhigh 0\nmax 9\noom 1\noom_kill 0\noom_group_kill 0\n").unwrap();
        assert!(!killed_in(&base, "c"));
        fs::write(&new, "max 9\noom 1\noom_kill 1\n").unwrap();
        assert!(killed_in(&base, "c"));
        let _ = fs::remove_dir_all(base);
    }
}
