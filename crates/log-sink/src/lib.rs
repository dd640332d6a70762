//! A small sink for the `log` facade: one line per record, to stderr or to rotating files,
//! as plain text or as the Agent's JSON lines (agent contract, section 4.1).

mod line;
mod rotating;
mod time;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

pub use log::LevelFilter;
pub use rotating::RotatingFile;
pub use time::format_utc;

/// What [`init`] sets up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Records above this level are dropped before they are formatted.
    pub level: LevelFilter,
    /// Where lines go.
    pub target: Target,
    /// How a record becomes a line.
    pub format: Format,
}

impl Default for Options {
    fn default() -> Self {
        Self { level: LevelFilter::Info, target: Target::Stderr, format: Format::Text }
    }
}

/// Destination of the lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard error of the process.
    Stderr,
    /// Files `<stem>.0.log` (newest) to `<stem>.<count - 1>.log` in `directory`.
    RotatingFile {
        /// Folder, created when missing.
        directory: PathBuf,
        /// File name before the number, for example `iofog-agent`.
        stem: String,
        /// Size in bytes at which the newest file is rotated.
        limit_bytes: u64,
        /// Number of files kept, at least 1.
        count: u32,
    },
}

/// Shape of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `2026-11-23T10:36:19.786Z INFO target message key=value`.
    Text,
    /// One JSON object per line with the keys of the upstream Agent's log.
    AgentJson,
}

/// Why logging could not be set up or changed.
#[derive(Debug)]
pub enum InitError {
    /// The log folder or file cannot be opened.
    Open(PathBuf, io::Error),
    /// Another logger is already installed in this process.
    AlreadySet,
}

/// Handle for changes at run time; cheap to clone.
#[derive(Clone)]
pub struct Sink {
    shared: Arc<Mutex<State>>,
}

struct State {
    output: Output,
    format: Format,
    agent_id: String,
    hostname: String,
    buffer: Vec<u8>,
}

enum Output {
    Stderr,
    File(RotatingFile),
}

/// Installs the sink as the process-wide logger.
///
/// # Errors
/// [`InitError::Open`] when the log file cannot be opened, [`InitError::AlreadySet`] on a second call.
pub fn init(options: Options) -> Result<Sink, InitError> {
    let state = State {
        output: Output::open(&options.target)?,
        format: options.format,
        agent_id: String::new(),
        hostname: hostname(),
        buffer: Vec::with_capacity(256),
    };
    let sink = Sink { shared: Arc::new(Mutex::new(state)) };
    log::set_boxed_logger(Box::new(sink.clone())).map_err(|_| InitError::AlreadySet)?;
    log::set_max_level(options.level);
    Ok(sink)
}

// === impl Sink ===

impl Sink {
    /// Changes the level of the whole process.
    pub fn set_level(&self, level: LevelFilter) {
        log::set_max_level(level);
    }

    /// Re-opens the output, for example after the log folder was reconfigured.
    ///
    /// # Errors
    /// [`InitError::Open`]; the previous output stays in use then.
    pub fn set_target(&self, target: &Target) -> Result<(), InitError> {
        let output = Output::open(target)?;
        self.with(|state| state.output = output);
        Ok(())
    }

    /// Sets the `agent_id` of JSON lines (the fog uuid, empty before provisioning).
    pub fn set_agent_id(&self, agent_id: &str) {
        self.with(|state| agent_id.clone_into(&mut state.agent_id));
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // A poisoned lock only means that another thread panicked while logging: the state is plain data.
        let mut state = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state)
    }
}

impl log::Log for Sink {
    /// Records of libraries below `info` are wanted at `trace` alone: at `debug` a person follows
    /// this program, not the statements of its database client.
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        let ours = metadata.target().starts_with("iofog");
        metadata.level() <= log::max_level()
            && (ours
                || metadata.level() <= log::Level::Info
                || log::max_level() == LevelFilter::Trace)
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            self.with(|state| state.write(record));
        }
    }

    fn flush(&self) {}
}

// === impl State ===

impl State {
    fn write(&mut self, record: &log::Record<'_>) {
        self.buffer.clear();
        let now = time::format_now(self.format == Format::AgentJson);
        match self.format {
            Format::Text => line::text(&mut self.buffer, &now, record),
            Format::AgentJson => {
                line::json(&mut self.buffer, &now, record, &self.agent_id, &self.hostname);
            }
        }
        // Logging must never take the program down: a full disk loses lines, nothing else.
        let _ = match &mut self.output {
            Output::Stderr => io::stderr().lock().write_all(&self.buffer),
            Output::File(file) => file.write_line(&self.buffer),
        };
    }
}

// === impl Output ===

impl Output {
    fn open(target: &Target) -> Result<Self, InitError> {
        match target {
            Target::Stderr => Ok(Self::Stderr),
            Target::RotatingFile { directory, stem, limit_bytes, count } => {
                RotatingFile::open(directory, stem, *limit_bytes, *count)
                    .map(Self::File)
                    .map_err(|error| InitError::Open(directory.clone(), error))
            }
        }
    }
}

// === impl InitError ===

impl std::fmt::Display for InitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Open(path, _) => write!(f, "opening the log in {} failed", path.display()),
            Self::AlreadySet => f.write_str("logging is already set up in this process"),
        }
    }
}

impl std::error::Error for InitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Open(_, error) => Some(error),
            Self::AlreadySet => None,
        }
    }
}

fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .unwrap_or_default()
}
