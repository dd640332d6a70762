//! YAML in and out. Reading keeps positions, so that errors name file, line and field; writing
//! prints byte for byte what the standard program's library prints (block style, 80 columns).

pub mod de;
pub mod documents;
pub mod emit;
pub mod load;
pub mod node;
pub mod scalar;
pub mod ser;
pub mod value;

pub use node::{Node, Position};
pub use value::Value;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::text::Result;

/// What happens to keys a type does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// They fail: documents written by users.
    Refuse,
    /// They are skipped: config files, which a newer program may have written.
    Skip,
}

/// Decodes one node into a type.
///
/// # Errors
/// A [`de::DecodeError`] with line, field path and reason.
pub fn decode<T: DeserializeOwned>(
    node: &Node,
    unknown: Unknown,
) -> std::result::Result<T, de::DecodeError> {
    T::deserialize(de::NodeDeserializer::new(node, unknown))
}

/// Turns a type into an ordered value.
///
/// # Errors
/// [`crate::text::Error::Internal`] when the type cannot be written as YAML (a map key that is not a scalar).
pub fn to_value<T: Serialize + ?Sized>(thing: &T) -> Result<Value> {
    thing
        .serialize(ser::ValueSerializer)
        .map_err(|error| crate::text::Error::internal(error.to_string()))
}

/// Writes a type as one YAML document without a `---` line.
///
/// # Errors
/// As [`to_value`].
pub fn to_text<T: Serialize + ?Sized>(thing: &T) -> Result<String> {
    Ok(emit::document(&to_value(thing)?))
}
