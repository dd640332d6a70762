//! Runs `wrk` and `iperf3`, and gathers what they say.

use std::collections::BTreeMap;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use super::path::Path;

/// What `wrk` counted.
pub(crate) struct Load {
    pub(crate) requests: f64,
    /// Median latency in us.
    pub(crate) p50: f64,
}

/// Figures by row; rows keep the order they came in.
#[derive(Default)]
pub(crate) struct Table {
    rows: BTreeMap<String, Vec<f64>>,
    order: Vec<String>,
    skipped: Vec<String>,
}

impl Table {
    pub(crate) fn add(&mut self, row: &str, value: f64) {
        if !self.rows.contains_key(row) {
            self.order.push(row.to_owned());
        }
        self.rows.entry(row.to_owned()).or_default().push(value);
    }

    /// Notes once what was not measured, and why.
    pub(crate) fn skip(&mut self, what: &str, why: &str) {
        let line = format!("skipped: {what}: {why}");
        if !self.skipped.contains(&line) {
            self.skipped.push(line);
        }
    }

    /// Whether a tool is there; notes what is skipped where it is not.
    pub(crate) fn has(&mut self, tool: &str, what: &str) -> bool {
        let there = Command::new(tool).arg("-v").output().is_ok();
        if !there {
            self.skip(what, &format!("{tool} is not installed (a package of that name in Debian)"));
        }
        there
    }

    /// Median, least and most of each row, and what was skipped.
    pub(crate) fn print(&self) {
        println!("| what | median | least | most |\n|---|---|---|---|");
        for row in &self.order {
            let mut values = self.rows[row].clone();
            values.sort_by(f64::total_cmp);
            let median = values[values.len() / 2];
            println!(
                "| {row} | {median:.2} | {:.2} | {:.2} |",
                values[0],
                values[values.len() - 1]
            );
        }
        for line in &self.skipped {
            println!("{line}");
        }
    }
}

pub(crate) fn wrk(port: u16, connections: u32) -> Load {
    let output = Command::new("wrk")
        .args(["-t1", "-d3s", "--latency", "-c", &connections.to_string()])
        .arg(format!("http://127.0.0.1:{port}/"))
        .output()
        .expect("wrk runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let word = |line: &str, number: usize| {
        let line = text.lines().find(|l| l.contains(line)).unwrap_or_else(|| panic!("{text}"));
        line.split_whitespace().nth(number).unwrap().to_owned()
    };
    assert!(!text.contains("Non-2xx"), "{text}");
    Load { requests: word("requests in", 0).parse().unwrap(), p50: micros(&word("50%", 1)) }
}

/// `wrk` writes times as `12.3us`, `4.5ms` or `6.7s`.
fn micros(text: &str) -> f64 {
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic());
    let factor = match text.trim_start_matches(|c: char| !c.is_alphabetic()) {
        "us" => 1.0,
        "ms" => 1e3,
        _ => 1e6,
    };
    digits.parse::<f64>().unwrap() * factor
}

/// Processor seconds of the path per gigabyte, and gigabytes per second; none when the run failed.
pub(crate) fn iperf(path: &Path, reverse: bool) -> Option<(f64, f64)> {
    let before = path.seconds();
    let mut command = Command::new("timeout");
    command.args([
        "60",
        "iperf3",
        "-c",
        "127.0.0.1",
        "-n",
        "2G",
        "-J",
        "-p",
        &path.public.to_string(),
    ]);
    if reverse {
        command.arg("-R");
    }
    let output = command.output().expect("iperf3 runs");
    // socat counts a connection's time once its process has been waited for.
    sleep(Duration::from_millis(500));
    let seconds = path.seconds() - before;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let received = &report["end"]["sum_received"];
    let bytes = received["bytes"].as_f64().filter(|bytes| *bytes > 1e9)?;
    Some((seconds / (bytes / 1e9), received["bits_per_second"].as_f64()? / 8e9))
}
