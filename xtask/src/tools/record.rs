//! Recorded sizes of the device programs: a program that grows by more than 2 % fails the check until the
//! record is changed, with a reason in the commit.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result};

use crate::tools::cargo::workspace;

const FILE: &str = "cross/sizes.txt";
const HEADER: &str = "# Bytes of the static, stripped device programs: target, program, bytes.\n\
    # Written by `cargo xtask cross --all --record`; growth above 2 % fails `cargo xtask cross`.\n";

/// Sizes by target and program.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sizes(BTreeMap<(String, String), u64>);

impl Sizes {
    /// Recorded size of a program.
    pub fn get(&self, target: &str, program: &str) -> Option<u64> {
        self.0.get(&(target.to_owned(), program.to_owned())).copied()
    }

    /// Notes a size.
    pub fn set(&mut self, target: &str, program: &str, bytes: u64) {
        self.0.insert((target.to_owned(), program.to_owned()), bytes);
    }

    /// Writes the record.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self) -> Result<()> {
        std::fs::write(workspace().join(FILE), self.to_text())
            .with_context(|| format!("cannot write {FILE}"))
    }

    fn to_text(&self) -> String {
        let mut text = HEADER.to_owned();
        for ((target, program), bytes) in &self.0 {
            let _ = writeln!(text, "{target} {program} {bytes}");
        }
        text
    }

    fn parse(text: &str) -> Result<Self> {
        let mut sizes = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let mut words = line.split_ascii_whitespace();
            let (Some(target), Some(program), Some(bytes), None) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                anyhow::bail!("{FILE}: expected target, program, bytes in: {line}");
            };
            let bytes = bytes.parse().with_context(|| format!("{FILE}: no number in: {line}"))?;
            sizes.set(target, program, bytes);
        }
        Ok(sizes)
    }
}

/// Reads the record; empty when there is none yet.
///
/// # Errors
/// When a line is malformed.
pub fn read() -> Result<Sizes> {
    match std::fs::read_to_string(workspace().join(FILE)) {
        Ok(text) => Sizes::parse(&text),
        Err(_) => Ok(Sizes::default()),
    }
}

/// What is wrong with a size, if anything.
pub fn judge(recorded: Option<u64>, bytes: u64) -> Option<String> {
    let Some(recorded) = recorded else {
        return Some("no recorded size: run with --record".to_owned());
    };
    (bytes > recorded + recorded / 50)
        .then(|| format!("{bytes} bytes, more than 2 % above the recorded {recorded}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_above_two_percent_is_refused() {
        assert_eq!(judge(Some(1000), 1020), None);
        assert!(judge(Some(1000), 1021).is_some());
        assert_eq!(judge(Some(1000), 10), None);
        assert!(judge(None, 1).is_some());
    }

    #[test]
    fn record_reads_back() {
        let mut sizes = Sizes::default();
        sizes.set("mips", "iofog-agent", 7);
        assert_eq!(Sizes::parse(&sizes.to_text()).unwrap(), sizes);
        assert!(Sizes::parse("mips iofog-agent").is_err());
        assert!(Sizes::parse("mips iofog-agent many").is_err());
    }
}
