//! The error texts scripts match on (iofogctl contract, section 1): a header line per class, detail below.

use thiserror::Error;

/// Result of everything a command does.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure, worded as the contract words it.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum Error {
    /// A named resource does not exist.
    #[error("Unknown resource error\n{0}")]
    NotFound(String),
    /// A resource of that name is already there.
    #[error("Resource conflict error\n{0}")]
    Conflict(String),
    /// The user asked for something that cannot be done as asked.
    #[error("User input error\n{0}")]
    Input(String),
    /// Something that should hold does not.
    #[error("Unexpected internal behaviour\n{0}")]
    Internal(String),
    /// The Controller answered with a status that is neither success nor 404.
    #[error("Unexpected HTTP response\nReceived {code} from {method} {url}\n{body}")]
    Http {
        /// Status code.
        code: u16,
        /// Request method.
        method: String,
        /// Request address.
        url: String,
        /// Body of the answer.
        body: String,
    },
    /// The Controller lacks a feature.
    #[error("Controller API does not support {0}")]
    UnsupportedApi(String),
    /// A YAML document could not be read; the text names file, line and field.
    #[error(
        "Failed to unmarshal input file. \n{0}\nMake sure to use camel case field names. E.g. `keyFile: ~/.ssh/id_rsa`"
    )]
    Unmarshal(String),
    /// The namespace has no control plane.
    #[error("Namespace {0} does not contain a Control Plane")]
    NoControlPlane(String),
    /// SSH details of an Agent or Controller are missing.
    #[error(
        "Cannot perform command because SSH details for this {0} are not available. Use the configure command to add required details."
    )]
    NoSsh(&'static str),
    /// The command told its outcome itself; the program ends with this status and says no more.
    #[error("exit status {0}")]
    Status(u8),
    /// Anything else; the text is complete.
    #[error("{0}")]
    Plain(String),
}

impl Error {
    /// A [`Error::NotFound`].
    pub fn not_found(text: impl Into<String>) -> Self {
        Self::NotFound(text.into())
    }

    /// A [`Error::Input`].
    pub fn input(text: impl Into<String>) -> Self {
        Self::Input(text.into())
    }

    /// A [`Error::Internal`].
    pub fn internal(text: impl Into<String>) -> Self {
        Self::Internal(text.into())
    }

    /// A [`Error::Plain`].
    pub fn plain(text: impl Into<String>) -> Self {
        Self::Plain(text.into())
    }

    /// A failed file operation, naming the operation and the file.
    pub fn io(operation: &str, path: &std::path::Path, cause: &std::io::Error) -> Self {
        Self::Plain(format!("{operation} {}: {}", path.display(), io_text(cause)))
    }

    /// Whether a namespace without control plane is the reason; listings then print headers only.
    pub fn is_no_control_plane(&self) -> bool {
        matches!(self, Self::NoControlPlane(_))
    }

    /// Whether the resource is simply not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_))
    }

    /// Joins the failures of parallel documents, one per line.
    pub fn join(errors: Vec<Self>) -> Option<Self> {
        let mut errors = errors.into_iter();
        let first = errors.next()?;
        let rest: Vec<String> = errors.map(|error| error.to_string()).collect();
        if rest.is_empty() {
            return Some(first);
        }
        Some(Self::Plain(format!("{first}\n{}", rest.join("\n"))))
    }
}

/// The system's words for a failure, without the error number, lower case first.
fn io_text(cause: &std::io::Error) -> String {
    let text = cause.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_join_keeps_order_and_class() {
        let one = Error::join(vec![Error::not_found("a")]).unwrap();
        assert!(one.is_not_found());
        let two = Error::join(vec![Error::plain("a"), Error::plain("b")]).unwrap();
        assert_eq!(two.to_string(), "a\nb");
        assert_eq!(Error::join(Vec::new()), None);
    }

    #[test]
    fn error_io_names_operation_and_file() {
        let path = std::path::Path::new("/nowhere/x.yaml");
        let cause = std::fs::read(path).unwrap_err();
        assert_eq!(
            Error::io("open", path, &cause).to_string(),
            "open /nowhere/x.yaml: no such file or directory"
        );
    }
}
