//! Why foreign bytes are not AMQP. "More bytes needed" is never among them: see [`crate::frame`] and [`crate::section`].

/// Malformed bytes inside a complete frame or message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A value reaches past the end of what encloses it.
    #[error("value reaches past the end of its container")]
    Truncated,
    /// Bytes are left over after the last value of a container.
    #[error("bytes left over after the last value")]
    Trailing,
    /// A format code that the protocol does not define.
    #[error("unknown format code 0x{0:02x}")]
    UnknownCode(u8),
    /// A known type where another is required.
    #[error("field {field}: format code 0x{code:02x} is not allowed here")]
    WrongType {
        /// Name of the field, or what was being read.
        field: &'static str,
        /// The format code found.
        code: u8,
    },
    /// A mandatory field is null or absent.
    #[error("mandatory field {0} is missing")]
    MissingField(&'static str),
    /// A field holds a value outside of its domain.
    #[error("field {0} is out of range")]
    OutOfRange(&'static str),
    /// Nested deeper than [`crate::MAX_DEPTH`].
    #[error("nested too deeply")]
    TooDeep,
    /// More elements than the bytes could hold, or more than a message may decode into.
    #[error("too many elements")]
    TooMany,
    /// A map with an odd number of elements.
    #[error("map has an odd number of elements")]
    OddMap,
    /// A string that is not UTF-8, or a symbol that is not ASCII.
    #[error("text is not valid")]
    BadText,
    /// A delivery tag above 32 bytes.
    #[error("delivery tag is longer than 32 bytes")]
    TagTooLong,
    /// A described type whose descriptor is not one that may stand here.
    #[error("descriptor 0x{0:x} is not allowed here")]
    UnknownDescriptor(u64),
    /// Message sections out of order, repeated or missing.
    #[error("message sections are out of order")]
    SectionOrder,
}
