//! What the Agent takes while nothing happens: processor, memory, writes, and bytes to the Controller.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use super::network::Network;
use crate::process::status_field;

/// Seconds in a day.
const DAY: f64 = 86_400.0;

/// What was seen over a time of idling.
#[derive(Clone, Debug, Serialize)]
pub struct Idle {
    /// How long, seconds.
    pub seconds: f64,
    /// Processor time of all threads, in hundredths of one processor.
    pub processor_percent: f64,
    /// Resident memory, kB.
    pub rss_kb: u64,
    /// Threads.
    pub threads: u64,
    /// Bytes that it had the kernel write to disks, for a day.
    pub written_bytes_a_day: f64,
    /// Bytes a minute to and from the Controller, TLS included, TCP and IP not.
    pub controller_bytes_a_minute: f64,
    /// The same with an estimate of the headers of TCP and IP.
    pub controller_wire_bytes_a_minute: f64,
    /// Connections to the Controller opened meanwhile.
    pub controller_connections: usize,
}

/// Looks at the Agent for a while, once `settle` has passed.
///
/// # Errors
/// When it ends meanwhile.
pub fn measure(network: &Network, settle: Duration, observe: Duration) -> Result<Idle> {
    let pid = network.edge()?.pid;
    std::thread::sleep(settle);
    let (start, processor, written) = (Instant::now(), processor_ns(pid)?, written(pid)?);
    let before = network.relay.passed();
    std::thread::sleep(observe);
    let seconds = start.elapsed().as_secs_f64();
    let passed = network.relay.passed().since(before);
    let minutes = seconds / 60.0;
    Ok(Idle {
        seconds,
        processor_percent: difference(processor_ns(pid)?, processor) / 1e7 / seconds,
        rss_kb: status_field(pid, "VmRSS:")?,
        threads: status_field(pid, "Threads:")?,
        written_bytes_a_day: difference(self::written(pid)?, written) / seconds * DAY,
        controller_bytes_a_minute: number(passed.bytes) / minutes,
        controller_wire_bytes_a_minute: number(passed.on_the_wire()) / minutes,
        controller_connections: passed.connections,
    })
}

/// Processor time of all threads, nanoseconds.
fn processor_ns(pid: i32) -> Result<u64> {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        let word = text.split_whitespace().next().context("no processor time")?;
        sum += word.parse::<u64>()?;
    }
    Ok(sum)
}

/// Bytes that the process had the kernel write to a disk.
fn written(pid: i32) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/io"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|word| word.trim().parse().ok()).context("no count of writes")
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn difference(after: u64, before: u64) -> f64 {
    after.saturating_sub(before) as f64
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn number(count: usize) -> f64 {
    count as f64
}
