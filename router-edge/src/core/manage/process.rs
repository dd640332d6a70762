//! Entities that tell of the process as a whole: figures, memory, log level.

use iofog_amqp::Value;
use log::LevelFilter;

use super::Refusal;
use super::views::{Record, count, total};
use crate::config::Mode;
use crate::core::{Core, DropReason};

/// Age from which a delivery that is not settled counts as stuck, ms.
pub(super) const STUCK: u64 = 10_000;

/// Levels by their names in management, from the most to the least.
const LEVELS: [(&str, LevelFilter); 9] = [
    ("trace+", LevelFilter::Trace),
    ("debug+", LevelFilter::Debug),
    ("info+", LevelFilter::Info),
    ("default", LevelFilter::Info),
    ("notice+", LevelFilter::Warn),
    ("warning+", LevelFilter::Warn),
    ("error+", LevelFilter::Error),
    ("critical+", LevelFilter::Error),
    ("none", LevelFilter::Off),
];

impl Core {
    /// Figures of the router: part of `router` in one family, `routerMetrics` in the other.
    pub(super) fn metrics(&self) -> Record {
        let snapshot = self.snapshot();
        let totals = self.totals();
        let stuck =
            self.deliveries.iter().filter(|(_, delivery)| self.now.since(delivery.came) >= STUCK);
        let memory = self.entities.machine.memory;
        let mut metrics = vec![
            ("addrCount", count(self.table.iter().count())),
            ("linkCount", count(snapshot.links)),
            ("connectionCount", count(snapshot.connections)),
            ("nodeCount", count(snapshot.routers + usize::from(self.mode == Mode::Interior))),
            ("linkRouteCount", count(self.link_routes.len())),
            ("autoLinkCount", count(snapshot.auto_links)),
            ("deliveriesIngress", total(totals.ingress)),
            ("deliveriesEgress", total(totals.egress)),
            ("deliveriesTransit", total(totals.transit)),
            ("presettledDeliveries", total(totals.presettled)),
            ("droppedPresettledDeliveries", total(totals.drops.total())),
            ("acceptedDeliveries", total(totals.accepted)),
            ("rejectedDeliveries", total(totals.rejected)),
            ("releasedDeliveries", total(totals.released)),
            ("modifiedDeliveries", total(totals.modified)),
            ("deliveriesDelayed1Sec", total(totals.delays.second)),
            ("deliveriesDelayed10Sec", total(totals.delays.ten_seconds)),
            ("deliveriesStuck", count(stuck.count())),
            ("deliveriesRedirectedToFallback", total(0)),
            ("linksBlocked", count(snapshot.links_blocked)),
            ("uptimeSeconds", total(self.now.0 / 1_000)),
            ("memoryUsage", memory("VmSize:").map_or(Value::Null, total)),
            ("residentMemoryUsage", memory("VmRSS:").map_or(Value::Null, total)),
        ];
        let drops = totals.drops;
        metrics.extend(DropReason::ALL.map(|r| (r.attribute(), total(drops.of(r)))));
        metrics
    }

    pub(super) fn metrics_view(&self) -> Record {
        let name = format!("router/{}", self.id);
        let connections = vec![(Value::from("amqp"), count(self.snapshot().connections))];
        let mut view = vec![
            ("name", name.as_str().into()),
            ("identity", name.as_str().into()),
            ("id", self.id.as_str().into()),
            ("version", env!("CARGO_PKG_VERSION").into()),
            ("connectionCounters", Value::Map(connections)),
        ];
        view.extend(self.metrics());
        view
    }
}

/// The one log of the process.
pub(super) fn log_view() -> Record {
    let level = log::max_level();
    let name = LEVELS.iter().find(|(_, known)| *known == level).map_or("none", |(name, _)| name);
    vec![
        ("name", "log/DEFAULT".into()),
        ("identity", "log/DEFAULT".into()),
        ("module", "DEFAULT".into()),
        ("enable", name.into()),
        ("includeTimestamp", true.into()),
        ("includeSource", true.into()),
        ("outputFile", Value::Null),
    ]
}

/// Sets the level of the whole process.
pub(super) fn set_log_level(enable: &str) -> Result<(), Refusal> {
    // The reference knows single levels (`info`) and lists; what is less severe than the least of them is off.
    let least = enable.split([',', ' ']).filter(|word| !word.is_empty()).map(|word| {
        let plain = word.trim_end_matches('+');
        LEVELS.iter().find(|(name, _)| name.trim_end_matches('+') == plain)
    });
    let levels: Option<Vec<_>> = least.map(|found| found.map(|(_, level)| *level)).collect();
    match levels.and_then(|levels| levels.into_iter().max()) {
        Some(level) => {
            log::set_max_level(level);
            Ok(())
        }
        None => Err(Refusal {
            code: 400,
            text: format!("log: attribute `enable` has no level `{enable}`"),
        }),
    }
}
