//! The Agent's log: its level, its files and whose it is follow the configuration (agent contract 4.1 and 4.3).

use std::cell::RefCell;
use std::path::PathBuf;

use iofog_log_sink::{Format, InitError, LevelFilter, Options, Sink, Target};

use crate::config::{Config, Setting};

/// Handle on the log of this process.
pub(crate) struct Log {
    sink: Sink,
    /// Where it is wanted; none when it stays with standard error.
    files: Option<RefCell<Target>>,
}

// === impl Log ===

impl Log {
    /// Begins to log, to files or to standard error. Files that cannot be had, as on a full disk, keep nothing from running.
    ///
    /// # Errors
    /// Something else logs in this process.
    pub(crate) fn start(config: &Config, to_file: bool) -> Result<Self, InitError> {
        let level = level(config);
        let plain = || Options { level, target: Target::Stderr, format: Format::Text };
        if !to_file {
            return Ok(Self { sink: iofog_log_sink::init(plain())?, files: None });
        }
        let target = files(config);
        let options = Options { level, target: target.clone(), format: Format::AgentJson };
        let (sink, target) = match iofog_log_sink::init(options) {
            // Another folder may be better.
            Err(_) => (iofog_log_sink::init(plain())?, Target::Stderr),
            Ok(sink) => (sink, target),
        };
        Ok(Self { sink, files: Some(RefCell::new(target)) })
    }

    /// Follows a changed configuration or identity; a folder that cannot be used changes nothing and is told in the log.
    pub(crate) fn follow(&self, config: &Config) {
        self.sink.set_level(level(config));
        self.sink.set_agent_id(config.uuid().as_str());
        let Some(files_now) = &self.files else { return };
        let wanted = files(config);
        if *files_now.borrow() == wanted {
            return;
        }
        match self.sink.set_target(&wanted) {
            Ok(()) => *files_now.borrow_mut() = wanted,
            Err(error) => log::error!(target: "agent", "the log stays where it is: {error}"),
        }
    }
}

/// The contract's level names, those of Java's logging.
fn level(config: &Config) -> LevelFilter {
    match config.get(Setting::LogLevel) {
        "SEVERE" => LevelFilter::Error,
        "WARNING" => LevelFilter::Warn,
        "FINE" => LevelFilter::Debug,
        "FINER" | "FINEST" | "ALL" => LevelFilter::Trace,
        _ => LevelFilter::Info,
    }
}

/// The files that the settings ask for; together they take what they may.
fn files(config: &Config) -> Target {
    let count = u32::try_from(config.integer(Setting::LogFileCount)).unwrap_or(1).max(1);
    Target::RotatingFile {
        directory: PathBuf::from(config.get(Setting::LogDirectory)),
        stem: "iofog-agent".to_owned(),
        limit_bytes: limit_bytes(config) / u64::from(count),
        count,
    }
}

/// `log_disk_consumption_limit` in bytes; it may be a fraction of a GiB, in any form that a number has.
fn limit_bytes(config: &Config) -> u64 {
    let bytes = config.decimal(Setting::LogLimit) * f64::from(1_u32 << 30);
    format!("{bytes:.0}").parse().unwrap_or(1 << 30)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Paths;

    #[test]
    fn the_limit_is_what_the_number_says() {
        let mut config = Config::defaults(&Paths::under(Path::new("/s")));
        let gib = 1_u64 << 30;
        for (text, bytes) in [
            ("10", 10 * gib),
            ("1e1", 10 * gib),
            ("0.5", gib / 2),
            (".75", gib / 4 * 3),
            ("5.", 5 * gib),
        ] {
            config.set(Setting::LogLimit, text).unwrap();
            assert_eq!(limit_bytes(&config), bytes, "{text}");
        }
    }
}
