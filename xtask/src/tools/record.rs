//! Figures that are kept in the repository: one that grows beyond a tolerance fails its check until the record is
//! changed, with a reason in the commit.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result};

use crate::tools::cargo::workspace;

/// A file with a figure in each line, behind its name.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    form: Form,
    figures: BTreeMap<String, u64>,
}

/// Where a record stands, and how it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// File in the repository.
    pub file: &'static str,
    /// Its first lines: comments that say what it holds and what writes it.
    pub header: &'static str,
    /// Words of a name.
    pub words: usize,
    /// Growth that passes, in percent.
    pub tolerance: u64,
    /// What is counted.
    pub unit: &'static str,
}

impl Record {
    /// Reads the record; empty when there is none yet.
    ///
    /// # Errors
    /// When a line is malformed.
    pub fn read(form: Form) -> Result<Self> {
        let text = std::fs::read_to_string(workspace().join(form.file)).unwrap_or_default();
        Self::parse(form, &text)
    }

    /// The recorded figure of a name.
    pub fn get(&self, name: &str) -> Option<u64> {
        self.figures.get(name).copied()
    }

    /// Notes a figure.
    pub fn set(&mut self, name: &str, figure: u64) {
        self.figures.insert(name.to_owned(), figure);
    }

    /// Writes the record.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self) -> Result<()> {
        let file = self.form.file;
        std::fs::write(workspace().join(file), self.to_text())
            .with_context(|| format!("cannot write {file}"))
    }

    /// What is wrong with a figure, if anything.
    pub fn judge(&self, name: &str, figure: u64) -> Option<String> {
        let Form { tolerance, unit, .. } = self.form;
        let Some(recorded) = self.get(name) else {
            return Some(format!("{name}: nothing is recorded: run with --record"));
        };
        (figure > recorded + recorded * tolerance / 100).then(|| {
            format!(
                "{name}: {figure} {unit}, more than {tolerance} % above the recorded {recorded}"
            )
        })
    }

    fn to_text(&self) -> String {
        let mut text = self.form.header.to_owned();
        for (name, figure) in &self.figures {
            let _ = writeln!(text, "{name} {figure}");
        }
        text
    }

    fn parse(form: Form, text: &str) -> Result<Self> {
        let mut record = Self { form, figures: BTreeMap::new() };
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (name, figure) = line
                .rsplit_once(' ')
                .filter(|(name, _)| name.split_ascii_whitespace().count() == form.words)
                .with_context(|| format!("{}: expected name and figure in: {line}", form.file))?;
            let figure =
                figure.parse().with_context(|| format!("{}: no number in: {line}", form.file))?;
            record.set(name, figure);
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Form =
        Form { file: "f", header: "# head\n", words: 2, tolerance: 2, unit: "bytes" };

    #[test]
    fn growth_above_the_tolerance_is_refused() {
        let record = Record::parse(FORM, "armv7 agent 1000\n").unwrap();
        assert_eq!(record.judge("armv7 agent", 1020), None);
        assert!(record.judge("armv7 agent", 1021).is_some());
        assert_eq!(record.judge("armv7 agent", 10), None);
        assert!(record.judge("mips agent", 1).is_some());
        let counts = Form { words: 1, tolerance: 3, ..FORM };
        let record = Record::parse(counts, "# head\nsettled 1000\n").unwrap();
        assert_eq!(record.judge("settled", 1020), None);
        assert!(record.judge("settled", 1031).is_some());
        assert!(Record::parse(counts, "# head\n").unwrap().judge("settled", 900).is_some());
    }

    #[test]
    fn record_reads_back() {
        let mut record = Record::parse(FORM, "").unwrap();
        record.set("mips iofog-agent", 7);
        assert_eq!(Record::parse(FORM, &record.to_text()).unwrap(), record);
        assert!(Record::parse(FORM, "mips").is_err());
        assert!(Record::parse(FORM, "mips iofog-agent").is_err());
        assert!(Record::parse(FORM, "mips iofog-agent many").is_err());
    }
}
