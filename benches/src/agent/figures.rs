//! What a run measured of one Agent, as JSON and as a table.

use serde::Serialize;
use xtask::tools::table;

use super::idle::Idle;
use crate::figures::Spread;

/// Everything that one run measured.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// The program.
    pub program: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// Containers that it ran.
    pub microservices: usize,
    /// From the start of the program to the first answer of the Local API, milliseconds.
    pub start_ms: Spread,
    /// While nothing happened.
    pub idle: Idle,
}

impl Figures {
    /// For people.
    pub fn table(&self) -> String {
        let Self { idle, start_ms: start, .. } = self;
        let rows = [
            ("program", format!("{} bytes", self.bytes)),
            (
                "start to Local API",
                format!(
                    "p50 {:.1} ms (min {:.1}, max {:.1}, {} times)",
                    start.median, start.min, start.max, start.samples
                ),
            ),
            ("microservices", self.microservices.to_string()),
            ("observed", format!("{:.0} s", idle.seconds)),
            ("processor", format!("{:.3} %", idle.processor_percent)),
            ("resident", format!("{} kB, {} threads", idle.rss_kb, idle.threads)),
            ("written to disk", format!("{:.0} bytes a day", idle.written_bytes_a_day)),
            (
                "to and from the Controller, with TLS",
                format!(
                    "{:.0} bytes a minute, about {:.0} with TCP and IP; {} connections opened",
                    idle.controller_bytes_a_minute,
                    idle.controller_wire_bytes_a_minute,
                    idle.controller_connections
                ),
            ),
        ];
        let rows: Vec<_> =
            rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
        table::layout(&["figure", "measured"], &rows)
    }
}
