//! Medians as a table: a row for each figure, a column for each router.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::rows::Figures;

/// Everything measured so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<String>,
    subjects: Vec<String>,
    values: BTreeMap<(String, String), Vec<f64>>,
}

impl Report {
    pub(crate) fn add(&mut self, row: &str, subject: &str, figures: Figures) {
        if !self.subjects.iter().any(|known| known == subject) {
            self.subjects.push(subject.to_owned());
        }
        for (name, value) in figures.0 {
            let row = format!("{row}, {name}");
            if !self.rows.contains(&row) {
                self.rows.push(row.clone());
            }
            self.values.entry((row, subject.to_owned())).or_default().push(value);
        }
    }

    pub(crate) fn table(&self) -> String {
        let mut text = format!("| figure | {} |\n|---|", self.subjects.join(" | "));
        text.push_str(&"---|".repeat(self.subjects.len()));
        for row in &self.rows {
            let _ = write!(text, "\n| {row} |");
            for subject in &self.subjects {
                let values = self.values.get(&(row.clone(), subject.clone()));
                let cell = values.map_or("-".to_owned(), |values| format!("{:.2}", median(values)));
                let _ = write!(text, " {cell} |");
            }
        }
        text
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
