//! Arguments of the program: our own options first, then upstream's words.

use std::path::PathBuf;

use crate::config::Paths;

/// What the program was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// `--state-dir`: everything under one folder.
    pub state_dir: Option<PathBuf>,
    /// `--log`.
    pub log: Option<LogTarget>,
    /// What to do.
    pub call: Call,
}

/// Daemon or client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Run the daemon in the foreground.
    Daemon,
    /// Send this command line to the daemon.
    Command(String),
}

/// Where the daemon's log goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard error, as text.
    Stderr,
    /// Rotating files in the log folder, as the contract's JSON lines.
    File,
}

/// A misused option of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// An option without its value.
    #[error("option {0} needs a value")]
    MissingValue(&'static str),
    /// `--log` with another word.
    #[error("option --log takes stderr or file, not '{0}'")]
    Log(String),
}

// === impl Arguments ===

impl Arguments {
    /// Reads the words after the program's name. Words are joined by one space, so that one quoted argument
    /// equals several (agent contract 11.1).
    pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, ArgumentError> {
        let mut words = words.into_iter().peekable();
        let mut arguments = Self { state_dir: None, log: None, call: Call::Daemon };
        loop {
            match words.peek().map(String::as_str) {
                Some("--state-dir") => {
                    words.next();
                    let folder = words.next().ok_or(ArgumentError::MissingValue("--state-dir"))?;
                    arguments.state_dir = Some(PathBuf::from(folder));
                }
                Some("--log") => {
                    words.next();
                    arguments.log = Some(
                        match words.next().ok_or(ArgumentError::MissingValue("--log"))?.as_str() {
                            "stderr" => LogTarget::Stderr,
                            "file" => LogTarget::File,
                            other => return Err(ArgumentError::Log(other.to_owned())),
                        },
                    );
                }
                _ => break,
            }
        }
        let rest: Vec<String> = words.collect();
        arguments.call = match rest.join(" ") {
            line if line == "daemon" => Call::Daemon,
            line if line.is_empty() => Call::Command("help".to_owned()),
            line => Call::Command(line),
        };
        Ok(arguments)
    }

    /// The folders that these arguments mean.
    pub fn paths(&self) -> Paths {
        match &self.state_dir {
            Some(folder) => Paths::under(folder),
            None => Paths::system(std::env::var_os("SNAP_COMMON").map(PathBuf::from).as_deref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Arguments, ArgumentError> {
        Arguments::parse(words.iter().map(|word| (*word).to_owned()))
    }

    #[test]
    fn own_options_come_before_the_command() {
        let daemon = parse(&["--state-dir", "/s", "--log", "file", "daemon"]).unwrap();
        assert_eq!(
            (daemon.state_dir, daemon.log, daemon.call),
            (Some("/s".into()), Some(LogTarget::File), Call::Daemon)
        );
        assert_eq!(
            parse(&["config", "-cf", "10"]).unwrap().call,
            parse(&["config -cf 10"]).unwrap().call
        );
        assert_eq!(parse(&[]).unwrap().call, Call::Command("help".into()));
        assert_eq!(parse(&["--state-dir"]), Err(ArgumentError::MissingValue("--state-dir")));
        assert!(parse(&["--log", "x"]).is_err());
    }
}
