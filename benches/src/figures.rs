//! What a run measured, as JSON and as a table.

use serde::Serialize;
use xtask::tools::table;

use crate::process::Footprint;

/// Everything that one run measured.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// Processors of this machine.
    pub processors: usize,
    /// `up` with everything built, from the command to the page, seconds.
    pub up_s: f64,
    /// REST create to the engine's `running`, milliseconds.
    pub create_to_running_ms: Spread,
    /// REST create to `RUNNING` in the Controller's answer, milliseconds.
    pub create_to_reported_ms: Spread,
    /// Sensor to dashboard, microseconds.
    pub message_us: Latency,
    /// Processes without any application.
    pub idle: Vec<Footprint>,
    /// The same processes while messages flow.
    pub busy: Vec<Footprint>,
    /// Program files, bytes.
    pub sizes: Vec<Size>,
}

/// Smallest, median and largest of repeated measurements.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// How many measurements.
    pub samples: usize,
    /// Smallest.
    pub min: f64,
    /// Median.
    pub median: f64,
    /// Largest.
    pub max: f64,
}

/// Percentiles of message latency.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Latency {
    /// How many messages.
    pub samples: u64,
    /// Messages per second that were sent.
    pub rate: f64,
    /// Half are below.
    pub p50: u64,
    /// 99 of 100 are below.
    pub p99: u64,
    /// Highest.
    pub max: u64,
}

/// A program file.
#[derive(Clone, Debug, Serialize)]
pub struct Size {
    /// Program.
    pub program: String,
    /// Bytes, stripped.
    pub bytes: u64,
}

impl Spread {
    /// Of these measurements.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or_default();
        Self {
            samples: values.len(),
            min: at(0),
            median: at(values.len() / 2),
            max: at(values.len().saturating_sub(1)),
        }
    }

    fn text(&self) -> String {
        let Self { samples, min, median, max } = self;
        format!("{median:.0} ms (min {min:.0}, max {max:.0}, {samples} times)")
    }
}

impl Figures {
    /// For people.
    pub fn table(&self) -> String {
        let mut rows: Vec<[String; 2]> = vec![
            ["up, warm build".into(), format!("{:.1} s", self.up_s)],
            ["REST create to container running".into(), self.create_to_running_ms.text()],
            ["REST create to RUNNING at the Controller".into(), self.create_to_reported_ms.text()],
        ];
        let latency = &self.message_us;
        rows.push([
            format!("sensor to dashboard, {:.0} messages/s", latency.rate),
            format!(
                "p50 {} us, p99 {} us, max {} us ({} messages)",
                latency.p50, latency.p99, latency.max, latency.samples
            ),
        ]);
        for (when, processes) in [("idle", &self.idle), ("busy", &self.busy)] {
            rows.extend(processes.iter().map(|p| [format!("{} {when}", p.name), p.text()]));
        }
        for size in &self.sizes {
            rows.push([format!("{} size", size.program), format!("{} bytes", size.bytes)]);
        }
        let rows: Vec<Vec<String>> = rows.into_iter().map(Vec::from).collect();
        table::layout(&["figure", "measured"], &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn spread_of_values() {
        let spread = Spread::of(vec![3.0, 1.0, 2.0]);
        assert_eq!((spread.min, spread.median, spread.max), (1.0, 2.0, 3.0));
        assert_eq!(Spread::of(Vec::new()), Spread::default());
    }
}
