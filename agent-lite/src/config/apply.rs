//! Changing several settings at once: each is judged alone, valid ones apply (agent contract 4.3).

use super::{Config, Setting};

/// What happened to one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Taken; the old value is kept for the report.
    Accepted {
        /// Value before.
        old: String,
    },
    /// Refused, with the text to show.
    Refused(String),
}

/// One requested change and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingChange {
    /// Which.
    pub setting: Setting,
    /// The value asked for.
    pub value: String,
    /// The verdict.
    pub outcome: Outcome,
}

impl Config {
    /// Applies every valid pair and reports on each.
    pub fn apply(&mut self, wanted: &[(Setting, String)]) -> Vec<SettingChange> {
        wanted.iter().map(|(setting, value)| self.apply_one(*setting, value)).collect()
    }

    fn apply_one(&mut self, setting: Setting, value: &str) -> SettingChange {
        let old = self.get(setting).to_owned();
        let result = match setting {
            Setting::Gps if value.contains(',') => self
                .set(Setting::GpsCoordinates, value)
                .and_then(|()| self.set(Setting::Gps, "manual")),
            _ => self.set(setting, value),
        };
        let outcome = match result {
            Ok(()) => Outcome::Accepted { old },
            Err(error) => Outcome::Refused(error.to_string()),
        };
        SettingChange { setting, value: value.to_owned(), outcome }
    }
}
