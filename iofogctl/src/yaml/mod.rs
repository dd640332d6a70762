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

use std::io::Read as _;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::text::{Error, Result};

/// Largest file that is read; a thousand Agents take a third of a megabyte.
const MAX_FILE: u64 = 16 << 20;

/// What happens to keys a type does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// They fail: documents written by users.
    Refuse,
    /// They are skipped: config files, which a newer program may have written.
    Skip,
}

/// Reads a file of YAML, which may also be something without an end.
///
/// # Errors
/// It cannot be read, is no text, or is larger than any such file.
pub fn read_file(path: &Path) -> Result<String> {
    let failed = |cause: &std::io::Error| Error::io("open", path, cause);
    let file = std::fs::File::open(path).map_err(|cause| failed(&cause))?;
    let mut text = String::new();
    let read = file.take(MAX_FILE + 1).read_to_string(&mut text);
    match read.map_err(|cause| failed(&cause))? {
        count if count as u64 > MAX_FILE => {
            Err(Error::Input(format!("{} is larger than {} MiB", path.display(), MAX_FILE >> 20)))
        }
        _ => Ok(text),
    }
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
