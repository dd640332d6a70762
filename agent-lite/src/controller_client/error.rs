//! What can go wrong between Agent and Controller, told apart as far as the Agent behaves differently.

use std::io;
use std::time::Duration;

/// A failed call.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// The configured URL cannot be used.
    #[error("controller url is not usable: {0}")]
    Url(String),
    /// No connection.
    #[error("cannot connect to the controller: {0}")]
    Connect(#[source] io::Error),
    /// The Controller's certificate was refused; the text names the check that failed.
    #[error("the controller's certificate is refused: {0}")]
    Certificate(String),
    /// Secure mode is on and the URL is not https.
    #[error("secure mode is on, but the controller url is not https")]
    Insecure,
    /// The Controller, or something before it, does not know the device link.
    #[error("the controller does not offer the device link")]
    NoLink,
    /// No complete answer in time.
    #[error("the controller did not answer in time")]
    Timeout,
    /// The connection broke during the call.
    #[error("connection to the controller broke: {0}")]
    Broken(#[source] hyper::Error),
    /// An error status; the text is the Controller's own.
    #[error("{message}")]
    Status {
        /// HTTP status.
        code: u16,
        /// `message` of the body, else the reason phrase.
        message: String,
        /// When it may be asked again, in seconds, if it said so (`Retry-After`).
        retry_after: Option<u32>,
    },
    /// The node got another identity during the call.
    #[error("the identity changed during the call")]
    Superseded,
    /// A success whose body is not what the contract says.
    #[error("the controller's answer is malformed: {what}")]
    Malformed {
        /// Which part.
        what: String,
    },
}

impl ControllerError {
    /// A body without the named part.
    pub(crate) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed { what: what.into() }
    }

    /// The HTTP status, when there was one.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Status { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// How long the Controller wants to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after: Some(seconds), .. } => {
                Some(Duration::from_secs(u64::from(*seconds)))
            }
            _ => None,
        }
    }
}
