//! Figures read inside the guest: memory of the Agent, bytes written to the disk.

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::guest::Guest;

/// Figures of one machine; what was not measured is left out.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// Machine.
    pub machine: String,
    /// Memory given to the machine, MiB.
    pub memory_mb: u32,
    /// Guest seconds from the start of the kernel to the first prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_s: Option<f32>,
    /// Guest seconds from the start of the kernel to the first container from what is on the disk, after a reboot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_to_workload_s: Option<f32>,
    /// Guest seconds from the start of the kernel to the first status taken by the Controller after a reboot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_to_connected_s: Option<f32>,
    /// What it took in a minute of idling.
    #[serde(flatten)]
    pub idle: Option<Idle>,
    /// Power cuts while state was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cuts_state: Option<u32>,
    /// Power cuts during updates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cuts_update: Option<u32>,
}

/// A gateway with two containers and nothing to send.
#[derive(Clone, Debug, Serialize)]
pub struct Idle {
    /// Memory that the guest could still give to programs, kB.
    pub available_kb: u64,
    /// Resident memory of the Agent with Router and Proxy, kB.
    pub rss_kb: u64,
    /// Its peak, kB.
    pub peak_kb: u64,
    /// Its threads.
    pub threads: u64,
    /// Memory of the shims of its two containers: pages of their own, and their part of shared ones, kB.
    pub shims_kb: u64,
    /// Bytes that reached the disk in the minute.
    pub idle_written_per_minute: u64,
}

/// Memory of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Resident, kB.
    pub rss_kb: u64,
    /// Peak, kB.
    pub peak_kb: u64,
    /// Threads.
    pub threads: u64,
}

/// Memory of the Agent.
///
/// # Errors
/// When it does not run.
pub fn agent(guest: &mut Guest) -> Result<Memory> {
    let text = guest.must(
        "p=$(pidof iofog-agent | cut -d' ' -f1); cat /proc/$p/status; grep ^Rss /proc/$p/smaps_rollup",
    )?;
    Ok(Memory {
        // The rolled-up maps are exact; the status line lags behind by some pages for each thread.
        rss_kb: field(&text, "Rss:").context("the agent does not run")?,
        peak_kb: field(&text, "VmHWM:").unwrap_or_default(),
        threads: field(&text, "Threads:").unwrap_or_default(),
    })
}

/// Memory of all shims: they are known by the name that the Agent starts them by.
///
/// # Errors
/// When none runs.
pub fn shims(guest: &mut Guest) -> Result<u64> {
    let text = guest.must("for p in $(pidof exe); do grep ^Pss: /proc/$p/smaps_rollup; done")?;
    let sizes: Vec<u64> = text.lines().filter_map(|line| field(line, "Pss:")).collect();
    ensure!(!sizes.is_empty(), "no shim runs: {text}");
    Ok(sizes.iter().sum())
}

/// Memory that the guest could give to programs, kB.
///
/// # Errors
/// When the guest is gone.
pub fn available(guest: &mut Guest) -> Result<u64> {
    Ok(field(&guest.must("cat /proc/meminfo")?, "MemAvailable:").unwrap_or_default())
}

/// Bytes written to the disk since the machine started, after everything buffered went there.
///
/// # Errors
/// When the guest is gone.
pub fn written(guest: &mut Guest) -> Result<u64> {
    let text = guest.must("sync; cat /sys/block/vda/stat")?;
    let sectors: u64 = text
        .split_ascii_whitespace()
        .nth(6)
        .and_then(|word| word.parse().ok())
        .context("no figures of the disk")?;
    Ok(sectors * 512)
}

/// Seconds since the guest's kernel started.
///
/// # Errors
/// When the guest is gone.
pub fn uptime(guest: &mut Guest) -> Result<f32> {
    let text = guest.must("cat /proc/uptime")?;
    text.split_ascii_whitespace().next().and_then(|word| word.parse().ok()).context("no uptime")
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Figures, Idle};

    #[test]
    fn figures_hold_what_was_measured_alone() {
        let mut figures = Figures { machine: "armv7".into(), memory_mb: 128, ..Figures::default() };
        let text = |figures: &Figures| serde_json::to_string(figures).unwrap();
        assert_eq!(text(&figures), r#"{"machine":"armv7","memory_mb":128}"#);
        figures.idle = Some(Idle {
            available_kb: 90_000,
            rss_kb: 2000,
            peak_kb: 2100,
            threads: 1,
            shims_kb: 1500,
            idle_written_per_minute: 0,
        });
        figures.cuts_update = Some(1);
        let idle = r#""available_kb":90000,"rss_kb":2000,"peak_kb":2100,"threads":1,"shims_kb":1500,"idle_written_per_minute":0"#;
        assert_eq!(
            text(&figures),
            format!(r#"{{"machine":"armv7","memory_mb":128,{idle},"cuts_update":1}}"#)
        );
    }

    #[test]
    fn fields_are_found() {
        let text = "VmHWM:\t    1234 kB\nThreads:\t1\nRss:  77 kB\n";
        assert_eq!(super::field(text, "VmHWM:"), Some(1234));
        assert_eq!(super::field(text, "Rss:"), Some(77));
        assert_eq!(super::field(text, "None:"), None);
    }
}
