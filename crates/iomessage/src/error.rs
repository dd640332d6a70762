//! What can be wrong with a message, naming the field.

/// Why bytes are not a binary message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The message is not complete: at least this many bytes in all are needed.
    #[error("message is cut short: {0} bytes are needed")]
    NeedMore(u64),
    /// The version is not 4.
    #[error("version {0} is not supported")]
    Version(u16),
    /// A text field is not UTF-8.
    #[error("{0} is not UTF-8 text")]
    NotText(&'static str),
    /// An integer has more than 8 bytes, or a value that the field cannot hold.
    #[error("{0} is not an integer in range")]
    Integer(&'static str),
    /// Bytes follow the message.
    #[error("{0} bytes follow the message")]
    Trailing(usize),
}

/// Why a message has no binary form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A field is longer than its length prefix can say.
    #[error("{field} has {length} bytes, at most {limit} fit")]
    TooLong {
        /// JSON name of the field.
        field: &'static str,
        /// Its length in bytes.
        length: usize,
        /// The most that the prefix can say.
        limit: u64,
    },
}

/// Why a JSON document is not a message; names the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON, or not an object.
    #[error("message is not a JSON object: {0}")]
    Syntax(String),
    /// A required key is missing or blank.
    #[error("{0} is required")]
    Missing(&'static str),
    /// A key that holds text has something else.
    #[error("{0} must be a string")]
    NotText(&'static str),
    /// A key that holds a number has something else, or a number out of range.
    #[error("{0} must be a non-negative integer")]
    NotInteger(&'static str),
    /// Data is not base64 with padding.
    #[error("{0} must be base64")]
    NotBase64(&'static str),
}
