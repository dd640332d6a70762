//! From the sensor's reading to its arrival at the dashboard, over two gateways and three Routers.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xtask::ecn::{Ecn, application};

use crate::figures::Latency;

/// Latencies of the newest messages once `count` arrived.
///
/// # Errors
/// When the dashboard does not answer or no messages come.
pub fn measure(ecn: &Ecn, count: u64, interval_ms: u32) -> Result<Latency> {
    let links = application::public_links(&ecn.microservices);
    let link = links.first().context("the application has no public port")?;
    let mut idle_rounds = 0;
    let mut before = 0;
    loop {
        let (status, body) = application::get(&format!("{link}/api/messages"))?;
        ensure!(status == 200, "dashboard: {status}");
        let summary: Value = serde_json::from_str(&body)?;
        let arrived = summary["count"].as_u64().unwrap_or_default();
        if arrived >= count {
            let figure = |name: &str| summary["latency"][name].as_u64().unwrap_or_default();
            return Ok(Latency {
                samples: figure("samples"),
                rate: 1000.0 / f64::from(interval_ms),
                p50: figure("p50_us"),
                p99: figure("p99_us"),
                max: figure("max_us"),
            });
        }
        idle_rounds = if arrived == before { idle_rounds + 1 } else { 0 };
        ensure!(idle_rounds < 60, "no messages arrive");
        before = arrived;
        std::thread::sleep(Duration::from_secs(1));
    }
}
