//! Administration commands, independent of how they arrive (Unix socket or Local API).

mod handler;
mod local_time;
mod text;

use std::future::Future;
use std::pin::Pin;

pub use handler::Commandline;

use crate::domain::explain::Explanation;

/// A future of the one thread, boxed so that the trait can be a trait object.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// The text answer to a command line, lines separated by `\n`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandReply {
    /// What to print.
    pub text: String,
    /// False makes the client exit with code 1 (agent contract 11.1).
    pub succeeded: bool,
}

/// What the Controller granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The node's uuid.
    pub uuid: String,
}

/// One refused setting: its name as the caller wrote it, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Name of the setting.
    pub setting: String,
    /// The reason, ready to show.
    pub reason: String,
}

/// The administration surface of the daemon (agent contract 8.3 and 11).
pub trait Administration {
    /// Runs one command line, words separated by one space.
    fn command<'a>(&'a self, line: &'a str) -> LocalFuture<'a, CommandReply>;

    /// Pairs of `GET /v2/status`: the key in lower case with dashes, and the value.
    fn status(&self) -> Vec<(String, String)>;

    /// Pairs of `GET /v2/info`.
    fn info(&self) -> Vec<(String, String)>;

    /// Provisions with `key`; the error is the text to show.
    fn provision<'a>(&'a self, key: &'a str) -> LocalFuture<'a, Result<Granted, String>>;

    /// Deprovisions; the error is the text to show.
    fn deprovision(&self) -> LocalFuture<'_, Result<(), String>>;

    /// Applies settings of `POST /v2/config` (names of agent contract 8.3); `None` when none is known.
    fn configure<'a>(
        &'a self,
        settings: &'a [(String, String)],
    ) -> LocalFuture<'a, Option<Vec<Refused>>>;

    /// Why a microservice of this node does not run or receive; the error is the text to show.
    fn explain(&self, microservice: &str) -> Result<Explanation, String>;

    /// Takes a position from `POST /v2/gps`; the error is the text to show.
    fn set_position(&self, latitude: &str, longitude: &str) -> Result<(), String>;
}

/// The answer when no daemon listens (agent contract 11.2).
pub fn without_daemon(line: &str) -> CommandReply {
    let text = match line {
        "version" | "--version" | "-v" => text::version().replacen("ioFog ", "ioFog Agent ", 1),
        "help" | "--help" | "-h" | "-?" => text::USAGE.to_owned(),
        "start" => text::SERVICE_HINT.to_owned(),
        _ => "iofog-agent is not running.".to_owned(),
    };
    CommandReply { text, succeeded: true }
}
