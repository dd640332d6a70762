//! What was measured: one line per row and way, as a table and as JSON.

use serde::Serialize;
use serde_json::{Map, Value, json};
use xtask::tools::table;

use super::load::Outcome;

/// One line of the report.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Row of the table in SPECIFICATION.md.
    pub row: String,
    /// How it was put on: kept or new connections, how many.
    pub way: String,
    /// Figures by name; the name ends with the unit.
    pub figures: Map<String, Value>,
}

/// A whole report.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Lines in the order they were measured.
    pub lines: Vec<Line>,
}

impl Report {
    /// Adds a line.
    pub fn add(&mut self, row: &str, way: &str, figures: Value) {
        let figures = if let Value::Object(figures) = figures { figures } else { Map::new() };
        let line = Line { row: row.to_owned(), way: way.to_owned(), figures };
        xtask::tools::say::line(&format!("{row}, {way}: {}", line.text()));
        self.lines.push(line);
    }

    /// Adds what a load gave.
    pub fn outcome(&mut self, row: &str, way: &str, outcome: &Outcome) {
        self.add(row, way, outcome.figures());
    }

    /// Adds a memory figure.
    pub fn memory(&mut self, row: &str, way: &str, kb: u64) {
        self.add(row, way, json!({ "rss_mb": round(kb_to_mb(kb)) }));
    }

    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .lines
            .iter()
            .map(|line| vec![line.row.clone(), line.way.clone(), line.text()])
            .collect();
        table::layout(&["row", "way", "measured"], &rows)
    }
}

impl Line {
    fn text(&self) -> String {
        let figures = self.figures.iter().map(|(name, value)| format!("{name} {value}"));
        figures.collect::<Vec<_>>().join(", ")
    }
}

/// To three figures after the point.
#[must_use]
pub fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn kb_to_mb(kb: u64) -> f64 {
    // Memory in kB fits a double exactly.
    f64::from(u32::try_from(kb).unwrap_or(u32::MAX)) / 1000.0
}
