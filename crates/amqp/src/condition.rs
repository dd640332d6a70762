//! Errors that travel: a condition, a text for people, and details (AMQP 1.0 part 2, 2.8.14-2.8.18).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{DecodeError, FieldWriter, Fields, Symbol, SymbolMap, codes};

/// An error as it is put into `rejected`, `detach`, `end` and `close`.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// What kind of error, from the constants of this module or a peer's own.
    pub condition: Symbol,
    /// For people.
    pub description: Option<String>,
    /// Details; empty when there are none.
    pub info: SymbolMap,
}

impl Error {
    /// An error with a text.
    #[must_use]
    pub fn new(condition: Symbol, description: impl Into<String>) -> Self {
        Self { condition, description: Some(description.into()), info: SymbolMap::new() }
    }

    /// Reads a field that may hold an error.
    pub(crate) fn read_field(fields: &mut Fields<'_>) -> Result<Option<Box<Self>>, DecodeError> {
        let Some(reader) = fields.raw()? else { return Ok(None) };
        match reader.descriptor()? {
            codes::ERROR => {}
            other => return Err(DecodeError::UnknownDescriptor(other)),
        }
        let mut fields = Fields::enter(reader)?;
        let error = Self {
            condition: fields.symbol("condition")?.ok_or(DecodeError::MissingField("condition"))?,
            description: fields.string("description")?,
            info: fields.symbol_map("info")?,
        };
        fields.finish()?;
        Ok(Some(Box::new(error)))
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut fields = FieldWriter::new(out, codes::ERROR);
        fields.symbol(Some(&self.condition));
        fields.string(self.description.as_deref());
        fields.symbol_map(&self.info);
        fields.finish();
    }
}

macro_rules! conditions {
    ($($name:ident = $text:literal, $doc:literal;)*) => {
        $(#[doc = $doc] pub const $name: Symbol = Symbol::from_static($text);)*
    };
}

conditions! {
    INTERNAL_ERROR = "amqp:internal-error", "The peer failed in a way of its own.";
    NOT_FOUND = "amqp:not-found", "No such address.";
    UNAUTHORIZED_ACCESS = "amqp:unauthorized-access", "Not allowed for this identity.";
    DECODE_ERROR = "amqp:decode-error", "Bytes that are not AMQP.";
    RESOURCE_LIMIT_EXCEEDED = "amqp:resource-limit-exceeded", "A limit of the peer was passed, or it was silent for too long.";
    NOT_ALLOWED = "amqp:not-allowed", "Valid, but not in this state.";
    INVALID_FIELD = "amqp:invalid-field", "A field holds a value that cannot be used.";
    NOT_IMPLEMENTED = "amqp:not-implemented", "A feature that the peer lacks.";
    RESOURCE_LOCKED = "amqp:resource-locked", "Someone else holds it.";
    PRECONDITION_FAILED = "amqp:precondition-failed", "A condition of the request does not hold.";
    RESOURCE_DELETED = "amqp:resource-deleted", "The node went away.";
    ILLEGAL_STATE = "amqp:illegal-state", "The peer is in a state that forbids the frame.";
    FRAME_SIZE_TOO_SMALL = "amqp:frame-size-too-small", "A frame cannot carry what it has to.";
    CONNECTION_FORCED = "amqp:connection:forced", "Closed by the operator.";
    FRAMING_ERROR = "amqp:connection:framing-error", "Bytes that are not frames.";
    REDIRECT = "amqp:connection:redirect", "Go elsewhere.";
    WINDOW_VIOLATION = "amqp:session:window-violation", "More transfer frames than the window allows.";
    ERRANT_LINK = "amqp:session:errant-link", "A frame for a link that ended with an error.";
    HANDLE_IN_USE = "amqp:session:handle-in-use", "A handle that is already attached.";
    UNATTACHED_HANDLE = "amqp:session:unattached-handle", "A handle that is not attached.";
    DETACH_FORCED = "amqp:link:detach-forced", "Detached by the operator.";
    TRANSFER_LIMIT_EXCEEDED = "amqp:link:transfer-limit-exceeded", "More deliveries than the credit allows.";
    MESSAGE_SIZE_EXCEEDED = "amqp:link:message-size-exceeded", "A message above the agreed size.";
    LINK_STOLEN = "amqp:link:stolen", "Another link took the name.";
}
