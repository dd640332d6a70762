//! Counters of the server, in the text format of Prometheus. They name routes and statuses, never who called.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::app::App;

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Connections that are open.
    pub connections: AtomicUsize,
    /// Connections that were refused because their address has its share.
    pub turned_away: AtomicUsize,
    requests: Mutex<BTreeMap<(&'static str, u16), Requests>>,
}

#[derive(Debug, Default)]
struct Requests {
    count: u64,
    seconds: f64,
}

impl Metrics {
    /// Counts an answered request.
    pub fn answered(&self, route: &'static str, status: u16, took: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = requests.entry((route, status)).or_default();
        counted.count += 1;
        counted.seconds += took.as_secs_f64();
    }

    /// The page that Prometheus reads.
    #[must_use]
    pub fn page(&self, app: &App) -> String {
        let mut page = String::new();
        let mut put = |name: &str, kind: &str, help: &str, value: f64| {
            let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
        };
        let gauge = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        let open = gauge(self.connections.load(Ordering::Relaxed));
        let up = app.started.elapsed().as_secs_f64();
        put("iofog_controller_uptime_seconds", "gauge", "Time since the start.", up);
        put("iofog_controller_connections", "gauge", "Open connections.", open);
        let away = gauge(self.turned_away.load(Ordering::Relaxed));
        let help = "Connections refused because their address has its share.";
        put("iofog_controller_connections_refused_total", "counter", help, away);
        let held = gauge(app.budget.used());
        let help = "Bodies being received and answers waiting to be taken.";
        put("iofog_controller_buffered_bytes", "gauge", help, held);
        if let Some(bytes) = resident() {
            put("process_resident_memory_bytes", "gauge", "Resident memory.", bytes);
        }
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let name = "iofog_controller_request_duration_seconds";
        let _ =
            writeln!(page, "# HELP {name} Requests by route and status.\n# TYPE {name} summary");
        for ((route, status), Requests { count, seconds }) in &*requests {
            let labels = format!("{{route=\"{route}\",status=\"{status}\"}}");
            let _ = writeln!(page, "{name}_sum{labels} {seconds}\n{name}_count{labels} {count}");
        }
        page
    }
}

/// Resident bytes of this process.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u32 = line.split_whitespace().next()?.parse().ok()?;
    Some(f64::from(kibibytes) * 1024.0)
}
