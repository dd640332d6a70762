//! `config.xml`, its backup and the switcher: load, normalise, write so that a cut at any byte is survived.

use std::io;
use std::path::{Path, PathBuf};

use super::{Config, Paths, Setting, xml};
use crate::disk;

const ROOT: &str = "config";

/// Neither the file nor its backup could be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file exists but cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Both hold no usable XML.
    #[error("{path} and its backup hold no valid configuration: {reason}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong in the active file.
        reason: String,
    },
}

/// The configuration files of one Agent.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    paths: Paths,
    active: PathBuf,
}

/// Profiles of `switch`: name in the switcher file, accepted words, file.
const PROFILES: [(&str, &[&str], &str); 3] = [
    ("default", &["def", "default"], "config.xml"),
    ("development", &["dev", "development"], "config-development.xml"),
    ("production", &["prod", "production"], "config-production.xml"),
];

// === impl ConfigFile ===

impl ConfigFile {
    /// The files under `paths`; the switcher chooses the active one.
    pub fn new(paths: &Paths) -> Self {
        let name = active_profile(&paths.config.join("config-switcher.xml"));
        let file = PROFILES.iter().find(|one| one.0 == name).map_or("config.xml", |one| one.2);
        Self { paths: paths.clone(), active: paths.config.join(file) }
    }

    /// The profile that word means, if any.
    pub fn profile(word: &str) -> Option<&'static str> {
        PROFILES.iter().find(|one| one.1.contains(&word)).map(|one| one.0)
    }

    /// Name of the active profile.
    pub fn active_profile(&self) -> &'static str {
        let file = self.active.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        PROFILES.iter().find(|one| one.2 == file).map_or("default", |one| one.0)
    }

    /// Makes `profile` the active one and remembers it.
    pub fn switch_to(&mut self, profile: &'static str) -> io::Result<()> {
        let text = xml::write("switcher", std::iter::once(("current_config", profile)));
        disk::write_atomically(&self.paths.config.join("config-switcher.xml"), text.as_bytes())?;
        *self = Self::new(&self.paths);
        Ok(())
    }

    /// Reads the active file, else the backup; a missing file means the defaults.
    /// The second value lists what was odd, for the log.
    pub fn load(&self) -> Result<(Config, Vec<String>), LoadError> {
        let mut notes = Vec::new();
        let text = match std::fs::read_to_string(&self.active) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.backup().exists() => {
                return Ok((Config::defaults(&self.paths), notes));
            }
            // Bytes that are no text are damage like any other.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) =>
            {
                String::new()
            }
            Err(source) => return Err(LoadError::Read { path: self.active.clone(), source }),
        };
        let reason = match xml::parse(&text, ROOT) {
            Ok(elements) => return Ok((self.interpret(elements, &mut notes), notes)),
            Err(error) => error.to_string(),
        };
        notes.push(format!("{}: {reason}; using the backup", self.active.display()));
        let backup = std::fs::read_to_string(self.backup()).unwrap_or_default();
        match xml::parse(&backup, ROOT) {
            Ok(elements) => Ok((self.interpret(elements, &mut notes), notes)),
            Err(_) => Err(LoadError::Malformed { path: self.active.clone(), reason }),
        }
    }

    /// Writes the active file, then the backup; both are whole at any time.
    pub fn save(&self, config: &Config) -> io::Result<()> {
        let elements = Setting::ALL.iter().map(|one| (one.element(), config.get(*one)));
        let text = xml::write(ROOT, elements);
        disk::write_secret_atomically(&self.active, text.as_bytes())?;
        disk::write_secret_atomically(&self.backup(), text.as_bytes())
    }

    fn backup(&self) -> PathBuf {
        self.paths.config.join("config-bck.xml")
    }

    /// A missing, doubled or refused element leaves the default in place: a bad edit never stops the node.
    fn interpret(&self, elements: Vec<(String, String)>, notes: &mut Vec<String>) -> Config {
        let mut config = Config::defaults(&self.paths);
        for setting in Setting::ALL {
            let mut found = elements.iter().filter(|(name, _)| name == setting.element());
            match (found.next(), found.next()) {
                (Some((_, value)), None) => {
                    let keeps_default = value.is_empty() && setting.cli().is_some();
                    if let Err(error) = config.set(setting, value)
                        && !keeps_default
                    {
                        notes.push(format!("{}: {error}; using the default", setting.element()));
                    }
                }
                (None, _) => {}
                (Some(_), Some(_)) => {
                    notes.push(format!("{} is there twice; using the default", setting.element()))
                }
            }
        }
        config
    }
}

fn active_profile(switcher: &Path) -> &'static str {
    let text = std::fs::read_to_string(switcher).unwrap_or_default();
    let elements = xml::parse(&text, "switcher").unwrap_or_default();
    let name =
        elements.iter().find(|(name, _)| name == "current_config").map(|(_, value)| value.as_str());
    PROFILES.iter().find(|one| Some(one.0) == name).map_or("default", |one| one.0)
}
